"""Figures of boxes, masks, curves, filters and confusions, and reports.

Figures are drawn by matplotlib. `draw_detections`, `draw_mask`, `voc_palette`
and `write_image` need no package that kcv does not require.
"""

import importlib

from kcv.extras import describe_installation
from kcv.visualize.detections import draw_detections
from kcv.visualize.detections import write_image
from kcv.visualize.label_maps import draw_mask
from kcv.visualize.label_maps import voc_palette

_HOMES = {
    "Published": "report",
    "confusion_figure": "confusion",
    "detection_gallery": "boxes",
    "draw_boxes": "boxes",
    "draw_boxes_on": "boxes",
    "embedding_figure": "embeddings",
    "encode_figure": "figure",
    "false_positives_figure": "curves",
    "filters_figure": "filters",
    "iu_figure": "masks",
    "losses_figure": "pictures",
    "new_figure": "figure",
    "pairs_figure": "embeddings",
    "pictures_figure": "pictures",
    "precision_recall_figure": "curves",
    "projections_figure": "projections",
    "roc_figure": "embeddings",
    "segmentation_gallery": "masks",
    "training_figure": "curves",
    "write_report": "report",
}

__all__ = [
    "Published",
    "confusion_figure",
    "detection_gallery",
    "draw_boxes",
    "draw_boxes_on",
    "draw_detections",
    "draw_mask",
    "embedding_figure",
    "encode_figure",
    "false_positives_figure",
    "filters_figure",
    "iu_figure",
    "losses_figure",
    "new_figure",
    "pairs_figure",
    "pictures_figure",
    "precision_recall_figure",
    "projections_figure",
    "roc_figure",
    "segmentation_gallery",
    "training_figure",
    "voc_palette",
    "write_image",
    "write_report",
]


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(
            f"module 'kcv.visualize' has no attribute {name!r}"
        )
    try:
        home = importlib.import_module(f"kcv.visualize.{_HOMES[name]}")
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        raise ImportError(
            f"kcv.visualize.{name} draws with matplotlib. "
            + describe_installation("visualize")
        ) from error
    return getattr(home, name)


def __dir__():
    return sorted([*globals(), *__all__])
