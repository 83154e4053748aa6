"""Windows on regular grids, a baseline of Hosang et al. (PAMI 2016)."""

import numpy as np

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
# Where there is room left, these come denser first: 256 x 256, when no size
# was left out, and what is smaller.
FIRST_DENSER = 5


def sliding_window(
    image: np.ndarray,
    max_proposals: int,
    rng: np.random.Generator | None = None,
) -> tuple[np.ndarray, None]:
    """Spread windows of fixed sizes evenly over the image.

    Every size that is smaller than the image has an equal share, on a grid
    with the same stride along both axes, as dense as the share allows, in the
    middle. What is left makes grids denser by a third, in order. If any size
    was too large, the whole image is a window, too.

    Args:
        image: (H, W, 3), of which only the size counts.
        max_proposals: Windows at most.
        rng: Not used.

    Returns:
        Boxes (n, 4) float64 xyxy, half-open, not rounded, and None. As in the
        authors' code all are a pixel wider and higher than their size, also
        the window of the whole image, which begins at -1.
    """
    height, width = image.shape[:2]
    sizes = [(w, h) for w, h in SIZES if w < width and h < height]
    boxes = []
    if len(sizes) < len(SIZES):
        boxes.append(np.array([[-1.0, -1.0, width, height]]))
    if not sizes or max_proposals < len(sizes):
        return np.concatenate([*boxes, np.empty((0, 4))]), None

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
        # From the first pixel, which is 1, to the last, which belongs to it.
        boxes.append(np.concatenate([first - 1, first + size], 1))
    return np.concatenate(boxes), None


def _stride(x, y, share):
    stride = np.sqrt(x * y / share)
    while _count(x, y, stride) > share:
        stride += 1
    return stride


def _count(x, y, stride):
    return len(_places(x, stride)) * len(_places(y, stride))


def _places(free, stride):
    """First pixels along an axis, from 1 to `free`, in its middle."""
    steps, rest = divmod(free - 1, stride)
    return 1 + rest / 2 + stride * np.arange(int(steps) + 1)
