"""Object detection by regions."""

from kcv.detection.backbones import Parts
from kcv.detection.backbones import custom_parts
from kcv.detection.backbones import resnet_parts
from kcv.detection.backbones import vgg16_parts
from kcv.detection.faster_rcnn import FasterRCNN

__all__ = [
    "FasterRCNN",
    "Parts",
    "custom_parts",
    "resnet_parts",
    "vgg16_parts",
]
