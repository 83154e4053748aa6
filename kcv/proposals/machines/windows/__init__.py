"""Windows: where they are drawn, what they score, which are kept."""
