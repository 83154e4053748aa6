"""What the networks of this chapter learn from: losses and their samples."""
