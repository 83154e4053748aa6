"""The names of datasets on a command line: the grammar of `--data`.

A name is a kind alone, such as "digit_scenes" or "voc/2007", or a kind and the
paths of one's own files, separated by colons, such as "voc:FOLDER" or
"coco:ANNOTATIONS.json:IMAGES". In Python there is a function with plain
arguments for each kind of files, such as `kcv.data.voc(folder, split)`.
"""

import itertools
import os
from collections.abc import Sequence

# More colons than this are in no name of a dataset.
_MANY = 12


def parse_name(
    source: str, forms: Sequence[str]
) -> tuple[str, tuple[str, ...]]:
    """Divide the name of a dataset into its kind and its paths.

    Args:
        source: Name of a dataset.
        forms: Forms that names may have, with placeholders for paths, such as
            ("digits", "folder:TRAIN", "folder:TRAIN:TEST").

    Returns:
        Tuple (kind, paths). If all forms of the kind have one path, that path
        may contain colons. Otherwise a colon inside a path is recognized if
        the path exists.

    Raises:
        ValueError: If the name has none of the forms, has an empty path, or can
            be divided into paths that exist in two ways.

    Example:

    >>> forms = ("digits", "folder:TRAIN", "folder:TRAIN:TEST")
    >>> parse_name("folder:flowers:held_out", forms)
    ('folder', ('flowers', 'held_out'))
    """
    kind, colon, rest = source.partition(":")
    counts = {
        form.count(":") for form in forms if form.partition(":")[0] == kind
    }
    paths: tuple[str, ...] = ()
    if colon:
        paths = (rest,) if counts == {1} else _divide(source, rest, counts)
    if len(paths) not in counts or not all(paths):
        raise ValueError(
            f"`source` must be one of {', '.join(forms)}. Received: "
            f"source={source!r}. Colons divide the paths, and a path with a "
            "colon in it must exist."
        )
    return kind, paths


def _divide(source, rest, counts) -> tuple[str, ...]:
    """Divide paths at colons, some of which may belong to a path."""
    parts = rest.split(":")
    places = range(1, len(parts))
    divided = [
        tuple(
            ":".join(parts[begin:end])
            for begin, end in itertools.pairwise((0, *cuts, len(parts)))
        )
        for count in counts - {0}
        for cuts in itertools.combinations(places, count - 1)
        if len(parts) < _MANY
    ]
    there = [paths for paths in divided if all(map(os.path.exists, paths))]
    if len(there) > 1:
        raise ValueError(
            "`source` must have one meaning, and its colons divide it into "
            f"paths that exist in {len(there)} ways: {there}. Received: "
            f"source={source!r}"
        )
    return there[0] if there else tuple(parts)
