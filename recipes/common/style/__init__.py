"""What the recipes of style share."""
