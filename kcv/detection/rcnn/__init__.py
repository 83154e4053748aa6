"""R-CNN, stage by stage."""
