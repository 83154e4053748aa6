"""Data sets and pipelines, as `tf.data.Dataset`s."""

from kcv.data.augmentation import photometric
from kcv.data.augmentation import random_flip
from kcv.data.batching import batch
from kcv.data.batching import detection_inputs
from kcv.data.batching import drop_difficult
from kcv.data.batching import segmentation_inputs
from kcv.data.classification_augmentation import area_and_aspect_crop
from kcv.data.classification_augmentation import pca_colour
from kcv.data.classification_augmentation import random_crop
from kcv.data.classification_augmentation import random_short_side
from kcv.data.classification_sources import load_classification
from kcv.data.coco import coco
from kcv.data.coco import read_coco
from kcv.data.digit_scenes import digit_scenes
from kcv.data.digits import digits
from kcv.data.idx import idx
from kcv.data.idx import read_idx
from kcv.data.image_folder import image_folder
from kcv.data.image_folder import read_image_folder
from kcv.data.image_sources import load_images
from kcv.data.images import decode_image
from kcv.data.images import read_image
from kcv.data.label_maps import read_label_map
from kcv.data.object_windows import object_windows
from kcv.data.object_windows import proposal_windows
from kcv.data.resizing import random_resize
from kcv.data.resizing import resize
from kcv.data.resizing import resize_short_side
from kcv.data.scenes.material import DIGIT_CLASSES
from kcv.data.segmentation_sources import load_segmentation
from kcv.data.segmentation_trees import VOC_SEGMENTATION_CLASSES
from kcv.data.segmentation_trees import read_masked_folder
from kcv.data.segmentation_trees import read_sbd
from kcv.data.segmentation_trees import read_voc_segmentation
from kcv.data.sources import load_detection
from kcv.data.validation import check_boxes
from kcv.data.validation import validate
from kcv.data.voc import VOC_CLASSES
from kcv.data.voc import read_voc
from kcv.data.voc import voc

__all__ = [
    "DIGIT_CLASSES",
    "VOC_CLASSES",
    "VOC_SEGMENTATION_CLASSES",
    "area_and_aspect_crop",
    "batch",
    "check_boxes",
    "coco",
    "decode_image",
    "detection_inputs",
    "digit_scenes",
    "digits",
    "drop_difficult",
    "idx",
    "image_folder",
    "load_classification",
    "load_detection",
    "load_images",
    "load_segmentation",
    "object_windows",
    "pca_colour",
    "photometric",
    "proposal_windows",
    "random_crop",
    "random_flip",
    "random_resize",
    "random_short_side",
    "read_coco",
    "read_idx",
    "read_image",
    "read_image_folder",
    "read_label_map",
    "read_masked_folder",
    "read_sbd",
    "read_voc",
    "read_voc_segmentation",
    "resize",
    "resize_short_side",
    "segmentation_inputs",
    "validate",
    "voc",
]
