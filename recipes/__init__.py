"""Runnable experiments: `python -m recipes.NAME`, from a checkout of kcv."""

from kcv.extras import describe_installation
from kcv.quiet_tensorflow import load_tensorflow

# Here, before any recipe: each of them has its options in tyro's terms.
try:
    import tyro  # noqa: F401
except ImportError as error:
    raise ImportError(
        "The recipes read their options by tyro. "
        + describe_installation("recipes")
    ) from error

# Before a recipe imports it, with its messages.
load_tensorflow()
