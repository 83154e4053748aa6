r"""FaceNet (Schroff, Kalenichenko and Philbin 2015).

    python -m recipes.facenet

trains a small network from random weights on 400 rendered people, which need no
download. Triplets of photos pull the embeddings of one person together. Pairs
of photos of 120 other people then show whether a distance distinguishes people:
accuracy 0.92 after six minutes of processor time.

    python -m recipes.facenet --network nn2 --data celeba:FOLDER \
        --preset paper

has the network and the solver of the paper on CelebA's people: batches of 1,800
photos, and AdaGrad with a learning rate of 0.05. The paper trained on 100 to
200 million photos for 1,000 to 2,000 hours.
"""

import dataclasses
from pathlib import Path
from typing import Literal

import keras

import kcv
from kcv.faces.alignment import FACE_CROP
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
from recipes.common.faces.published import FACENET
from recipes.common.faces.published import PAPERS
from recipes.common.plan import Plan
from recipes.common.plan import make_adamw
from recipes.common.run import begin
from recipes.common.train import train

# Builder, and side of the paper's images.
NETWORKS = {
    "nn1": (kcv.faces.FaceNetNN1, 220),
    "nn2": (kcv.faces.FaceNetNN2, 224),
    "nn3": (kcv.faces.FaceNetNN3, 160),
    "nn4": (kcv.faces.FaceNetNN4, 96),
}
PLANS = {
    "small": Plan(120, 800, epochs=8, learning_rate=1.5e-3),
    "paper": Plan(1800, 100_000, epochs=100, learning_rate=0.05),
}
# In a batch. The paper has about 40, more than CelebA has of anybody.
PHOTOS_OF_EACH = {"small": 5, "paper": 20}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(FaceOptions):
    """Options of this recipe.

    Attributes:
        network: Network of the paper. nn1 stacks convolutions, the others
            have inception modules and differ in the size of their images.
        margin: Squared distance by which the photo of another person must be
            farther away.
        negatives: Photos of other people that triplets are made of. semihard
            takes the nearest that is farther away than the photo of the
            person, and no triplet if there is none within the margin.
            semihard_or_hardest then takes the nearest of all. violating draws
            one of those within the margin, as OpenFace does.
    """

    out: Path = Path("runs/facenet")
    network: Literal["nn1", "nn2", "nn3", "nn4"] = "nn1"
    margin: float = 0.2
    negatives: Literal[
        "semihard", "semihard_or_hardest", "violating", "hardest"
    ] = "semihard"


def main(run: Options) -> dict:
    """Train FaceNet with triplets and measure it on other people."""
    build, side = NETWORKS[run.network]
    small = run.preset == "small"

    # === Data ===
    template = FACE_CROP if small else FACE_CROP.resize(side)
    together = PHOTOS_OF_EACH[run.preset]
    faces, watched, test = open_parts(run, template, together)
    plan = choose_plan(run, PLANS[run.preset], faces)
    batches = stream_batches(run, faces, plan, together)

    # === Model, solver ===
    strategy = begin(run)
    with strategy.scope():
        triplets = kcv.faces.Triplets(run.margin, run.negatives)
        weights = run.start_weights()
        model = build(triplets, size=run.preset, weights=weights)
        run.freeze_layers(model, BACKBONE)
        adagrad = keras.optimizers.Adagrad(plan.learning_rate)
        solver = make_adamw(plan) if small else adagrad
        model.compile(solver, jit_compile=run.jit)

    # === Fit ===
    measure = measure_epochs(run, watched, plan)
    train(run, model, plan, batches, measure, monitor=MONITOR)

    # === Evaluate, report ===
    return evaluate_and_report(
        run,
        f"FaceNet {run.network.upper()} on {run.data}",
        model,
        lambda model: evaluate_faces(model, run.data, faces, test),
        ServingConfig("faces", FixedSize(*template.size)),
        [Stage(run.out, plan)],
        PAPERS[FACENET].figures(),
    )


if __name__ == "__main__":
    run_command(main, Options())
