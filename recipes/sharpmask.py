r"""SharpMask (Pinheiro, Lin, Collobert, Dollar 2016).

    python -m recipes.deepmask
    python -m recipes.sharpmask

refines the masks of the small DeepMask that the first command trains: its
networks stay, refinement modules learn the masks of digit scenes, and the 100
best masks are measured on 500 held-out scenes: segm_ar10 0.41 and segm_ar100
0.52, where that DeepMask has 0.12 and 0.16, after 7 minutes of processor time.

    python -m recipes.sharpmask --data coco:train.json:images:val.json \
        --preset paper --deepmask runs/coco/model.keras

is the authors' experiment on a DeepMask that was trained with `--preset
paper`: updates of 32 patches by plain SGD, learning rate 0.001, 0.0005 after
50 epochs of 4000 updates and 0.0001 after 80. They report an average recall of
0.156, 0.276 and 0.355 with 10, 100 and 1000 masks.
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
    (0.156, 0.276, 0.355, 0.209), (0.197, 0.364, 0.482, 0.262), "SharpMask"
)
PLANS = {
    "small": Plan(64, 1344, epochs=8, learning_rate=2e-3),
    "paper": Plan(32, 480_000, epochs=120, learning_rate=1e-3),
}
# Factors of the learning rate after these parts of the training.
DROPS = {50 / 120: 0.5, 80 / 120: 0.1}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(proposers.MaskOptions):
    """Options of this recipe.

    Attributes:
        deepmask: File of the DeepMask to refine, the model.keras of a run of
            recipes.deepmask.
        upsampling: How the modules double the size of a mask. nearest is the
            authors' code, bilinear the paper.
    """

    out: Path = Path("runs/sharpmask")
    deepmask: Path = Path("runs/deepmask/model.keras")
    upsampling: str = "nearest"


def main(run: Options) -> dict:
    """Train the refinement and measure it on held-out images."""
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
        f"SharpMask on {run.data}",
        model,
        lambda model: proposers.evaluate_proposer(model, test, run.data),
        proposers.serve_proposer(),
        [Stage(run.out, plan)],
        PAPER,
        images.class_names,
    )


def build_model(run: Options) -> kcv.masks.SharpMask:
    """Build the refinement on a trained DeepMask.

    Sharp masks are cut at 0.5 in digit scenes, whose strokes are thin.
    """
    if not run.deepmask.is_file():
        raise FileNotFoundError(
            f"{run.deepmask} does not exist. Train a DeepMask by `python -m "
            "recipes.deepmask`, or give another one by --deepmask."
        )
    deepmask = kcv.load_model(run.deepmask, compile=False)
    if not isinstance(deepmask, kcv.masks.DeepMask):
        raise ValueError(
            "`deepmask` must be the file of a DeepMask. Received: "
            f"deepmask={run.deepmask}, which holds {type(deepmask).__name__}"
        )
    threshold = 0.5 if run.preset == "small" else 0.2
    return kcv.masks.SharpMask(
        deepmask,
        upsampling=run.upsampling,
        search=run.search(threshold),
        weights=run.start_weights(),
    )


def make_optimizer(plan: Plan, preset: str) -> keras.optimizers.Optimizer:
    """Make AdamW, or the plain SGD of the authors' code."""
    if preset == "small":
        return make_adamw(plan)
    rate = keras.optimizers.schedules.PiecewiseConstantDecay(
        [round(plan.steps * part) for part in DROPS],
        [plan.learning_rate * factor for factor in (1, *DROPS.values())],
    )
    return keras.optimizers.SGD(rate)


if __name__ == "__main__":
    run_command(main, Options())
