"""Scripts that print ratios against peers and limits."""
