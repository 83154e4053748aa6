"""Release files of trained models: their cards, their figures, and packing."""
