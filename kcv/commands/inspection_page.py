"""The page of an inspected dataset: samples, counts, sizes, and faults."""

from pathlib import Path
from typing import Any

import numpy as np

from kcv.commands import drawing
from kcv.commands.inspection import Inspection
from kcv.commands.inspection import Part
from kcv.commands.measured import images_figure
from kcv.environment import describe_machine
from kcv.environment import package_versions
from kcv.visualize import write_report
from kcv.visualize.figure import new_figure

_COLUMNS = 3
_WITH_BOXES = ("detection", "masks")


def summary_rows(found: Inspection) -> list[dict[str, Any]]:
    """Make the rows of a table of the parts, with median sizes.

    Args:
        found: Result of the inspection.

    Returns:
        A row for each part, from column to value.
    """
    return [
        {
            "part": part.name,
            "images": part.images,
            "objects": len(part.boxes) if found.task in _WITH_BOXES else "-",
            "median width": _middle([size[1] for size in part.sizes]),
            "median height": _middle([size[0] for size in part.sizes]),
        }
        for part in found.parts
    ]


def class_rows(found: Inspection) -> list[dict[str, Any]]:
    """Make the rows of a table of classes, with their number in each part.

    Args:
        found: Result of the inspection.

    Returns:
        A row for each class, from column to value.
    """
    return [
        {
            "class": name,
            **{part.name: part.objects[label] for part in found.parts},
        }
        for label, name in enumerate(found.class_names)
    ]


def write_page(
    found: Inspection, source: str, folder: Path, command: str
) -> Path:
    """Write `report.html`.

    Args:
        found: The inspected dataset.
        source: Name of the dataset.
        folder: Folder, which is made if it does not exist.
        command: Command line that repeats it.

    Returns:
        Path of the page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    errors = [fault.text for fault in found.faults if fault.is_error]
    warnings = [fault.text for fault in found.faults if not fault.is_error]
    what = {"classification": "Images", "segmentation": "Pixels"}
    tables = {
        "Errors": _fault_rows(errors),
        "Warnings": _fault_rows(warnings),
        "Parts": summary_rows(found),
        f"{what.get(found.task, 'Objects')} per class": class_rows(found),
    }
    figures = {
        f"Samples of {part.name}": _samples(found, part)
        for part in found.parts
        if part.samples
    }
    if any(part.sizes for part in found.parts):
        figures["Sizes and aspect ratios"] = _sizes(found)
    return write_report(
        folder,
        f"Dataset {source}",
        figures=figures,
        command=command,
        summary=(
            f"{len(errors)} errors, which training refuses, and "
            f"{len(warnings)} warnings."
            + ("" if found.is_whole else " The user stopped before the end.")
        ),
        tables=tables,
        environment={**package_versions(), "machine": describe_machine()},
    )


def _fault_rows(texts: list[str]) -> list[dict[str, Any]]:
    return [{"what is wrong, and where": text} for text in texts]


def _middle(values: list[int]) -> float:
    return float(np.median(values)) if values else float("nan")


def _samples(found: Inspection, part: Part):
    drawn = [_draw(example, found.class_names) for example in part.samples]
    titles = [example["image_id"].decode()[-30:] for example in part.samples]
    return images_figure([*zip(titles, drawn, strict=True)], _COLUMNS)


def _draw(example: dict, names) -> np.ndarray:
    image = example["images"]
    if image.shape[-1] == 1:
        image = np.repeat(image, 3, -1)
    if "bounding_boxes" in example:
        labels = example["bounding_boxes"]["labels"].tolist()
        drawn = drawing.draw_found(
            image,
            example["bounding_boxes"]["boxes"],
            [drawing.class_name(names, label) for label in labels],
            labels,
            example.get("instance_masks"),
        )
    elif "segmentation_masks" in example:
        mask = example["segmentation_masks"]
        drawn = drawing.draw_label_map(image, mask, names)
    else:
        name = drawing.class_name(names, int(example["labels"]))
        drawn = drawing.draw_caption(image, [name])
    return np.asarray(drawn)


def _sizes(found: Inspection):
    """Draw the sizes and aspect ratios of images, and of boxes."""
    kinds = {"images": [[(w, h) for h, w in p.sizes] for p in found.parts]}
    if any(part.boxes for part in found.parts):
        kinds["boxes"] = [[tuple(b) for b in p.boxes] for p in found.parts]
    figure = new_figure(8, 2.8 * len(kinds))
    grid = figure.subplots(len(kinds), 2, squeeze=False)
    for line, (kind, parts) in zip(grid, kinds.items(), strict=True):
        for part, own in zip(found.parts, parts, strict=True):
            sides = np.array(own, float).reshape(-1, 2)
            line[0].scatter(*sides.T, s=8, alpha=0.5, label=part.name)
            line[1].hist(
                np.log2(sides[:, 0] / sides[:, 1]),
                bins=np.linspace(-3, 3, 25),
                alpha=0.5,
                label=part.name,
            )
        line[0].set(xlabel=f"width of {kind} (pixels)", ylabel="height")
        line[0].set(xlim=(0, None), ylim=(0, None))
        line[1].set(xlabel=f"log2(width / height) of {kind}", ylabel="number")
        line[0].legend(fontsize=8, frameon=False)
    return figure
