"""Label maps over their images, and how well each class is found."""

from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from kcv.examples import VOID
from kcv.pixels import to_rgb
from kcv.visualize.figure import new_figure

MOST_NAMES = 24  # classes up to which a legend can be read


def voc_palette() -> np.ndarray:
    """Make the colours of PASCAL VOC's masks.

    Returns:
        (256, 3) uint8 RGB: black for background, 0; for void, 255, the beige
        of VOC's rims. The three lowest bits of a label are the highest of its
        red, green and blue, the next three the next.

    Example:

    >>> voc_palette()[[0, 1, 15, 255]].tolist()
    [[0, 0, 0], [128, 0, 0], [192, 128, 128], [224, 224, 192]]
    """
    labels = np.arange(256)
    palette = np.zeros((256, 3), np.uint8)
    for place in range(3):
        for channel in range(3):
            bit = labels >> (3 * place + channel) & 1
            palette[:, channel] |= (bit << (7 - place)).astype(np.uint8)
    return palette


def draw_mask(image, labels, opacity: float = 0.7) -> np.ndarray:
    """Lay the colours of a label map over its image; background stays.

    Args:
        image: (H, W, 3) or (H, W), 0..255.
        labels: (H, W) integers 0..255.
        opacity: of the colours, 0..1.

    Returns:
        (H, W, 3) uint8.

    Raises:
        ValueError: if the sides differ.

    Example:

    >>> labels = np.array([[0, 1]])
    >>> draw_mask(np.zeros((1, 2, 3), np.uint8), labels, opacity=1.0)[0, 1]
    array([128,   0,   0], dtype=uint8)
    """
    pixels = to_rgb(image, clip=True)
    labels = np.asarray(labels)
    if labels.shape != pixels.shape[:2]:
        raise ValueError(
            f"labels must be {pixels.shape[:2]} like the image, got "
            f"{labels.shape}"
        )
    share = np.where(labels == 0, 0.0, opacity)[..., None]
    mixed = (1 - share) * pixels + share * voc_palette()[labels]
    return np.rint(mixed).astype(np.uint8)


def segmentation_gallery(
    examples: Sequence[Mapping[str, np.ndarray]],
    class_names: Sequence[str] | None = None,
    width: float = 2.4,
) -> Figure:
    """Show images, and beside each its label maps.

    Args:
        examples: of each row a picture `image` (H, W, 3), 0..255, and under
            any further names label maps (H, W), which are laid over it.
        class_names: of the labels; those that occur are named below.
        width: of a picture, inches.

    Returns:
        A figure; a row for each example.

    Raises:
        ValueError: if there is no example, or sides differ.

    Example:

    ```python
    figure = segmentation_gallery(
        [{"image": image, "truth": mask, "FCN-8s": logits.argmax(-1)}], names
    )
    ```
    """
    if not examples:
        raise ValueError("examples must not be empty")
    titles = [*examples[0]]
    aspects = [np.divide(*e["image"].shape[:2]) for e in examples]
    heights = [width * aspect for aspect in aspects]
    figure = new_figure(width * len(titles), sum(heights) + 0.6)
    grid = figure.subplots(
        len(examples), len(titles), squeeze=False, height_ratios=heights
    )
    seen = set()
    for row, example in zip(grid, examples, strict=True):
        for axes, title in zip(row, titles, strict=True):
            axes.set_axis_off()
            pixels = example["image"]
            if title != "image":
                pixels = draw_mask(pixels, example[title])
                seen |= set(np.unique(example[title]).tolist())
            axes.imshow(to_rgb(pixels, clip=True))
    for axes, title in zip(grid[0], titles, strict=True):
        axes.set_title(title, fontsize=8)
    if class_names is not None:
        _add_legend(figure, sorted(seen - {0}), class_names)
    return figure


def iu_figure(
    per_class: Sequence[float], class_names: Sequence[str] | None = None
) -> Figure:
    """Draw the intersection over union of each class as bars.

    Args:
        per_class: (C,) 0..1, NaN for a class that does not occur; as of
            `kcv.metrics.segmentation_scores`.
        class_names: of the labels; None writes the numbers.

    Returns:
        A figure; the line is the mean.

    Raises:
        ValueError: if the names are not as many.

    Example:

    >>> iu_figure([0.9, 0.5], ["background", "cat"]).axes[0].get_title()
    'mean IU 0.700'
    """
    values = np.asarray(per_class, float)
    names = [str(n) for n in (class_names or range(len(values)))]
    if len(names) != len(values):
        raise ValueError(
            f"class_names has {len(names)} names for {len(values)} classes"
        )
    figure = new_figure(6, 0.8 + 0.25 * len(values))
    axes = figure.add_subplot()
    bars = axes.barh(range(len(values)), np.nan_to_num(values))
    texts = ["–" if np.isnan(v) else f"{v:.3f}" for v in values]
    axes.bar_label(bars, texts, padding=3, fontsize=8)
    mean = np.nanmean(values)
    axes.axvline(mean, color="black", linewidth=0.8)
    axes.set_yticks(
        range(len(values)), [n.replace("$", r"\$") for n in names], fontsize=8
    )
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.1), xlabel="intersection over union")
    axes.set_title(f"mean IU {mean:.3f}", fontsize=10)
    return figure


def _add_legend(figure, labels, class_names):
    palette = voc_palette() / 255
    known = [k for k in labels if k < len(class_names) or k == VOID]
    patches = [
        Patch(
            color=palette[k],
            label="void" if k == VOID else class_names[k].replace("$", r"\$"),
        )
        for k in known[:MOST_NAMES]
    ]
    if patches:
        figure.legend(
            handles=patches,
            loc="outside lower center",
            ncols=min(len(patches), 8),
            fontsize=7,
            frameon=False,
        )
