r"""DeepMask (Pinheiro, Collobert, Dollar 2015), in the form of 2016.

    python -m recipes.deepmask

trains a small network from random weights on patches of digit scenes, which
need no download, and measures its 100 best masks and their boxes on 500
held-out scenes: bbox_ar10 0.39, bbox_ar100 0.51 and segm_ar100 0.16 after 9
minutes of processor time, 5 on two CPU cores. A digit is a thin stroke, which
this network finds and does not outline: look at the recall of its boxes, and at
`recipes.sharpmask`.

    python -m recipes.deepmask --data coco:train.json:images:val.json \
        --preset paper --weights resnet50.pth

is the authors' experiment: ResNet-50 of torchvision, 300 epochs of 4000
updates of 32 patches, learning rate 0.001, 0.0005 after 50 epochs and 0.0001
after 120. They report an average recall of 0.144, 0.258 and 0.331 with 10, 100
and 1000 masks.
"""

import dataclasses
from pathlib import Path

import keras

import kcv
from recipes.common.command import run_command
from recipes.common.evaluate_and_report import Stage
from recipes.common.evaluate_and_report import evaluate_and_report
from recipes.common.masks import proposers
from recipes.common.plan import Plan
from recipes.common.plan import make_adamw
from recipes.common.run import begin
from recipes.common.train import train

PAPER = proposers.published_recall(
    (0.144, 0.258, 0.331, 0.194),
    (0.153, 0.313, 0.446, 0.233),
    "ResNet-50",
    "VGG-A, as of 2015",
)
PLANS = {
    "small": Plan(64, 2016, epochs=8, learning_rate=2e-3),
    "paper": Plan(32, 1_200_000, epochs=300, learning_rate=1e-3),
}
# Factors of the learning rate after these parts of the training.
DROPS = {50 / 300: 0.5, 120 / 300: 0.1}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(proposers.MaskOptions):
    """Options of this recipe.

    Attributes:
        score_weight: Factor lambda of the loss of a score. The paper's is
            1/32, with which the score learns nothing in minutes. Defaults to
            0.5 for preset small, to 1/32 for preset paper.
    """

    out: Path = Path("runs/deepmask")
    score_weight: float | None = None


def main(run: Options) -> dict:
    """Train DeepMask and measure it on held-out images."""
    # === Data ===
    images, test = proposers.open_images(run)
    plan = proposers.choose_plan(run, PLANS[run.preset], images)

    # === Model, solver ===
    strategy = begin(run)
    with strategy.scope():
        model = build_model(run)
        run.freeze_layers(model)
        model.compile(make_optimizer(plan, run.preset), jit_compile=run.jit)
    patches = (images, model.geometry, model.target_size, plan.batch_size)
    batches = proposers.stream_patches(run, *patches)

    # === Fit ===
    watched = proposers.watch_loss(run, *patches)
    train(run, model, plan, batches, **watched)

    # === Evaluate, report ===
    return evaluate_and_report(
        run,
        f"DeepMask on {run.data}",
        model,
        lambda model: proposers.evaluate_proposer(model, test, run.data),
        proposers.serve_proposer(),
        [Stage(run.out, plan)],
        PAPER,
        images.class_names,
    )


def build_model(run: Options) -> kcv.masks.DeepMask:
    """Build the network of 2016, or the small one."""
    backbone, weight = "small", 0.5
    if run.preset == "paper":
        backbone, weight = "resnet50", 1 / 32
    if run.score_weight is not None:
        weight = run.score_weight
    return kcv.masks.DeepMask(
        backbone,
        run.start_weights(),
        search=run.search(0.2),
        score_weight=weight,
    )


def make_optimizer(plan: Plan, preset: str) -> keras.optimizers.Optimizer:
    """Make AdamW, or the solver of the authors' code."""
    if preset == "small":
        return make_adamw(plan)
    rate = keras.optimizers.schedules.PiecewiseConstantDecay(
        [round(plan.steps * part) for part in DROPS],
        [plan.learning_rate * factor for factor in (1, *DROPS.values())],
    )
    return kcv.optimizers.CaffeSGD(rate, l2=5e-4, bias_lr_mult=1.0)


if __name__ == "__main__":
    run_command(main, Options())
