"""Data sets that come with kcv."""
