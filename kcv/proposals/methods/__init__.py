"""The proposal methods, one file each."""
