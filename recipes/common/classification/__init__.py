"""What the recipes of classification share."""
