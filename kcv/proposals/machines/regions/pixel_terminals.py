"""Seeds and grounds of CPMC's figures in a graph of pixels.

Carreira and Sminchisescu, "CPMC: Automatic object segmentation using
constrained parametric min-cuts", PAMI 2012: seeds in a grid, seeds that know
their colors, and windows outside of which there is only ground.
"""

from collections.abc import Iterator

import numpy as np

from kcv.proposals.machines.regions.figure_ground import HARD
from kcv.proposals.machines.regions.figure_ground import Terminals
from kcv.proposals.machines.regions.figure_ground import external_terminals
from kcv.proposals.machines.regions.figure_ground import internal_terminals
from kcv.proposals.machines.regions.figure_seeds import color_affinity
from kcv.proposals.machines.regions.figure_seeds import dominant_colors
from kcv.proposals.machines.regions.figure_seeds import frame_costs
from kcv.proposals.machines.regions.figure_seeds import seed_boxes

_NUM_COLORS = 5
_WINDOW_SEED = 5  # side of the seed of a window, in pixels


def uniform_terminals(
    shape: tuple[int, int],
    grid: int = 5,
    internal_size: float = 20.0,
    external_size: float = 10.0,
    frame_weight: float = 1000.0,
) -> Iterator[Terminals]:
    """Make terminals by which all pixels off the seed cost the same.

    Args:
        shape: Height and width of the graph of pixels.
        grid: Number of seeds in each direction. Defaults to 5.
        internal_size: Side of a seed without a known ground. Defaults to 20.
        external_size: Side of a seed whose ground is the frame. Defaults to
            10.
        frame_weight: Cost of the pixel of the frame that is farthest from the
            seed. Defaults to 1000.

    Yields:
        The `Terminals` of the seeds without a ground, those of the seeds with
        one, and those without a seed, whose ground is the frame, its rows, its
        columns, or the frame without the bottom.
    """
    places = _places(shape)
    sides = _sides(shape)
    frame = sides.any(0)
    ones = np.ones(len(frame))
    for seed, _ in _seeds(seed_boxes(shape, grid, internal_size), shape):
        yield internal_terminals(ones, seed)
    for seed, center in _seeds(seed_boxes(shape, grid, external_size), shape):
        costs = frame_costs(places, frame & ~seed, center, frame_weight)
        yield external_terminals(ones, seed, costs)
    no_seed = np.zeros(len(frame), bool)
    for used in ([0, 1, 2, 3], [0, 1], [2, 3], [0, 2, 3]):
        costs = frame_weight * sides[used].any(0)
        yield external_terminals(ones, no_seed, costs)


def color_terminals(
    colors: np.ndarray,
    seeds: np.ndarray,
    rng: np.random.Generator,
    weight: float = 200.0,
    decay: float = 0.07,
    frame_weight: float = 1000.0,
) -> Iterator[Terminals]:
    """Make terminals by which pixels with the colors of a seed gain.

    Args:
        colors: Colors (H, W, 3) of the pixels of the graph.
        seeds: Boxes (k, 4) of the seeds, xyxy, half-open.
        rng: Generator for the clustering of colors.
        weight: Gain of a pixel whose color is that of the seed. Defaults to
            200.
        decay: Factor of the distance of colors. Defaults to 0.07.
        frame_weight: Cost of the pixel of the frame that is farthest from the
            seed. Defaults to 1000.

    Yields:
        For each seed, the `Terminals` without a known ground and those whose
        ground is the frame.
    """
    shape = colors.shape[:2]
    places, frame = _places(shape), _sides(shape).any(0)
    flat = colors.reshape(-1, 3)
    ones = np.ones(len(flat))

    def compare(members):
        centers = dominant_colors(flat[members], _NUM_COLORS, rng)
        return weight * color_affinity(flat, centers, decay)

    ground = compare(frame)
    for seed, center in _seeds(seeds, shape):
        affinity = compare(seed)
        yield internal_terminals(ones, seed, affinity)
        costs = frame_costs(places, frame & ~seed, center, frame_weight)
        yield external_terminals(ones, seed, costs, affinity, ground)


