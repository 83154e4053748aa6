r"""Six systems that recognize faces, on one set and by one protocol.

    python -m recipes.tables.faces

trains DeepFace, DeepID, DeepID2, DeepID2+, DeepID3 and FaceNet, small ones,
each by its own recipe, to tell 400 rendered people apart, and measures by the
same 6,000 pairs of photos of 120 other people whether both are of one person.
The page has the papers' figures beside ours, the ROC curves of all systems, and
of the best the pairs that it takes for what they are not and a map of its
embeddings. A second table has what needs no network: pixels, their principal
components, histograms of gradients, and local binary patterns. The trainings
need about half an hour of processor time. The command continues after a kill,
and uses the runs that its folder already has.

    python -m recipes.tables.faces --data lfw:FOLDER --preset paper

trains the networks of the papers on another set.
"""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import kcv
from kcv.faces import alignment
from kcv.faces.alignment import FACE_CROP
from kcv.faces.alignment import Template
from recipes import deepface
from recipes import deepid
from recipes import facenet
from recipes.common.command import run_command
from recipes.common.faces import comparing
from recipes.common.faces import published
from recipes.common.faces.figures import draw_all
from recipes.common.faces.photos import FaceOptions
from recipes.common.faces.photos import Photos
from recipes.common.faces.photos import as_arrays
from recipes.common.faces.photos import open_faces
from recipes.common.faces.verifying import make_pairs
from recipes.common.kept import keep_result
from recipes.common.tables import row_text
from recipes.common.tables import write_tables


class System(NamedTuple):
    """The recipe of a system, and what it is called with."""

    main: Callable[..., dict]
    options: Callable[..., FaceOptions]
    template: Template  # Of the paper's photos.


SYSTEMS = {
    published.DEEPFACE: System(
        deepface.main, deepface.Options, alignment.DEEPFACE
    ),
    **{
        generation.title: System(
            deepid.main,
            functools.partial(deepid.Options, generation=name),
            generation.template,
        )
        for name, generation in deepid.GENERATIONS.items()
    },
    published.FACENET: System(
        facenet.main, facenet.Options, FACE_CROP.resize(220)
    ),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(FaceOptions):
    """Options of this table.

    Attributes:
        systems: Names of the systems to compare.
        rounds: Number of times that each network is timed.
    """

    out: Path = Path("runs/tables/faces")
    systems: tuple[str, ...] = tuple(SYSTEMS)
    rounds: int = 30


def main(run: Options) -> dict:
    """Train and measure all systems, and write the page."""
    if not run.systems or {*run.systems} - {*SYSTEMS}:
        raise ValueError(
            f"`systems` must be of {[*SYSTEMS]}. Received: {run.systems}"
        )

    # === Data, model, solver, fit: each system by its own recipe ===
    metrics = {name: train_system(run, name) for name in run.systems}

    # === Evaluate ===
    files = {name: choose_folder(run, name) / "model.keras" for name in metrics}
    models = {name: kcv.load_model(file) for name, file in files.items()}
    tests = {name: open_test(run, name) for name in run.systems}
    measured = comparing.measure_systems(models, metrics, tests, run.rounds)
    best = max(run.systems, key=lambda name: metrics[name]["accuracy"])
    test = measured[best].test
    pairs = make_pairs(test.labels)
    crops = [
        as_arrays(open_faces(run, split, FACE_CROP))
        for split in ("train", "test")
    ]

    # === Report ===
    tables = {
        "The systems": comparing.system_rows(measured),
        "What the papers' figures are of": comparing.paper_rows(run.systems),
        "Without a network": comparing.baseline_rows(*crops),
    }
    verified = {name: own.verified for name, own in measured.items()}
    drawings = draw_all(verified, best, measured[best].embeddings, pairs, test)
    summary = (
        f"Small networks, each trained on the same photos of {run.data} and "
        f"measured on {metrics[best]['split']}. A pair is accepted if the "
        "embeddings of both photos and their mirror images are near enough. "
        "The papers' figures are of large networks, millions of photographs "
        "and the 6,000 pairs of Labeled Faces in the Wild, so that only the "
        "order of the systems is comparable. Faces of rendered_faces are "
        "drawn by a program; nobody is on them. "
        + comparing.describe_order(measured)
    )
    title = "Six systems that recognize faces"
    write_tables(run, title, summary, tables, drawings)
    for row in tables["The systems"]:
        print(row_text(row))
    return {"tables": tables}


def train_system(run: Options, name: str) -> dict:
    """Run the recipe of a system, unless the folder has its result."""
    out = choose_folder(run, name)
    names = {x.name for x in dataclasses.fields(FaceOptions)}
    options = {option: getattr(run, option) for option in names}
    asked = SYSTEMS[name].options(**{**options, "out": out})
    print(f"\n{name}")
    return keep_result(
        out / "result.json",
        {**dataclasses.asdict(asked), "resume": True, "config": None},
        lambda: SYSTEMS[name].main(asked),
        run.resume,
    )


def open_test(run: Options, name: str) -> Photos:
    """Open the held-out photos as a system sees them."""
    small = run.preset == "small"
    template = FACE_CROP if small else SYSTEMS[name].template
    return as_arrays(open_faces(run, "test", template))


def choose_folder(run: Options, name: str) -> Path:
    """Return the folder of a system within that of the table."""
    return run.out / name.lower().replace("+", "_plus")


if __name__ == "__main__":
    run_command(main, Options())
