"""What the lecture shows: the results of each chapter, in its order."""

from recipes import deconvnet
from recipes import deepmask
from recipes import fast_rcnn
from recipes import fast_style
from recipes import faster_rcnn
from recipes import mnist
from recipes import rcnn
from recipes import segnet
from recipes import sharpmask
from recipes import super_resolution
from recipes.common.faces.published import PAPERS
from recipes.common.results import Result
from recipes.common.segmentation import fcn_plans

TFDS = "a download of TFDS"
GPU = "a download of TFDS, and a GPU"
VGG = "a download of the weights of VGG-16"
MAP, IU, AR = "voc07_map", "mean_iu", "segm_ar100"


def lenet(system: str, recipe: str, minutes: float, needs: str = "") -> Result:
    """Describe a training of LeNet-5."""
    return Result(system, recipe, "top1", minutes, mnist.PAPER, needs)


def face_network(system: str, recipe: str, minutes: float) -> Result:
    """Describe a face recognition system, measured by pairs of photos."""
    paper = PAPERS[system].figures()
    return Result(system, recipe, "accuracy", minutes, paper)


def fcn(stride: int) -> Result:
    """Describe the FCN of one stride."""
    system = f"FCN-{stride}s"
    paper = [x for x in fcn_plans.PAPER if f"{system}, VGG" in x.data]
    return Result(system, f"fcn --stride {stride}", IU, 13, paper)


LECTURE = {
    "Classification": [
        lenet("LeNet-5 on embedded digits", "lenet_digits", 1),
        lenet("LeNet-5 on MNIST", "mnist", 5, TFDS),
        Result("ResNet-20 on CIFAR-10", "cifar", "top1", None, (), GPU),
        Result("ResNet-50 on ImageNet", "imagenet", "top1", None, (), GPU),
    ],
    "Faces": [
        face_network("DeepFace", "deepface", 7),
        face_network("DeepID", "deepid", 5),
        face_network("DeepID2", "deepid --generation 2", 5),
        face_network("DeepID2+", "deepid --generation 2plus", 5),
        face_network("DeepID3", "deepid --generation 3", 5),
        face_network("FaceNet", "facenet", 6),
        Result("Face cascade", "face_cascade", "recall_at_1", 12),
    ],
    "Region proposals": [
        Result("Proposal methods", "tables.proposals", None, 23),
    ],
    "Detection": [
        Result("R-CNN", "rcnn", MAP, 6, rcnn.PAPER),
        Result("Fast R-CNN", "fast_rcnn", MAP, 7, fast_rcnn.PAPER),
        Result("Faster R-CNN", "faster_rcnn", MAP, 15, faster_rcnn.PAPER),
        Result(
            "Faster R-CNN, in four steps",
            "faster_rcnn --training alternating",
            MAP,
            9,
            faster_rcnn.PAPER,
        ),
        Result("The R-CNN line", "tables.rcnn_family", None, 12),
    ],
    "Segmentation": [
        fcn(32),
        fcn(16),
        fcn(8),
        Result("SegNet", "segnet", IU, 27, segnet.PAPER),
        Result("DeconvNet", "deconvnet", IU, 37, deconvnet.PAPER),
        Result("Ways to enlarge a map", "tables.upsampling", None, 40),
    ],
    "Masks": [
        Result("DeepMask", "deepmask", AR, 6, deepmask.PAPER),
        Result("SharpMask", "sharpmask", AR, 5, sharpmask.PAPER),
        Result("Masks beside proposals", "tables.masks", None, 13),
    ],
    "Style": [
        Result("Gatys", "neural_style", "total_loss_lowered", 2, (), VGG),
        Result(
            "Johnson",
            "fast_style",
            "lbfgs_iterations",
            60,
            fast_style.PAPER,
            VGG,
        ),
        Result(
            "Super-resolution",
            "super_resolution",
            "psnr",
            5,
            super_resolution.PAPER,
            VGG,
        ),
        Result(
            "One pass or optimization", "tables.style_speed", None, 5, (), VGG
        ),
    ],
}
