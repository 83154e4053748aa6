"""How FCN is trained: by the authors (Long et al. 2015), and in minutes."""

import dataclasses
from collections.abc import Callable

import keras

import kcv
from recipes.common.plan import Plan
from recipes.common.plan import make_adamw
from recipes.common.plan import make_muon
from recipes.common.run import Run


@dataclasses.dataclass(frozen=True)
class Solver:
    """How a backbone is trained.

    Attributes:
        plans: Plans of FCN-32s, 16s and 8s, by stride, and of all at once.
        make_optimizer: Function from a plan to the optimizer.
        normalize: Whether the loss is the mean over pixels, not their sum.
    """

    plans: dict[int | str, Plan]
    make_optimizer: Callable[[Plan], keras.optimizers.Optimizer]
    normalize: bool = True

    def choose_plans(
        self, run: Run, stride: int, training: str
    ) -> dict[int, Plan]:
        """List the stages of a training.

        Args:
            run: Options of the recipe.
            stride: Stride of the finest feature map that is scored.
            training: "at_once" for a single stage, or "stages".

        Returns:
            Plans, with the options of the run, by stride.
        """
        plans = {s: self.plans[s] for s in (32, 16, 8) if s >= stride}
        if training == "at_once":
            plans = {stride: self.plans["at_once"]}
        return {s: plan.with_options(run) for s, plan in plans.items()}


def sgd(momentum: float) -> Callable[[Plan], keras.optimizers.Optimizer]:
    """Return a function that makes the authors' SGD.

    Its weight decay leaves out the biases.
    """

    def make(plan):
        return kcv.optimizers.CaffeSGD(
            plan.learning_rate,
            momentum,
            l2=5e-4,
            bias_decay_mult=0.0,
            gradient_accumulation_steps=(
                plan.accumulate if plan.accumulate > 1 else None
            ),
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

# The authors' code has FCN-32s alone.
ALEXNET = Solver(
    {
        32: Plan(1, 2_000_000, 100, 1e-4, accumulate=20),
        16: Plan(1, 2_000_000, 100, 1e-6, accumulate=20),
        8: Plan(1, 2_000_000, 100, 1e-8, accumulate=20),
        "at_once": Plan(1, 2_000_000, 100, 1e-4, accumulate=20),
    },
    sgd(momentum=0.9),
)

# The paper: 175 epochs of the 1,112 images of VOC 2011, 20 in a batch.
GOOGLENET = Solver(
    {
        32: Plan(1, 194_560, 175, 5e-5, accumulate=20),
        16: Plan(1, 194_560, 175, 5e-7, accumulate=20),
        8: Plan(1, 194_560, 175, 5e-9, accumulate=20),
        "at_once": Plan(1, 194_560, 175, 5e-5, accumulate=20),
    },
    sgd(momentum=0.9),
)

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
    "paper": {"vgg16": VGG16, "alexnet": ALEXNET, "googlenet": GOOGLENET},
}
