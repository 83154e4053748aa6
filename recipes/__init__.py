"""Runnable experiments: `python -m recipes.NAME`, from a checkout of kcv."""
