"""The names of data sets on a command line: the grammar of `--data`.

A name is a kind alone, such as "digit_scenes" or "voc/2007", or a kind and the
paths of one's own files, separated by colons, such as "voc:FOLDER" or
"coco:ANNOTATIONS.json:IMAGES". In Python there is a function with plain
arguments for each kind of files, such as `kcv.data.voc(folder, split)`.
"""

from collections.abc import Sequence


def parse_name(
    source: str, forms: Sequence[str]
) -> tuple[str, tuple[str, ...]]:
    """Divide the name of a data set into its kind and its paths.

    Args:
        source: Name of a data set.
        forms: Forms that names may have, with placeholders for paths, such as
            ("digits", "folder:TRAIN", "folder:TRAIN:TEST").

    Returns:
        Tuple (kind, paths). If all forms of the kind have one path, that path
        may contain colons.

    Raises:
        ValueError: If the name has none of the forms, or an empty path.

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
        paths = (rest,) if counts == {1} else tuple(rest.split(":"))
    if len(paths) not in counts or not all(paths):
        raise ValueError(
            f"`source` must be one of {', '.join(forms)}. Received: "
            f"source={source!r}"
        )
    return kind, paths
