"""Sets with a mask for each object, by the name that a command line gives."""

from kcv.data.sources.digit_scenes import load_digit_scenes
from kcv.data.sources.names import parse_name
from kcv.data.streams.holdout import check_split
from kcv.examples import DataSet

_FORMS = ("digit_scenes",)


def load_instances(
    source: str = "digit_scenes",
    split: str = "train",
    *,
    seed: int | None = None,
    start: int = 0,
    on_error: str = "raise",
    skipped: list[str] | None = None,
) -> DataSet:
    """Open."""
    check_split(split)
    parse_name(source, _FORMS)
    return load_digit_scenes(split, seed, start, "instance")
