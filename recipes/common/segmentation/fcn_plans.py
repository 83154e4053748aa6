"""How FCN is trained: by the authors (Long et al. 2015), and in minutes."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras

import kcv
from kcv.visualize.report import Published
from recipes.common.plan import Plan
from recipes.common.plan import make_adamw
from recipes.common.plan import make_muon
from recipes.common.run import Run

_DATA = "VOC 2011, the 736 images of val that are not in SBD's train"
PAPER = [
    Published(
        "mean_iu", value, f"{_DATA}; {network}", f"Long et al. 2015, {at}"
    )
    for value, network, at in (
        (0.627, "FCN-8s, VGG-16", "table 2, trained on SBD"),
        (0.624, "FCN-16s, VGG-16", "table 2, trained on SBD"),
        (0.594, "FCN-32s, VGG-16", "table 2, trained on SBD"),
        (0.398, "FCN-32s, AlexNet", "table 1, trained on VOC 2011"),
        (0.425, "FCN-32s, GoogLeNet", "table 1, trained on VOC 2011"),
    )
]


@dataclasses.dataclass(frozen=True)
class Solver:
    """How a backbone is trained.

    Attributes:
        plans: Plans of FCN-32s, 16s and 8s, by stride, and of all at once.
        make_optimizer: Function from a plan to the optimizer.
        normalize: Whether the loss is the mean over pixels, not their sum.
            Defaults to True.
    """

    plans: dict[int | str, Plan]
    make_optimizer: Callable[[Plan], keras.optimizers.Optimizer]
    normalize: bool = True

    def choose_plans(
        self, run: Run, stride: int, training: str, images: int | None = None
    ) -> dict[int, Plan]:
        """List the stages of a training.

        Args:
            run: Options of the recipe.
            stride: Stride of the finest feature map that is scored.
            training: "at_once" for a single stage, or "stages".
            images: Number of training images. Defaults to None, for as many as
                the plans show.

        Returns:
            Plans, with the options of the run, by stride.
        """
        plans = {s: self.plans[s] for s in (32, 16, 8) if s >= stride}
        if training == "at_once":
            plans = {stride: self.plans["at_once"]}
        return {
            s: plan.with_options(run, images=images)
            for s, plan in plans.items()
        }


def sgd(
    momentum: float, **options: Any
) -> Callable[[Plan], keras.optimizers.Optimizer]:
    """Return a function that makes the authors' SGD.

    Its weight decay leaves out the biases, and their learning rate is doubled,
    if `options` of `kcv.optimizers.CaffeSGD` do not say otherwise.
    """
    options = {"bias_decay_mult": 0.0, **options}

    def make(plan):
        return kcv.optimizers.CaffeSGD(
            plan.learning_rate,
            momentum,
            l2=5e-4,
            gradient_accumulation_steps=(
                plan.accumulate if plan.accumulate > 1 else None
            ),
            **options,
        )

    return make


# The authors' code: one image, the sum over its pixels, high momentum.
VGG16 = Solver(
    {
        32: Plan(1, 100_000, 25, 1e-10),
        16: Plan(1, 100_000, 25, 1e-12),
        8: Plan(1, 100_000, 25, 1e-14),
        "at_once": Plan(1, 300_000, 75, 1e-10),
    },
    sgd(momentum=0.99),
    normalize=False,
)

# The authors' code has FCN-32s alone. Only the scores' biases learn at a double
# rate and do not decay; those of the classifier's layers are as kernels.
ALEXNET = Solver(
    {
        32: Plan(1, 2_000_000, 100, 1e-4, accumulate=20),
        16: Plan(1, 2_000_000, 100, 1e-6, accumulate=20),
        8: Plan(1, 2_000_000, 100, 1e-8, accumulate=20),
        "at_once": Plan(1, 2_000_000, 100, 1e-4, accumulate=20),
    },
    sgd(
        momentum=0.9,
        bias_lr_mult=1.0,
        bias_decay_mult=1.0,
        layer_bias_mults=dict.fromkeys(
            ("score_fr", "score_pool4", "score_pool3"), (2.0, 0.0)
        ),
    ),
)


def _paper(rate):
    """Plan 175 epochs of the 1,112 images of VOC 2011, 20 in a batch.

    Each finer network of the stages learns at a hundredth of the rate.
    """
    plans = {
        stride: Plan(1, 194_600, 175, rate * factor, accumulate=20)
        for stride, factor in ((32, 1.0), (16, 1e-2), (8, 1e-4))
    }
    return Solver({**plans, "at_once": plans[32]}, sgd(momentum=0.9))


# Muon's matrices are small in the small network alone.
SMALL = Solver(
    dict.fromkeys((32, 16, 8, "at_once"), Plan(8, 3072, 6, 8e-3)), make_muon
)

# The paper's networks have no batch normalization, and learn at a lower rate.
QUICK = Solver(
    dict.fromkeys((32, 16, 8, "at_once"), Plan(16, 256, 4, 1e-4)), make_adamw
)

# Solvers by preset and backbone.
SOLVERS = {
    "small": {
        "small": SMALL,
        "vgg16": QUICK,
        "alexnet": QUICK,
        "googlenet": QUICK,
    },
    "paper": {"vgg16": VGG16, "alexnet": ALEXNET, "googlenet": _paper(5e-5)},
}

# The paper's own solver, where the authors' code has another.
CVPR = {"vgg16": _paper(1e-4), "alexnet": _paper(1e-3)}


def choose_solver(preset: str, backbone: str, settings: str) -> Solver:
    """Choose how a backbone is trained.

    Args:
        preset: "small" or "paper".
        backbone: Name of the backbone.
        settings: "code" or "paper", for preset "paper" alone.

    Returns:
        The solver.
    """
    chosen = SOLVERS[preset][backbone]
    if preset == "paper" and settings == "paper":
        return CVPR.get(backbone, chosen)
    return chosen
