r"""DeepFace (Taigman, Yang, Ranzato and Wolf 2014).

    python -m recipes.deepface

trains a small network with locally connected layers from random weights to tell
400 rendered people apart, which need no download. Pairs of photos of 120 other
people then show whether a distance distinguishes people: accuracy 0.896 after
seven minutes of processor time. The paper's three ways to compare are measured:
the inner product, which orders unit vectors as their distance does, the
weighted chi-squared distance (0.889), and a Siamese network (0.881).

    python -m recipes.deepface --data celeba:FOLDER --preset paper

has the network and the solver of the paper on CelebA's people: 119 million
parameters, 15 epochs of 4.4 million photos in batches of 128, and a learning
rate of 0.01 that falls to 0.0001. The paper's alignment in three dimensions is
replaced by a similarity transform.
"""

import dataclasses
from pathlib import Path

import keras

import kcv
from kcv.faces import alignment
from kcv.serving import FixedSize
from kcv.serving import ServingConfig
from recipes.common.command import run_command
from recipes.common.evaluate_and_report import Stage
from recipes.common.evaluate_and_report import evaluate_and_report
from recipes.common.faces.evaluating import MONITOR
from recipes.common.faces.evaluating import evaluate_faces
from recipes.common.faces.evaluating import measure_epochs
from recipes.common.faces.photos import BACKBONE
from recipes.common.faces.photos import FaceOptions
from recipes.common.faces.photos import choose_plan
from recipes.common.faces.photos import open_parts
from recipes.common.faces.photos import stream_batches
from recipes.common.faces.published import DEEPFACE
from recipes.common.faces.published import PAPERS
from recipes.common.faces.top_layers import chi_squared_distances
from recipes.common.faces.top_layers import siamese_distances
from recipes.common.plan import Plan
from recipes.common.plan import make_adamw
from recipes.common.run import begin
from recipes.common.train import train

PLANS = {
    "small": Plan(96, 800, epochs=8, learning_rate=2e-3),
    # 15 epochs of 4.4 million photos.
    "paper": Plan(128, 516_000, epochs=15, learning_rate=0.01),
}
VERIFIERS = {
    "weighted chi-squared": chi_squared_distances,
    "Siamese network": siamese_distances,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(FaceOptions):
    """Options of this recipe."""

    out: Path = Path("runs/deepface")


def main(run: Options) -> dict:
    """Train DeepFace and measure it on other people."""
    small = run.preset == "small"

    # === Data ===
    template = alignment.FACE_CROP if small else alignment.DEEPFACE
    faces, watched, test = open_parts(run, template)
    plan = choose_plan(run, PLANS[run.preset], faces)
    batches = stream_batches(run, faces, plan)

    # === Model, solver ===
    strategy = begin(run)
    with strategy.scope():
        people = kcv.faces.Identification(len(faces.class_names))
        weights = run.start_weights()
        model = kcv.faces.DeepFace(people, weights=weights, size=run.preset)
        run.freeze_layers(model, BACKBONE)
        solver = make_adamw(plan) if small else make_sgd(plan)
        model.compile(solver, jit_compile=run.jit)

    # === Fit ===
    measure = measure_epochs(run, watched, plan)
    train(run, model, plan, batches, measure, monitor=MONITOR)

    # === Evaluate, report ===
    return evaluate_and_report(
        run,
        f"DeepFace on {run.data}",
        model,
        lambda model: evaluate_faces(model, run.data, faces, test, VERIFIERS),
        ServingConfig("faces", FixedSize(*template.size)),
        [Stage(run.out, plan)],
        PAPERS[DEEPFACE].figures(),
    )


def make_sgd(plan: Plan) -> keras.optimizers.Optimizer:
    """Make the paper's SGD, whose rate was lowered twice by hand."""
    rate = keras.optimizers.schedules.PiecewiseConstantDecay(
        [plan.steps * 3 // 5, plan.steps * 4 // 5],
        [plan.learning_rate / 10**drops for drops in range(3)],
    )
    return keras.optimizers.SGD(rate, momentum=0.9)


if __name__ == "__main__":
    run_command(main, Options())
