"""Windows on regular grids, a baseline of Hosang et al. (PAMI 2016)."""

import numpy as np

from kcv.proposals.record import Proposals

# Width and height of the windows that BING found objects in, the largest
# first: all powers of two from 16 to 512 but the most elongated.
SIZES = [
    (width, height)
    for height, widths in (
        (512, (512, 256, 128, 64)),
        (256, (512, 256, 128, 64, 32)),
        (128, (512, 256, 128, 64, 32, 16)),
        (64, (512, 256, 128, 64, 32, 16)),
        (32, (128, 64, 32, 16)),
        (16, (64, 32, 16)),
    )
    for width in widths
]
# Index of the size from which grids are made denser where the number allows it:
# 256 x 256 if no size was left out.
FIRST_DENSER = 5


def sliding_window(
    image: np.ndarray,
    max_proposals: int,
    rng: np.random.Generator | None = None,
) -> Proposals:
    """Spread windows of fixed sizes evenly over the image.

    Every size that is smaller than the image has an equal share of the number,
    on a centered grid with the same stride along both axes, as dense as the
    share allows. For the windows that are left, grids are made denser by a
    third, in order. If a size was too large, the whole image is a window, too.

    Args:
        image: Image (H, W, 3), of which only the size is used.
        max_proposals: Maximum number of windows.
        rng: Has no effect, because the method needs no random numbers. Defaults
            to None.

    Returns:
        `Proposals` with boxes (n, 4) float64, not rounded. As in the authors'
        code all are one pixel wider and higher than their size, and the window
        of the whole image begins at -1.
    """
    height, width = image.shape[:2]
    sizes = [(w, h) for w, h in SIZES if w < width and h < height]
    boxes = []
    if len(sizes) < len(SIZES):
        boxes.append(np.array([[-1.0, -1.0, width, height]]))
    if not sizes or max_proposals < len(sizes):
        return Proposals(np.concatenate([*boxes, np.empty((0, 4))]))

    free = [(width - w, height - h) for w, h in sizes]
    share = max_proposals // len(sizes)
    strides = [_stride(x, y, share) for x, y in free]
    counts = [_count(x, y, s) for (x, y), s in zip(free, strides, strict=True)]
    room = max_proposals - len(boxes) - sum(counts)
    for i in range(FIRST_DENSER, len(sizes)):
        denser = 0.75 * strides[i]
        more = _count(*free[i], denser) - counts[i]
        if more >= room:
            break
        strides[i] = denser
        room -= more

    for size, (x, y), stride in zip(sizes, free, strides, strict=True):
        corners = np.meshgrid(_places(x, stride), _places(y, stride))
        first = np.stack(corners, -1).reshape(-1, 2)
        # From the first pixel, number 1, to the last, which belongs to the box.
        boxes.append(np.concatenate([first - 1, first + size], 1))
    return Proposals(np.concatenate(boxes))


def _stride(x, y, share):
    stride = np.sqrt(x * y / share)
    while _count(x, y, stride) > share:
        stride += 1
    return stride


def _count(x, y, stride):
    return len(_places(x, stride)) * len(_places(y, stride))


def _places(free, stride):
    """First pixels of windows along an axis, from 1 to `free`, centered."""
    steps, rest = divmod(free - 1, stride)
    return 1 + rest / 2 + stride * np.arange(int(steps) + 1)
