"""Image classification networks, whole or as trunks of other systems."""

import kcv.backend  # noqa: F401

# Keras finds the solver that a trained model's file names only where it has
# been imported: here, for detection, segmentation and style build on this.
import kcv.optimizers  # noqa: F401
from kcv.classification.alexnet import AlexNet
from kcv.classification.alexnet import alexnet_head
from kcv.classification.alexnet import alexnet_trunk
from kcv.classification.auxiliary import AuxiliaryClassifier
from kcv.classification.bottleneck_resnet import ResNet50
from kcv.classification.bottleneck_resnet import ResNet101
from kcv.classification.bottleneck_resnet import ResNet152
from kcv.classification.cifar_resnet import CIFARResNet
from kcv.classification.crops import dense_probabilities
from kcv.classification.fully_convolutional import fully_convolutional
from kcv.classification.googlenet import GoogLeNet
from kcv.classification.googlenet import googlenet_trunk
from kcv.classification.lenet import LeNet5
from kcv.classification.network_in_network import NetworkInNetwork
from kcv.classification.preprocessing import CIFAR_MEAN
from kcv.classification.preprocessing import CIFAR_STD
from kcv.classification.preprocessing import GOOGLENET_MEAN
from kcv.classification.preprocessing import ILSVRC_MEAN
from kcv.classification.preprocessing import VGG_MEAN
from kcv.classification.preprocessing import Preprocessing
from kcv.classification.projection import project_activation
from kcv.classification.projection import strongest_images
from kcv.classification.resnet import ResNet18
from kcv.classification.resnet import ResNet34
from kcv.classification.resnet_stages import resnet_stage
from kcv.classification.resnet_stages import resnet_trunk
from kcv.classification.vgg import VGG11
from kcv.classification.vgg import VGG16
from kcv.classification.vgg import VGG19
from kcv.classification.vgg import vgg_head
from kcv.classification.vgg import vgg_trunk
from kcv.classification.zfnet import ZFNet
from kcv.data.transforms.crops import googlenet_crops
from kcv.data.transforms.crops import single_crop
from kcv.data.transforms.crops import ten_crops

__all__ = [
    "CIFAR_MEAN",
    "CIFAR_STD",
    "GOOGLENET_MEAN",
    "ILSVRC_MEAN",
    "VGG_MEAN",
    "AlexNet",
    "AuxiliaryClassifier",
    "CIFARResNet",
    "GoogLeNet",
    "LeNet5",
    "NetworkInNetwork",
    "Preprocessing",
    "ResNet18",
    "ResNet34",
    "ResNet50",
    "ResNet101",
    "ResNet152",
    "VGG11",
    "VGG16",
    "VGG19",
    "ZFNet",
    "alexnet_head",
    "alexnet_trunk",
    "dense_probabilities",
    "fully_convolutional",
    "googlenet_crops",
    "googlenet_trunk",
    "project_activation",
    "resnet_stage",
    "resnet_trunk",
    "single_crop",
    "strongest_images",
    "ten_crops",
    "vgg_head",
    "vgg_trunk",
]
