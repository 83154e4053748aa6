"""Image classification networks, whole or as trunks of other systems."""

from kcv.classification.crops import dense_probabilities
from kcv.classification.crops import googlenet_crops
from kcv.classification.crops import resize_short_side
from kcv.classification.crops import single_crop
from kcv.classification.crops import ten_crops
from kcv.classification.preprocessing import GOOGLENET_MEAN
from kcv.classification.preprocessing import VGG_MEAN
from kcv.classification.preprocessing import Preprocessing
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
    "GOOGLENET_MEAN",
    "VGG16",
    "VGG19",
    "VGG_MEAN",
    "Preprocessing",
    "ResNet18",
    "ResNet34",
    "ResNet50",
    "ResNet101",
    "dense_probabilities",
    "googlenet_crops",
    "resize_short_side",
    "resnet_stage",
    "resnet_trunk",
    "single_crop",
    "ten_crops",
    "vgg_head",
    "vgg_trunk",
]
