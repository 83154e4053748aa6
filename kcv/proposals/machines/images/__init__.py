"""Colors, edges and textures of the pixels of an image."""
