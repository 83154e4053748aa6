"""Streams of examples: order, decoding, randomness, validation."""
