"""How SegNet is trained: by its authors' tutorial, and in minutes."""

from typing import Any

import keras

import kcv
from recipes.common.plan import Plan
from recipes.common.segmentation import small_segnet
from recipes.common.segmentation.images import Images

# Stages of training: windows to classify, windows to label, whole images.
PLANS = {
    ("small", "segnet"): {
        "classes": small_segnet.CLASSES,
        "windows": Plan(32, 960, 4, 4e-3),
        "images": Plan(8, 4096, 8, 8e-3),
    },
    ("small", "segnet_basic"): {"images": Plan(8, 1024, 8, 8e-3)},
    # The authors' tutorial.
    ("paper", "segnet"): {"images": Plan(4, 40_000, 40, 1e-3)},
    ("paper", "segnet_basic"): {"images": Plan(4, 10_000, 25, 0.1)},
}


def choose_plans(run: Any, images: Images) -> dict[str, Plan]:
    """List the stages of a training.

    With pretrained weights there is only the last one, on whole images.

    Args:
        run: Options of the recipe.
        images: Dataset.

    Returns:
        Plans, with the options of the run, by the name of the stage.
    """
    return {
        name: (
            plan.with_options(run, images=images.limit)
            if name == "images"
            else small_segnet.WINDOWS.plan(plan, run, images)
        )
        for name, plan in PLANS[run.preset, run.network].items()
        if name == "images" or run.weights is None
    }


def make_sgd(network: str, plan: Plan) -> keras.optimizers.Optimizer:
    """Make the authors' SGD, whose decay leaves out biases.

    It leaves out the shifts of batch normalization in SegNet alone.

    Args:
        network: "segnet" or "segnet_basic".
        plan: Plan of the training.

    Returns:
        The optimizer.
    """
    return kcv.optimizers.CaffeSGD(
        plan.learning_rate,
        l2=5e-4,
        bias_decay_mult=0.0,
        gamma_decay_mult=1.0,
        beta_decay_mult=0.0 if network == "segnet" else 1.0,
    )
