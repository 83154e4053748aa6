"""Transforms of streams: resizing, augmentation, batches."""
