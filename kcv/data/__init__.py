"""Datasets and pipelines, as `tf.data.Dataset`s."""

from kcv.data.embedded.digit_scenes import digit_scenes
from kcv.data.embedded.digits import digits
from kcv.data.embedded.face_scenes import face_scenes
from kcv.data.embedded.rendered_faces import rendered_faces
from kcv.data.embedded.scenes.material import DIGIT_CLASSES
from kcv.data.formats.camvid import CAMVID_CLASSES
from kcv.data.formats.camvid import read_camvid
from kcv.data.formats.coco import coco
from kcv.data.formats.coco import read_coco
from kcv.data.formats.faces.celeba import read_celeba
from kcv.data.formats.faces.face_files import FaceFiles
from kcv.data.formats.faces.face_list import read_face_list
from kcv.data.formats.faces.lfw_pairs import read_pairs
from kcv.data.formats.faces.people import read_people
from kcv.data.formats.fddb import FDDB
from kcv.data.formats.fddb import read_fddb
from kcv.data.formats.idx import idx
from kcv.data.formats.idx import read_idx
from kcv.data.formats.image_folder import image_folder
from kcv.data.formats.image_folder import read_image_folder
from kcv.data.formats.instance_maps import read_voc_instances
from kcv.data.formats.label_maps import read_label_map
from kcv.data.formats.segmentation_trees import VOC_SEGMENTATION_CLASSES
from kcv.data.formats.segmentation_trees import read_masked_folder
from kcv.data.formats.segmentation_trees import read_sbd
from kcv.data.formats.segmentation_trees import read_voc_segmentation
from kcv.data.formats.voc import VOC_CLASSES
from kcv.data.formats.voc import read_voc
from kcv.data.formats.voc import voc
from kcv.data.sources.classification import load_classification
from kcv.data.sources.detection import load_detection
from kcv.data.sources.faces import load_faces
from kcv.data.sources.faces import read_faces
from kcv.data.sources.images import load_images
from kcv.data.sources.instances import load_instances
from kcv.data.sources.segmentation import load_segmentation
from kcv.data.streams.face_pairs import FacePairs
from kcv.data.streams.face_pairs import lfw_pairs
from kcv.data.streams.images import decode_image
from kcv.data.streams.images import read_image
from kcv.data.streams.kept import KeptFaces
from kcv.data.streams.kept import keep_faces
from kcv.data.streams.people import people_batches
from kcv.data.streams.validation import check_boxes
from kcv.data.streams.validation import validate
from kcv.data.transforms.aligned_faces import align_faces
from kcv.data.transforms.batching import BATCH_GROUP
from kcv.data.transforms.batching import batch
from kcv.data.transforms.crops import area_and_aspect_crop
from kcv.data.transforms.crops import googlenet_crops
from kcv.data.transforms.crops import random_crop
from kcv.data.transforms.crops import single_crop
from kcv.data.transforms.crops import ten_crops
from kcv.data.transforms.flips_and_color import pca_color
from kcv.data.transforms.flips_and_color import photometric
from kcv.data.transforms.flips_and_color import random_flip
from kcv.data.transforms.inputs import detection_inputs
from kcv.data.transforms.inputs import drop_difficult
from kcv.data.transforms.inputs import segmentation_inputs
from kcv.data.transforms.keras_cv import from_keras_cv
from kcv.data.transforms.keras_cv import to_keras_cv
from kcv.data.transforms.mask_patches import mask_inputs
from kcv.data.transforms.mask_patches import mask_patches
from kcv.data.transforms.object_windows import object_windows
from kcv.data.transforms.object_windows import proposal_windows
from kcv.data.transforms.patch_windows import PatchSampling
from kcv.data.transforms.resizing import random_resize
from kcv.data.transforms.resizing import random_short_side
from kcv.data.transforms.resizing import resize
from kcv.data.transforms.resizing import resize_short_side
from kcv.examples import DataSet

__all__ = [
    "BATCH_GROUP",
    "DIGIT_CLASSES",
    "FDDB",
    "VOC_CLASSES",
    "CAMVID_CLASSES",
    "VOC_SEGMENTATION_CLASSES",
    "DataSet",
    "FaceFiles",
    "FacePairs",
    "KeptFaces",
    "PatchSampling",
    "align_faces",
    "area_and_aspect_crop",
    "batch",
    "check_boxes",
    "coco",
    "decode_image",
    "detection_inputs",
    "digit_scenes",
    "digits",
    "drop_difficult",
    "face_scenes",
    "from_keras_cv",
    "googlenet_crops",
    "idx",
    "image_folder",
    "keep_faces",
    "lfw_pairs",
    "load_classification",
    "load_detection",
    "load_faces",
    "load_images",
    "load_instances",
    "load_segmentation",
    "mask_inputs",
    "mask_patches",
    "object_windows",
    "pca_color",
    "people_batches",
    "photometric",
    "proposal_windows",
    "random_crop",
    "random_flip",
    "random_resize",
    "random_short_side",
    "read_celeba",
    "read_coco",
    "read_face_list",
    "read_faces",
    "read_fddb",
    "read_idx",
    "read_image",
    "read_image_folder",
    "read_label_map",
    "read_masked_folder",
    "read_pairs",
    "read_people",
    "read_camvid",
    "read_sbd",
    "read_voc",
    "read_voc_instances",
    "read_voc_segmentation",
    "rendered_faces",
    "resize",
    "resize_short_side",
    "segmentation_inputs",
    "single_crop",
    "ten_crops",
    "to_keras_cv",
    "validate",
    "voc",
]
