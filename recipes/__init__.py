"""Runnable experiments: `python -m recipes.NAME`, from a checkout of kcv."""

# Here, before any recipe: each of them has its options in tyro's terms.
try:
    import tyro  # noqa: F401
except ImportError as error:
    raise ImportError(
        'the recipes read their options by tyro: pip install "kcv[recipes]"'
    ) from error
