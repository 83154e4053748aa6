"""Image classification networks, whole or as trunks of other systems."""

from kcv.classification.resnet import ResNet18
from kcv.classification.resnet import ResNet34
from kcv.classification.resnet import ResNet50
from kcv.classification.resnet import ResNet101
from kcv.classification.resnet import resnet_stage
from kcv.classification.resnet import resnet_trunk
from kcv.classification.vgg import VGG16
from kcv.classification.vgg import VGG19
from kcv.classification.vgg import vgg_head
from kcv.classification.vgg import vgg_trunk

__all__ = [
    "VGG16",
    "VGG19",
    "ResNet18",
    "ResNet34",
    "ResNet50",
    "ResNet101",
    "resnet_stage",
    "resnet_trunk",
    "vgg_head",
    "vgg_trunk",
]
