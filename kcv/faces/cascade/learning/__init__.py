"""Training of the face cascade, stage by stage."""
