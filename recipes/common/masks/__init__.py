"""What the recipes of mask proposals share."""
