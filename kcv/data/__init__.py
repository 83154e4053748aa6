"""Data sets and pipelines, as `tf.data.Dataset`s."""

from kcv.data.augmentation import photometric
from kcv.data.augmentation import random_flip
from kcv.data.batching import batch
from kcv.data.batching import detection_inputs
from kcv.data.batching import drop_difficult
from kcv.data.coco import coco
from kcv.data.coco import read_coco
from kcv.data.digit_scenes import digit_scenes
from kcv.data.images import decode_image
from kcv.data.images import read_image
from kcv.data.resizing import resize
from kcv.data.scenes.material import DIGIT_CLASSES
from kcv.data.sources import load_detection
from kcv.data.validation import check_boxes
from kcv.data.validation import validate
from kcv.data.voc import VOC_CLASSES
from kcv.data.voc import read_voc
from kcv.data.voc import voc

__all__ = [
    "DIGIT_CLASSES",
    "VOC_CLASSES",
    "batch",
    "check_boxes",
    "coco",
    "decode_image",
    "detection_inputs",
    "digit_scenes",
    "drop_difficult",
    "load_detection",
    "photometric",
    "random_flip",
    "read_coco",
    "read_image",
    "read_voc",
    "resize",
    "validate",
    "voc",
]
