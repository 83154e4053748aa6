"""What the recipes of faces share."""
