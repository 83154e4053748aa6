"""Sets of faces: who is on which image, and where the face is."""
