"""What the recipes of detection share."""
