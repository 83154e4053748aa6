"""Figures of boxes, masks, curves, filters and confusions, and reports."""

from kcv.extras import describe_installation

try:
    from kcv.visualize.boxes import detection_gallery
    from kcv.visualize.boxes import draw_boxes
    from kcv.visualize.boxes import draw_boxes_on
    from kcv.visualize.confusion import confusion_figure
    from kcv.visualize.curves import false_positives_figure
    from kcv.visualize.curves import precision_recall_figure
    from kcv.visualize.curves import training_figure
    from kcv.visualize.embeddings import embedding_figure
    from kcv.visualize.embeddings import pairs_figure
    from kcv.visualize.embeddings import roc_figure
    from kcv.visualize.figure import encode_figure
    from kcv.visualize.figure import new_figure
    from kcv.visualize.filters import filters_figure
    from kcv.visualize.masks import draw_mask
    from kcv.visualize.masks import iu_figure
    from kcv.visualize.masks import segmentation_gallery
    from kcv.visualize.masks import voc_palette
    from kcv.visualize.pictures import losses_figure
    from kcv.visualize.pictures import pictures_figure
    from kcv.visualize.projections import projections_figure
    from kcv.visualize.report import Published
    from kcv.visualize.report import write_report
except ModuleNotFoundError as error:
    if error.name != "matplotlib":
        raise
    raise ImportError(
        "kcv.visualize draws with matplotlib. "
        + describe_installation("visualize")
    ) from error

__all__ = [
    "Published",
    "confusion_figure",
    "detection_gallery",
    "draw_boxes",
    "draw_boxes_on",
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
    "write_report",
]
