r"""DeepMask and SharpMask beside proposals from segmentation.

    python -m recipes.tables.masks

measures the masks of DeepMask, SharpMask, Selective Search and MCG on the same
held-out digit scenes: average recall of masks and of their boxes with 10 and
100 proposals, the time of an image, and the papers' figures on COCO, of which
only the order is comparable. It then trains Fast R-CNN with the proposals of
SharpMask and with those of Selective Search, and puts their average precision
side by side. Systems whose runs are not in the folder yet are trained by their
recipes. `--no-train-detectors` leaves Fast R-CNN out, which takes most of the
time.
"""

import dataclasses
import functools
import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import kcv
from kcv.masks import MaskProposals
from kcv.text_files import read_json
from recipes.common.command import run_command
from recipes.common.kept import keep_result
from recipes.common.masks.comparing import Measured
from recipes.common.masks.comparing import draw_masks
from recipes.common.masks.comparing import measure_system
from recipes.common.masks.comparing import name_system
from recipes.common.masks.comparing import table_row
from recipes.common.run import Folder
from recipes.common.tables import draw_bars
from recipes.common.tables import write_tables


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Folder):
    """Options of this table.

    Attributes:
        out: Folder of the page and of the runs of the recipes.
        methods: Methods of kcv.proposals that have masks, to compare with.
        test_images: Number of held-out digit scenes. MCG takes seconds for
            each.
        max_proposals: Number of proposals of an image.
        train_detectors: Train Fast R-CNN with the proposals of SharpMask and
            of Selective Search.
        resume: Keep what an earlier call with the same options has measured.
    """

    out: Path = Path("runs/tables/masks")
    methods: tuple[str, ...] = ("selective_search", "mcg")
    test_images: int = 100
    max_proposals: int = 100
    train_detectors: bool = True
    resume: bool = True


def main(run: Options) -> dict:
    """Measure all systems, and write a page."""
    # === Systems ===
    deepmask = read_run(run.out / "deepmask", "deepmask")
    sharpmask = read_run(
        run.out / "sharpmask",
        "sharpmask",
        *("--deepmask", str(deepmask / "model.keras")),
    )
    files = [folder / "model.keras" for folder in (deepmask, sharpmask)]
    systems: list[str | MaskProposals] = [
        MaskProposals(kcv.load_model(file, compile=False)) for file in files
    ]
    systems += run.methods
    # Figures of a model that was trained again are measured again.
    versions = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    versions += ["kcv"] * len(run.methods)

    # === Masks ===
    test = kcv.data.load_instances("digit_scenes", "test").dataset
    test = test.take(run.test_images)
    rows = []
    for system, version in zip(systems, versions, strict=True):
        name = name_system(system)
        measured = keep_result(
            run.out / "measures" / f"{name}.json",
            {
                "images": run.test_images,
                "proposals": run.max_proposals,
                "version": version,
            },
            functools.partial(measure_system, system, test, run.max_proposals),
            run.resume,
        )
        rows.append(table_row(name, Measured(*measured)))
    tables = {f"Masks of {run.test_images} held-out digit scenes": rows}

    # === Detectors ===
    if run.train_detectors:
        tables["Fast R-CNN with these proposals"] = [
            detector_row(name, run.out / f"fast_rcnn_{name}", *options)
            for name, options in (
                ("SharpMask", ("--proposals", str(files[1]))),
                ("selective_search", ()),
            )
        ]

    # === Pictures, page ===
    figures = {
        "Average recall of masks": draw_bars(
            rows, "system", f"mask AR@{min(run.max_proposals, 100)}"
        ),
        "Objects, and the proposals that cover them best": draw_masks(
            systems, test, run.max_proposals
        ),
    }
    write_tables(
        run,
        "Mask proposals",
        "Average recall over IoU 0.5 to 0.95 on digit scenes, on which "
        "DeepMask and SharpMask are trained from random weights in minutes. "
        "The papers' figures are of COCO, so that only the order of the "
        "systems is comparable.",
        tables,
        figures,
    )
    for title, own in tables.items():
        print(f"\n{title}")
        for row in own:
            print("  " + ", ".join(f"{k} {_short(v)}" for k, v in row.items()))
    return tables


def read_run(out: Path, recipe: str, *options: str) -> Path:
    """Run a recipe whose folder has no figures yet, and return the folder."""
    if not (out / "metrics.json").exists():
        command = (sys.executable, "-m", f"recipes.{recipe}", *options)
        subprocess.run([*command, "--out", str(out)], check=True)
    return out


def detector_row(name: str, out: Path, *options: str) -> dict[str, Any]:
    """Train a detector with the proposals of a system, and make its row."""
    file = read_run(out, "fast_rcnn", *options) / "metrics.json"
    metrics = read_json(file)
    return {
        "proposals": name,
        "voc07_map": metrics["voc07_map"],
        "images": metrics["split"],
    }


def _short(value):
    return f"{value:.3g}" if isinstance(value, float) else value


if __name__ == "__main__":
    run_command(main, Options())
