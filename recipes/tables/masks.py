r"""DeepMask and SharpMask beside proposals from segmentation.

    python -m recipes.tables.masks

measures the masks of DeepMask, SharpMask, Selective Search and MCG on the same
held-out digit scenes: average recall of masks and of their boxes with 10 and
100 proposals, the time of an image, and the papers' figures on COCO, of which
only the order is comparable. Fast R-CNN, which its recipe trains with the
proposals of Selective Search, is then given those of DeepMask and SharpMask,
and their average precision stands side by side. The papers train a detector
with each.

On 100 scenes the average recall of masks at 10 and 100 proposals is 0.12 and
0.16 of DeepMask, 0.42 and 0.52 of SharpMask, 0.06 and 0.34 of Selective Search,
0.38 and 0.57 of MCG, which takes seven times as long as SharpMask. voc07_map of
100 proposals is 0.63, 0.64 and 0.60 of the first three, and 0.64 of the 300 of
Selective Search that the detector was trained with.

`python -m recipes.fast_rcnn --proposals runs/sharpmask/model.keras` trains a
detector with those of SharpMask. With 100 of them it has voc07_map 0.667 on 500
scenes, and the one with 300 of Selective Search 0.658.

Systems whose runs are not in the folder yet are trained by their recipes.
`--no-detection` leaves Fast R-CNN out, whose training takes most of the time.
"""

import dataclasses
import functools
import subprocess
import sys
from pathlib import Path

import kcv
from kcv.masks import MaskProposals
from recipes import fast_rcnn
from recipes.common.command import run_command
from recipes.common.detection.detectors import scale_to
from recipes.common.kept import keep_result
from recipes.common.masks.comparing import Measured
from recipes.common.masks.comparing import draw_masks
from recipes.common.masks.comparing import measure_system
from recipes.common.masks.comparing import name_system
from recipes.common.masks.comparing import table_row
from recipes.common.masks.detecting import DetectionTest
from recipes.common.masks.detecting import hash_file
from recipes.common.run import Folder
from recipes.common.tables import draw_bars
from recipes.common.tables import write_tables

DETECTOR = fast_rcnn.PRESETS["small"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Folder):
    """Options of this table.

    Attributes:
        out: Folder of the page and of the runs of the recipes.
        methods: Methods of kcv.proposals that have masks, to compare with.
        test_images: Number of held-out digit scenes. MCG takes seconds for
            each.
        max_proposals: Number of proposals of an image.
        detection: Measure Fast R-CNN with the proposals of the mask models
            and of Selective Search.
        resume: Keep what an earlier call with the same options has measured.
    """

    out: Path = Path("runs/tables/masks")
    methods: tuple[str, ...] = ("selective_search", "mcg")
    test_images: int = 100
    max_proposals: int = 100
    detection: bool = True
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
    versions = [hash_file(file) for file in files]
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

    # === Detection ===
    if run.detection:
        size = DETECTOR.image_size
        detection = DetectionTest(
            run.out,
            read_run(run.out / "fast_rcnn", "fast_rcnn") / "model.keras",
            scale_to(size) if size else None,
            run.test_images,
            run.resume,
        )
        tables["Fast R-CNN, trained with Selective Search, given proposals"] = [
            detection.row(systems[0], versions[0], run.max_proposals),
            detection.row(systems[1], versions[1], run.max_proposals),
            detection.row("selective_search", "kcv", run.max_proposals),
            detection.row("selective_search", "kcv", DETECTOR.max_proposals),
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
        "systems is comparable. The average precision is of the same scenes, "
        "by a Fast R-CNN that knows the proposals of Selective Search alone.",
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


def _short(value):
    return f"{value:.3g}" if isinstance(value, float) else value


if __name__ == "__main__":
    run_command(main, Options())
