"""Drawing of label maps on their images, and of the IU of each class."""

from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import ArrayLike

from kcv.examples import VOID
from kcv.pixels import to_rgb
from kcv.visualize.figure import new_figure

MOST_NAMES = 24  # maximum number of classes in a legible legend


def voc_palette() -> np.ndarray:
    """Return the colors of PASCAL VOC's masks.

    The three lowest bits of a label are the highest bits of its red, green and
    blue. Its next three bits are the second highest bits, and so on.

    Returns:
        Palette (256, 3) uint8 RGB. Background, 0, is black. Void, 255, has the
        beige of the rims in VOC.

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


def draw_mask(
    image: ArrayLike, labels: ArrayLike, opacity: float = 0.7
) -> np.ndarray:
    """Blend the colors of a label map with its image, except in background.

    Args:
        image: Image (H, W, 3) or (H, W) with values in [0, 255].
        labels: Label map (H, W) of integers in [0, 255].
        opacity: Opacity of the colors. Float in [0, 1]. Defaults to 0.7.

    Returns:
        Image (H, W, 3) uint8.

    Raises:
        ValueError: If image and label map differ in size.

    Example:

    >>> labels = np.array([[0, 1]])
    >>> draw_mask(np.zeros((1, 2, 3), np.uint8), labels, opacity=1.0)[0, 1]
    array([128,   0,   0], dtype=uint8)
    """
    pixels = to_rgb(image, clip=True)
    labels = np.asarray(labels)
    if labels.shape != pixels.shape[:2]:
        raise ValueError(
            f"`labels` must have the size of the image, {pixels.shape[:2]}. "
            f"Received: shape {labels.shape}"
        )
    share = np.where(labels == 0, 0.0, opacity)[..., None]
    mixed = (1 - share) * pixels + share * voc_palette()[labels]
    return np.rint(mixed).astype(np.uint8)


def segmentation_gallery(
    examples: Sequence[Mapping[str, np.ndarray]],
    class_names: Sequence[str] | None = None,
    width: float = 2.4,
) -> Figure:
    """Show images, each beside its label maps.

    Args:
        examples: Dicts of `image` (H, W, 3) with values in [0, 255] and, with
            any other names, label maps (H, W), which are blended with the
            image. Each dict is a row.
        class_names: Names of the labels. The legend names those that occur. If
            None, there is no legend. Defaults to None.
        width: Width of an image in inches. Defaults to 2.4.

    Returns:
        Matplotlib figure with a row for each example.

    Raises:
        ValueError: If `examples` is empty, or if an image and its label map
            differ in size.

    Example:

    ```python
    figure = segmentation_gallery(
        [{"image": image, "truth": mask, "FCN-8s": logits.argmax(-1)}], names
    )
    ```
    """
    if not examples:
        raise ValueError("`examples` must not be empty. Received: no example")
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
        per_class: IU of each class, (C,) in [0, 1], NaN for a class that does
            not occur, such as `iu` of `kcv.metrics.segmentation_scores`.
        class_names: Names of the classes. If None, they are numbered. Defaults
            to None.

    Returns:
        Matplotlib figure. A line shows the mean.

    Raises:
        ValueError: If the number of names is not C.

    Example:

    >>> iu_figure([0.9, 0.5], ["background", "cat"]).axes[0].get_title()
    'mean IU 0.700'
    """
    values = np.asarray(per_class, float)
    names = [str(n) for n in (class_names or range(len(values)))]
    if len(names) != len(values):
        raise ValueError(
            f"`class_names` must have {len(values)} names, one for each class. "
            f"Received: {len(names)} names"
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
