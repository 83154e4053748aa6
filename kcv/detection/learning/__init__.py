"""What `compute_loss` of a detector is made of."""
