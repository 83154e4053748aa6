"""The models that `recipes.release` releases."""

import kcv
from recipes.common.releasing.assets import Asset
from recipes.common.releasing.measuring import by_command
from recipes.common.releasing.measuring import classify
from recipes.common.releasing.measuring import verify_faces
from recipes.common.results import Result
from recipes.lenet_digits import enlarge

_SCENES = (
    "It knows digits on digit scenes, which are drawn, and nothing else: it is "
    "for teaching and for trying kcv, not for reading digits on photographs."
)
_DRAWN = (
    "Nothing follows from its figures for photographs of people. Do not use it "
    "to recognize people."
)


def open_digits() -> kcv.data.DataSet:
    """Open the held-out digits as LeNet sees them."""
    test = kcv.data.load_classification("digits", "test")
    return test._replace(dataset=test.dataset.map(enlarge))


ASSETS = (
    Asset(
        "faster_rcnn/digit_scenes",
        Result("", "faster_rcnn --width 0.5 --epochs 12", "voc07_map", 10),
        "Faster R-CNN (Ren et al. 2015) with a small trunk of stride 8, half "
        "as wide as that of the recipe.",
        "digit_scenes",
        _SCENES,
        digits=2,
        ships=True,
        measure=by_command("digit_scenes", "voc07_map"),
    ),
    Asset(
        "faster_rcnn/digit_scenes_wide",
        Result("", "faster_rcnn", "voc07_map", 15),
        "Faster R-CNN (Ren et al. 2015) with a small trunk of stride 8.",
        "digit_scenes",
        _SCENES,
        measure=by_command("digit_scenes", "voc07_map"),
    ),
    Asset(
        "fcn/digit_scenes",
        Result("", "fcn --width 0.5 --precision mixed_bfloat16", "mean_iu", 8),
        "FCN-8s (Long et al. 2015) with a small residual trunk, half as wide "
        "as that of the recipe.",
        "digit_scenes",
        _SCENES,
        digits=2,
        ships=True,
        measure=by_command("digit_scenes", "mean_iu", "pixel_accuracy"),
    ),
    Asset(
        "fcn/digit_scenes_wide",
        Result("", "fcn --stride 8", "mean_iu", 13),
        "FCN-8s (Long et al. 2015) with a small residual trunk.",
        "digit_scenes",
        _SCENES,
        measure=by_command("digit_scenes", "mean_iu", "pixel_accuracy"),
    ),
    Asset(
        "facenet/rendered_faces",
        Result("", "facenet", "accuracy", 6),
        "FaceNet (Schroff et al. 2015) with a small NN1, which turns an "
        "aligned face into a unit vector.",
        "rendered_faces",
        f"It was trained on drawn faces alone. {_DRAWN}",
        digits=3,
        ships=True,
        measure=verify_faces,
    ),
    Asset(
        "lenet/digits",
        Result("", "lenet_digits", "top1", 1),
        "LeNet-5 (LeCun et al. 1998), which classifies gray images of 28 x 28.",
        "digits",
        "It knows single digits in the middle of an image, white on black, "
        "and no other signs.",
        digits=3,
        ships=True,
        measure=classify(open_digits),
    ),
    Asset(
        "deepmask/digit_scenes",
        Result("", "deepmask", "segm_ar100", 6),
        "DeepMask (Pinheiro et al. 2015) with a small trunk, which proposes "
        "masks without classes.",
        "digit_scenes",
        f"It finds digits and does not outline them: see SharpMask. {_SCENES}",
    ),
    Asset(
        "sharpmask/digit_scenes",
        Result("", "sharpmask", "segm_ar100", 5),
        "SharpMask (Pinheiro et al. 2016) on DeepMask with a small trunk, "
        "which proposes masks without classes.",
        "digit_scenes",
        _SCENES,
        needs={"--deepmask": "deepmask/model.keras"},
    ),
    Asset(
        "face_cascade/face_scenes",
        Result("", "face_cascade", "recall_at_1", 12),
        "The face cascade (Li et al. 2015), which finds faces of at least 22 "
        "pixels.",
        "face_scenes",
        f"Most faces that it was trained and measured on are drawn. {_DRAWN}",
    ),
    Asset(
        "fast_style/ihc",
        Result(
            "",
            "fast_style --precision mixed_bfloat16",
            "lbfgs_iterations",
            60,
            needs="a download of the weights of VGG-16",
        ),
        "The painter of Johnson et al. (2016), in the style of stained tissue.",
        "photographs",
        "It paints in one style, which is that of ihc.jpg.",
    ),
)
