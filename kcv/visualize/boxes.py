"""Drawing of boxes with their classes and scores on an image."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from kcv.pixels import to_rgb
from kcv.visualize.figure import new_figure

# A power of two, so that pixels / dpi * dpi is exact.
DPI = 64
# Number of detections that are drawn if no score is high enough.
BEST = 3


def draw_boxes(
    image: ArrayLike,
    boxes: ArrayLike,
    labels: ArrayLike,
    scores: ArrayLike | None = None,
    class_names: Sequence[str] | None = None,
    difficult: ArrayLike | None = None,
    zoom: int = 1,
) -> np.ndarray:
    """Draw boxes on a copy of an image.

    Args:
        image: Image (H, W, 3) or (H, W) with values in [0, 255].
        boxes: Boxes (N, 4), half-open xyxy in pixels of the image.
        labels: Labels (N,), integers from 0. Ten colors alternate by label.
        scores: Scores (N,) in [0, 1], which are written after the class. If
            None, no scores are written, as for ground truth. Defaults to None.
        class_names: Names of the labels. If None, the labels are written as
            numbers. Defaults to None.
        difficult: Which boxes are drawn with dashed lines, (N,) bool. If None,
            all lines are solid. Defaults to None.
        zoom: Factor by which the image is enlarged. Small images need 2 to 4
            for legible text. Positive integer. Defaults to 1.

    Returns:
        Image (zoom * H, zoom * W, 3) uint8.

    Raises:
        ValueError: If the image has another shape, or the other arrays differ
            in length.

    Example:

    >>> image = np.zeros((48, 64, 3), np.uint8)
    >>> draw_boxes(image, [[8, 8, 24, 40]], [0], [0.9], zoom=2).shape
    (96, 128, 3)
    """
    pixels = to_rgb(image, clip=True)
    height, width = pixels.shape[0] * zoom, pixels.shape[1] * zoom
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    found = {"boxes": boxes, "labels": labels}
    if scores is not None:
        found["scores"] = scores
    if difficult is not None:
        found["difficult"] = difficult
    draw_boxes_on(axes, pixels, found, class_names)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def draw_boxes_on(
    axes: Axes,
    image: ArrayLike,
    found: Mapping[str, Any],
    class_names: Sequence[str] | None = None,
) -> None:
    """Show an image with its boxes on matplotlib axes.

    Args:
        axes: `matplotlib.axes.Axes`. Their frame and ticks are removed.
        image: Image (H, W, 3) or (H, W) with values in [0, 255].
        found: Dict of `boxes` (N, 4), `labels` (N,), and optionally `scores`
            (N,) and `difficult` (N,). The dictionaries of `kcv.metrics` have
            one such entry for each image.
        class_names: Names of the labels. If None, the labels are written as
            numbers. Defaults to None.

    Raises:
        ValueError: If the image has another shape, or the other arrays differ
            in length.

    Example:

    ```python
    figure = kcv.visualize.new_figure(4, 4)
    draw_boxes_on(figure.add_subplot(), image, detections[image_id])
    ```
    """
    pixels = to_rgb(image, clip=True)
    boxes = np.asarray(found["boxes"], np.float64).reshape(-1, 4)
    columns = {
        name: np.asarray(found[name])
        for name in ("labels", "scores", "difficult")
        if name in found
    }
    for name, column in columns.items():
        if column.shape != (len(boxes),):
            raise ValueError(
                f"`{name}` must have the shape ({len(boxes)},), as there are "
                f"{len(boxes)} boxes. Received: shape {column.shape}"
            )
    height, width = pixels.shape[:2]
    # Half-open boxes run along the edges of pixels, not through centers.
    axes.imshow(pixels, extent=(0, width, height, 0), interpolation="nearest")
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_axis_off()
    for k, (x1, y1, x2, y2) in enumerate(boxes):
        label = int(columns["labels"][k])
        text = str(label) if class_names is None else str(class_names[label])
        if "scores" in columns:
            text = f"{text} {columns['scores'][k]:.2f}"
        hard = "difficult" in columns and bool(columns["difficult"][k])
        color = matplotlib.colormaps["tab10"](label % 10)
        axes.add_patch(
            Rectangle(
                (x1, y1),
                x2 - x1,
                y2 - y1,
                fill=False,
                edgecolor=color,
                linewidth=1.5,
                linestyle="--" if hard else "-",
            )
        )
        # The text stands at the corner that is farther from the nearer side of
        # the image, so that it stays inside.
        left = x1 < width / 2
        axes.annotate(
            text,
            (max(x1, 0) if left else min(x2, width), max(y1, 0)),
            xytext=(1 if left else -1, -1),
            textcoords="offset points",
            horizontalalignment="left" if left else "right",
            verticalalignment="top",
            fontsize=7,
            color="white",
            # A `$` in a class name does not begin a formula.
            parse_math=False,
            bbox={"facecolor": color, "edgecolor": "none", "pad": 1},
        )


def detection_gallery(
    examples: Sequence[tuple[Any, Mapping[str, Any], Mapping[str, Any]]],
    class_names: Sequence[str] | None = None,
    min_score: float = 0.5,
    pairs_per_row: int = 2,
    titles: Sequence[str] | None = None,
) -> Figure:
    """Show detections beside the ground truth, image by image.

    If an image has objects and no detection reaches `min_score`, the best three
    detections are drawn with dashed lines.

    Args:
        examples: Tuples (image, ground truth, detections) of images (H, W, 3)
            with values in [0, 255] and of two dicts of `boxes` (N, 4), `labels`
            (N,), `scores` (N,) and `difficult` (N,), the latter two optional.
            Boxes of difficult objects are dashed.
        class_names: Names of the labels. If None, the labels are written as
            numbers. Defaults to None.
        min_score: Minimum score of a detection to be drawn. Float in [0, 1].
            Defaults to 0.5.
        pairs_per_row: Number of images in a row. Each is shown twice. Defaults
            to 2.
        titles: Text above each image. If None, it is "ground truth". Defaults
            to None.

    Returns:
        Matplotlib figure. The left half of each pair shows the ground truth,
        the right half the detections.

    Raises:
        ValueError: If `examples` is empty.

    Example:

    ```python
    figure = detection_gallery(
        [(image, ground_truth[i], detections[i]) for i, image in images]
    )
    figure.savefig("detections.png")
    ```
    """
    if not examples:
        raise ValueError("`examples` must not be empty. Received: no example")
    columns = min(pairs_per_row, len(examples))
    rows = -(-len(examples) // columns)
    aspects = [
        height / width
        for height, width in (np.shape(e[0])[:2] for e in examples)
    ]
    side = 2.4  # width of an image in inches
    heights = [
        side * max(aspects[row * columns : (row + 1) * columns]) + 0.25
        for row in range(rows)
    ]
    figure = new_figure(columns * 2 * side, sum(heights))
    grid = figure.subplots(
        rows, columns * 2, squeeze=False, height_ratios=heights
    )
    for axes in grid.flat:
        axes.set_axis_off()
    pairs = grid.reshape(rows * columns, 2)
    above = titles or len(examples) * ["ground truth"]
    for (left, right), (image, truth, found), title in zip(
        pairs, examples, above, strict=False
    ):
        truth = {k: v for k, v in truth.items() if k != "scores"}
        scores = np.asarray(found["scores"])
        shown = np.flatnonzero(scores >= min_score)
        kind = f"found, score ≥ {min_score:g}"
        if not len(shown) and len(scores) and len(truth["labels"]):
            shown = np.argsort(-scores, kind="stable")[:BEST]
            kind = f"none ≥ {min_score:g}, best {len(shown)} dashed"
        is_low = scores[shown] < min_score
        found = {
            name: np.asarray(found[name])[shown]
            for name in ("boxes", "labels", "scores")
        }
        draw_boxes_on(left, image, truth, class_names)
        draw_boxes_on(right, image, {**found, "difficult": is_low}, class_names)
        left.set_title(_last_letters(title), fontsize=8, parse_math=False)
        right.set_title(kind, fontsize=8)
    return figure


def _last_letters(title: str, most: int = 32) -> str:
    """Shorten a title to its end, by which files differ."""
    return title if len(title) <= most else f"...{title[3 - most :]}"
