r"""The face cascade, stage by stage (Li, Lin, Shen, Brandt, Hua 2015).

    python -m recipes.face_cascade

draws scenes with rendered and real faces, which need no download, trains the
six networks of the paper one after the other, each on what the stages before
let pass, and measures the detector after each stage on 200 held-out scenes. The
page shows the curves, what each stage rejects, and a photograph. The real faces
are small crops, which come with scikit-image. --no-real leaves them out.
After ten CPU minutes of training, the recall is 0.884 at 0.1 and 0.938 at 1
false positive per image, and 0.816 and 0.932 before the 48-net.

    python -m recipes.face_cascade --data wider_face --preset paper

has the windows and the number of updates of the paper and of its public copies
on photographs of people, which TFDS downloads.
"""

import dataclasses
import time
from pathlib import Path
from typing import Literal

import keras

from kcv.faces import cascade
from kcv.storage import make_folder
from recipes.common.command import run_command
from recipes.common.faces.cascade_stages import build_stages
from recipes.common.faces.cascades import face_photograph
from recipes.common.faces.cascades import keep_stage
from recipes.common.faces.cascades import measure
from recipes.common.faces.cascades import open_faces
from recipes.common.faces.cascades import resume_stages
from recipes.common.faces.cascades import write_cascade_report
from recipes.common.run import Folder
from recipes.common.run import write_config

TRAINING = {
    # The held-out faces of so few people say less than the paper's: the first
    # stages keep more of them. The last stage keeps all, so that its threshold
    # cuts off nothing of the curve.
    "small": cascade.CascadeTraining(
        recalls=(0.995, 0.99, 1.0),
        steps=((2000, 1000), (2000, 1000), (600, 1000)),
    ),
    "paper": cascade.CascadeTraining(
        positives=40,
        random_negatives=40,
        max_windows=200_000,
        min_negatives=0,
        steps=3 * ((400_000, 400_000),),
    ),
}
# Smaller faces than the paper's, with windows half as far from each other.
SCAN = {
    "small": cascade.WindowScan(min_face=22, step=1.2, stride=2),
    "paper": cascade.WindowScan(min_face=40),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Folder):
    """Options of this recipe.

    Attributes:
        data: face_scenes, wider_face, voc:FOLDER,
            coco:ANNOTATIONS.json:IMAGES or
            coco:TRAIN.json:IMAGES:HELD_OUT.json. Every object is a face.
        preset: Small trains in minutes. paper has the number of windows and of
            updates of the paper and of its public copies.
        scenes: Number of images to learn from.
        learning_rate: Learning rate of AdamW with which the training of each
            network begins. It falls to 0 as a cosine.
        real: Whether a fifth of the faces of face_scenes are crops of real
            ones, which come with scikit-image.
        boxes: Handling of a box that is empty, inverted or outside its image.
            "clip" leaves out what has no area inside the image. The numbers are
            logged.
        resume: Continue a run with the same options that was stopped, behind
            the last stage that was trained.
        image: Image file to find faces in. Defaults to an embedded photograph
            of an astronaut.
        export: Folder in which the trained model is also published for
            TensorFlow Serving.
    """

    out: Path = Path("runs/face_cascade")
    data: str = "face_scenes"
    preset: Literal["small", "paper"] = "small"
    scenes: int = 1200
    learning_rate: float = 1e-3
    real: bool = True
    boxes: Literal["raise", "clip", "drop"] = "raise"
    resume: bool = True
    image: Path | None = None
    export: Path | None = None


def main(run: Options) -> dict:
    """Train the stages of the cascade and measure it after each of them."""
    training = dataclasses.replace(
        TRAINING[run.preset], learning_rate=run.learning_rate
    )

    # === Data ===
    keras.utils.set_random_seed(run.seed)
    make_folder("out", run.out)
    write_config(run)
    images, held_out = (
        cascade.keep_face_images(
            open_faces(
                run.data, part, run.scenes, run.seed, run.real, boxes=run.boxes
            )
        )
        for part in ("train", "held out")
    )
    test = [*open_faces(run.data, "test", real=run.real, boxes=run.boxes)]

    # === Train, and measure each stage ===
    stages = build_stages(run.preset)
    stages, measured = resume_stages(run, stages, test)
    clocks = time.perf_counter(), time.process_time()

    def on_stage(model, figures):
        nonlocal clocks
        figures["seconds"] = time.perf_counter() - clocks[0]
        figures["cpu_seconds"] = time.process_time() - clocks[1]
        keep_stage(run, model, figures)
        measured.append(measure(model, test, figures))
        clocks = time.perf_counter(), time.process_time()

    model = cascade.train_cascade(
        stages,
        images,
        held_out,
        scan=SCAN[run.preset],
        training=training,
        seed=run.seed,
        trained=len(measured),
        on_stage=on_stage,
    )

    # === Report ===
    return write_cascade_report(
        run,
        f"Face cascade on {run.data}",
        model,
        measured,
        test,
        face_photograph(run.image),
        f"{run.data}, {len(test)} held-out images",
        run.export,
    )


if __name__ == "__main__":
    run_command(main, Options())
