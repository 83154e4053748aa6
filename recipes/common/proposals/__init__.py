"""What recipes of region proposals share."""
