r"""What R-CNN, Fast R-CNN and Faster R-CNN cost, and what they find.

    python -m recipes.tables.rcnn_family

makes two tables, with the papers' figures beside ours:

- R-CNN against Fast R-CNN with 2000 regions of Selective Search (Girshick
  2015, table 4);
- regions of Selective Search against those of a region proposal network, which
  shares its convolutions with the detector or does not (Ren et al. 2015,
  tables 3 and 5).

Times are of VGG-16 on one image of 600 x 800 pixels, every network with the
same weights. What the systems find is measured on held-out digit scenes, where
their recipes train small networks in a quarter of an hour each. Runs that the
folder already has are used. `--no-train` leaves that part out. Then all is
done in five to twelve minutes on two CPU cores. R-CNN takes half of that.
"""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import keras

from kcv.storage import write_whole
from kcv.text_files import read_object
from kcv.visualize.report import write_report
from recipes.common.command import run_command
from recipes.common.detection.rcnn_family_papers import FAST
from recipes.common.detection.rcnn_family_papers import FEW
from recipes.common.detection.rcnn_family_papers import RCNN
from recipes.common.detection.rcnn_family_papers import SHARED
from recipes.common.detection.rcnn_family_papers import network_rows
from recipes.common.detection.rcnn_family_papers import seconds_figure
from recipes.common.detection.rcnn_family_papers import whole_rows
from recipes.common.detection.rcnn_family_times import open_picture
from recipes.common.detection.rcnn_family_times import time_systems
from recipes.common.detection.rcnn_family_times import vgg16_systems
from recipes.common.kept import keep_result
from recipes.common.run import Folder
from recipes.common.run import command_line
from recipes.common.tables import row_text

# Folder, recipe and options.
RECIPES = {
    RCNN: ("rcnn", "rcnn"),
    FAST: ("fast_rcnn", "fast_rcnn"),
    # Measures both: the networks share nothing until step 2 is done.
    SHARED: (
        "faster_rcnn_alternating",
        "faster_rcnn",
        *("--training", "alternating"),
        *("--test-proposals", str(FEW)),
    ),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Folder):
    """Options of this table.

    Attributes:
        out: Folder of the page, of the times and of the runs of the recipes.
        train: Train systems without a finished run, and measure them.
        weights: Weights of VGG-16: imagenet (downloaded) or a file. Defaults
            to random weights, which take the same time.
        image: Image file. Defaults to an embedded photograph of a flower.
        height: Height to which the picture is resized, in pixels.
        width: Width to which the picture is resized, in pixels.
        proposals: Number of regions of Selective Search.
        rounds: Number of timed calls of each system. R-CNN is timed once.
        resume: Keep the times of an earlier call with the same options.
    """

    out: Path = Path("runs/tables/rcnn_family")
    train: bool = True
    weights: str | None = None
    image: Path | None = None
    height: int = 600
    width: int = 800
    proposals: int = 2000
    rounds: int = 5
    resume: bool = True


def main(run: Options) -> dict:
    """Time and train the systems, and write a page with both tables."""
    # === Times: first, since recipes run in processes of their own ===
    settings = {
        "picture": str(run.image or "flower"),
        "size": f"{run.height} x {run.width}",
        "weights": run.weights or "random",
        "proposals": run.proposals,
        "rounds": run.rounds,
    }
    file = run.out / "seconds.json"
    seconds = keep_result(file, settings, lambda: measure(run), run.resume)

    # === What they find ===
    quality = {}
    if run.train:
        quality = {name: read_metrics(run.out, name) for name in RECIPES}

    # === Tables ===
    tables = {
        f"R-CNN and Fast R-CNN: VGG-16, {run.proposals} regions of Selective "
        "Search": network_rows(seconds, quality),
        f"Where regions come from: VGG-16, {FEW} regions": whole_rows(
            seconds, quality
        ),
    }
    record = {"seconds": seconds, "quality": quality, "tables": tables}
    text = json.dumps(record, indent=2)
    write_whole(run.out / "table.json", text.encode() + b"\n")
    splits = sorted({metrics["split"] for metrics in quality.values()})
    report = write_report(
        run.out,
        "The R-CNN family",
        tables=tables,
        figures={"Seconds per image": seconds_figure(seconds)},
        configuration=settings,
        command=command_line(),
        summary=(
            "Times are medians on this machine's CPU, of one image and VGG-16, "
            "every system with the same weights; the papers' are of an NVIDIA "
            "K40. What the systems find is measured with small networks from "
            "random weights on "
            + (", ".join(splits) or "nothing here (--no-train)")
            + "; the papers' mAP is of VGG-16 on VOC 2007 test, so that only "
            "the order of the systems is comparable."
        ),
    )
    for title, rows in tables.items():
        print(f"\n{title}")
        for row in rows:
            print(f"  {row_text(row)}")
    print(f"Report: {report}")
    return record


def measure(run: Options) -> dict[str, float]:
    """Time the systems and Selective Search on one picture."""
    keras.utils.set_random_seed(run.seed)
    systems = vgg16_systems(run.weights)
    image = open_picture(run.image, run.height, run.width)
    return time_systems(systems, image, run.proposals, run.rounds)


def read_metrics(out: Path, name: str) -> dict:
    """Read what a system's recipe has measured, and run it if it has not."""
    folder, recipe, *options = RECIPES[name]
    file = out / folder / "metrics.json"
    if not file.exists():
        subprocess.run(
            [
                *(sys.executable, "-m", f"recipes.{recipe}", *options),
                *("--out", str(out / folder)),
            ],
            check=True,
        )
    return read_object(file)


if __name__ == "__main__":
    run_command(main, Options())
