"""What the graph of a detector is made of."""
