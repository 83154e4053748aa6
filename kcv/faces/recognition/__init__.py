"""Finding people on images."""
