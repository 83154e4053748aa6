"""What the recipes of segmentation share."""
