"""Selection of patches, as DeepID2 selects 25 of 400."""

from collections.abc import Callable
from typing import NamedTuple


class PatchSelection(NamedTuple):
    """Patches that verify well together.

    Attributes:
        patches: Numbers of the selected patches, in the order in which they
            were added.
        score: Score of the selection.
        scores: Best score of a selection of 1, 2, ... patches that was found.
    """

    patches: tuple[int, ...]
    score: float
    scores: tuple[float, ...]


def select_patches(
    evaluate: Callable[[tuple[int, ...]], float],
    num_patches: int,
    count: int = 25,
    backward: bool = True,
) -> PatchSelection:
    """Select patches by the greedy forward-backward search of DeepID2.

    The patch that raises the score most is added. Then patches are removed one
    at a time, as long as what remains has a higher score than any selection of
    that size before. Both are repeated until there are `count` patches (Sun et
    al., NIPS 2014). The search needs about `num_patches` times `count`
    evaluations.

    Args:
        evaluate: Function from numbers of patches to a score that is higher
            for better verification, such as the accuracy of `kcv.metrics`
            on a validation set.
        num_patches: Number of patches to select from. Positive integer.
        count: Number of patches to select. Integer from 1 to `num_patches`.
            Defaults to 25, the number of DeepID2.
        backward: Whether patches are removed, too. Defaults to True.

    Returns:
        `PatchSelection`.

    Raises:
        ValueError: If `count` is out of its range.

    Example:

    >>> values = [3, 5, 1, 4]
    >>> select_patches(lambda own: sum(values[i] for i in own), 4, 2).patches
    (1, 3)
    """
    if not 1 <= count <= num_patches:
        raise ValueError(
            f"`count` must be from 1 to {num_patches}. Received: "
            f"count={count!r}"
        )

    def best_of(candidates):
        scored = [(evaluate(own), own) for own in candidates]
        return max(scored, key=lambda pair: pair[0])

    selected: tuple[int, ...] = ()
    # The best selection of each number of patches so far.
    best: dict[int, tuple[float, tuple[int, ...]]] = {}
    while len(selected) < count:
        rest = [i for i in range(num_patches) if i not in selected]
        score, selected = best_of((*selected, i) for i in rest)
        size = len(selected)
        if size not in best or score > best[size][0]:
            best[size] = score, selected
        elif backward:
            # The search was here before with a better selection.
            selected = best[size][1]
        while backward and len(selected) > 2:
            score, smaller = best_of(
                tuple(i for i in selected if i != left_out)
                for left_out in selected
            )
            if score <= best[len(smaller)][0]:
                break
            selected = smaller
            best[len(smaller)] = score, smaller
    score, selected = best[count]
    scores = tuple(best[size][0] for size in range(1, count + 1))
    return PatchSelection(selected, score, scores)
