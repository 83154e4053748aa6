"""Pictures of boxes, curves, filters and confusions."""

try:
    from kcv.visualize.boxes import detection_gallery
    from kcv.visualize.boxes import draw_boxes
    from kcv.visualize.boxes import draw_boxes_on
    from kcv.visualize.confusion import confusion_figure
    from kcv.visualize.curves import precision_recall_figure
    from kcv.visualize.curves import training_figure
    from kcv.visualize.figure import encode_figure
    from kcv.visualize.figure import new_figure
    from kcv.visualize.filters import filters_figure
except ModuleNotFoundError as error:
    if error.name != "matplotlib":
        raise
    raise ImportError(
        'kcv.visualize draws with matplotlib: pip install "kcv[visualize]"'
    ) from error

__all__ = [
    "confusion_figure",
    "detection_gallery",
    "draw_boxes",
    "draw_boxes_on",
    "encode_figure",
    "filters_figure",
    "new_figure",
    "precision_recall_figure",
    "training_figure",
]
