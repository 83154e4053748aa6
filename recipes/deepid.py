r"""DeepID, DeepID2, DeepID2+ and DeepID3 (Sun et al. 2014 and 2015).

    python -m recipes.deepid

trains a small DeepID from random weights to tell 400 rendered people apart,
which need no download, and measures by pairs of photos of 120 other people
whether both are of one person: accuracy 0.945, and 0.952 by Joint Bayesian,
after five minutes of processor time.

    python -m recipes.deepid --generation 2

adds verification to identification: embeddings of one person are drawn
together, and those of two people pushed apart. Generation 2plus does so at
every level of a wider network, and 3 has the deeper networks of DeepID3.
Accuracy is 0.926, 0.934 and 0.927 after as many photos. In the papers it rises
with each generation. Here the training is short, and verification slows
identification: in the last epoch, DeepID2 names 73% of the photos that it is
trained on, and DeepID 90%.

    python -m recipes.deepid --generation 2plus --data celeba:FOLDER \
        --preset paper

has the network of the paper on CelebA's people. The papers publish neither
learning rates nor numbers of updates, so that those of this preset are kcv's.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any
from typing import Literal
from typing import NamedTuple

import keras

import kcv
from kcv.faces import alignment
from kcv.faces.alignment import FACE_CROP
from kcv.faces.alignment import Template
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
from recipes.common.faces.published import DEEPID
from recipes.common.faces.published import DEEPID2
from recipes.common.faces.published import DEEPID2_PLUS
from recipes.common.faces.published import DEEPID3
from recipes.common.faces.published import PAPERS
from recipes.common.plan import Plan
from recipes.common.plan import make_adamw
from recipes.common.run import begin
from recipes.common.train import train


class Generation(NamedTuple):
    """A network of the line, and what it learns by."""

    title: str
    build: Callable[..., keras.Model]
    template: Template  # Of the paper's photos.
    verification: bool


GENERATIONS: dict[Literal["1", "2", "2plus", "3"], Generation] = {
    "1": Generation(DEEPID, kcv.faces.DeepID, alignment.DEEPID, False),
    "2": Generation(DEEPID2, kcv.faces.DeepID2, alignment.DEEPID2, True),
    "2plus": Generation(
        DEEPID2_PLUS, kcv.faces.DeepID2Plus, alignment.DEEPID2, True
    ),
    "3": Generation(DEEPID3, kcv.faces.DeepID3, alignment.DEEPID2, True),
}
PLANS = {
    "small": Plan(120, 640, epochs=8, learning_rate=2e-3),
    "paper": Plan(120, 400_000, epochs=40, learning_rate=0.01),
}
# Photos of each person in a batch from which pairs are formed, and number of
# pairs after which the margin is estimated again, the paper's in preset paper.
PHOTOS_OF_EACH = 2
MARGIN_EVERY = {"small": 2_400, "paper": 200_000}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(FaceOptions):
    """Options of this recipe.

    Attributes:
        generation: 1 is DeepID, 2 DeepID2, 2plus DeepID2+, and 3 DeepID3.
        net: Network of DeepID3. 1 stacks convolutions as VGG does, and 2 has
            inception layers, too.
    """

    out: Path = Path("runs/deepid")
    generation: Literal["1", "2", "2plus", "3"] = "1"
    net: Literal[1, 2] = 1


def main(run: Options) -> dict:
    """Train a network of the DeepID line and measure it on other people."""
    generation = GENERATIONS[run.generation]
    small = run.preset == "small"

    # === Data ===
    template = FACE_CROP if small else generation.template
    together = PHOTOS_OF_EACH if generation.verification else None
    faces, watched, test = open_parts(run, template, together or 1)
    plan = choose_plan(run, PLANS[run.preset], faces)
    batches = stream_batches(run, faces, plan, together)

    # === Model, solver ===
    strategy = begin(run)
    with strategy.scope():
        model = build_model(run, len(faces.class_names))
        run.freeze_layers(model, BACKBONE)
        sgd = keras.optimizers.SGD(plan.learning_rate, momentum=0.9)
        model.compile(make_adamw(plan) if small else sgd, jit_compile=run.jit)

    # === Fit ===
    measure = measure_epochs(run, watched, plan)
    train(run, model, plan, batches, measure, monitor=MONITOR)

    # === Evaluate, report ===
    return evaluate_and_report(
        run,
        f"{generation.title} on {run.data}",
        model,
        lambda model: evaluate_faces(model, run.data, faces, test),
        ServingConfig("faces", FixedSize(*template.size)),
        [Stage(run.out, plan)],
        PAPERS[generation.title].figures(),
    )


def build_model(run: Options, people: int) -> keras.Model:
    """Build the network of a generation, with what it is trained by."""
    generation = GENERATIONS[run.generation]
    objective = kcv.faces.Identification(people)
    if generation.verification:
        objective = kcv.faces.IdentificationVerification(
            people,
            every=MARGIN_EVERY[run.preset],
            every_level=run.generation in ("2plus", "3"),
        )
    options: dict[str, Any] = {"weights": run.start_weights()}
    if run.generation == "3":
        options["net"] = run.net
    return generation.build(objective, size=run.preset, **options)


if __name__ == "__main__":
    run_command(main, Options())