def window_terminals(
    colors: np.ndarray,
    rng: np.random.Generator,
    grid: int = 6,
    share: float = 0.6,
    frame_cost: float = 100.0,
    weight: float = 200.0,
    decay: float = 0.07,
) -> Iterator[Terminals]:
    """Make terminals of figures inside windows, whose outside is the ground.

    A pixel outside the window is part of the ground for sure, unless it is at
    the frame of the image, where it is free. Pixels of the frame inside the
    window cost `frame_cost`. This is how the authors' program gives them.

    Args:
        colors: Colors (H, W, 3) of the pixels of the graph.
        rng: Generator for the clustering of colors.
        grid: Number of windows in each direction. Defaults to 6.
        share: Side of a window, as a part of the longer side of the image.
            Windows are clipped to the image. Defaults to 0.6.
        frame_cost: Cost of a pixel of the frame. Defaults to 100.
        weight: Gain of a pixel whose color is that of the seed. Defaults to
            200.
        decay: Factor of the distance of colors. Defaults to 0.07.

    Yields:
        The `Terminals` of each window without a seed, then those of each
        window for the colors of a seed of 5 x 5 pixels in its center.
    """
    shape = colors.shape[:2]
    frame = _sides(shape).any(0)
    flat = colors.reshape(-1, 3)
    nothing = np.zeros(len(flat))
    boxes = window_boxes(shape, grid, share)
    windows = []
    for inside, _ in _seeds(boxes, shape):
        outside = np.where(inside, 0.0, HARD)
        windows.append((inside, np.where(frame, frame_cost * inside, outside)))
    for inside, cost in windows:
        yield Terminals(nothing, inside * 1.0, cost, inside * 1.0)
    corners = (boxes[:, :2] + boxes[:, 2:]) // 2 - _WINDOW_SEED // 2
    corners = np.maximum(corners, 0)
    seeds = np.concatenate([corners, corners + _WINDOW_SEED], 1)
    for (inside, cost), (seed, _) in zip(
        windows, _seeds(seeds, shape), strict=True
    ):
        centers = dominant_colors(flat[seed], _NUM_COLORS, rng)
        gain = inside * weight * color_affinity(flat, centers, decay)
        yield Terminals(
            np.where(seed, HARD, gain),
            nothing,
            np.where(seed, 0.0, cost),
            np.where(seed, 0.0, inside),
        )


def window_boxes(
    shape: tuple[int, int], grid: int = 6, share: float = 0.6
) -> np.ndarray:
    """Place square windows in a regular grid, and clip them to the image.

    The rule was found from cuts that the authors' program gave. It has all
    windows of an image of 160 x 220 pixels. In four other sizes, a side of a
    window in seven is one pixel away from the program's. The last column is in
    no window.

    Args:
        shape: Height and width, in pixels.
        grid: Number of windows in each direction. Defaults to 6.
        share: Side of a window, as a part of the longer side of the image.
            Defaults to 0.6.

    Returns:
        Boxes (grid * grid, 4) int64, xyxy in pixels, half-open, row by row.
    """
    half = share * max(shape) / 2
    spans = []
    for length, stop in zip(shape, (shape[0], shape[1] - 1), strict=True):
        steps = np.arange(grid) - (grid - 1) / 2
        centers = length / 2 + 0.27 + steps * (length - 1) / grid
        first = np.floor(centers - half) - 1
        first = np.clip(first, 0, max(0, stop - 1)).astype(np.int64)
        last = np.minimum(np.floor(centers + half), stop).astype(np.int64)
        spans.append((first, np.maximum(last, first + 1)))
    (top, bottom), (left, right) = spans
    return np.stack(
        [
            np.tile(left, grid),
            np.repeat(top, grid),
            np.tile(right, grid),
            np.repeat(bottom, grid),
        ],
        axis=1,
    )


def _places(shape):
    return np.indices(shape).reshape(2, -1).T.astype(np.float64)


def _sides(shape):
    """Pixels of the top, the bottom, the left and the right, (4, n) bool."""
    sides = np.zeros((4, *shape), bool)
    sides[0, :1] = sides[1, -1:] = sides[2, :, :1] = sides[3, :, -1:] = True
    return sides.reshape(4, -1)


def _seeds(boxes, shape):
    """Yield the pixels of each box, and their center as (y, x)."""
    for left, top, right, bottom in boxes:
        seed = np.zeros(shape, bool)
        seed[top:bottom, left:right] = True
        yield seed.ravel(), ((top + bottom - 1) / 2, (left + right - 1) / 2)
