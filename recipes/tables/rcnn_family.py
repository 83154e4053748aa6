"""What R-CNN, Fast R-CNN and Faster R-CNN cost, and what they find.

    python -m recipes.tables.rcnn_family

makes two tables, with the papers' figures beside ours:

- R-CNN against Fast R-CNN with 2000 regions of Selective Search (Girshick
  2015, table 4);
- regions of Selective Search against those of a region proposal network, which
  shares its convolutions with the detector or does not (Ren et al. 2015,
  tables 3 and 5).

Times are of VGG-16 on one image of 600 x 800 pixels, every network with the
same weights. What the systems find is measured on held-out digit scenes, where
their recipes train small networks in a quarter of an hour each: runs that the
folder already has are used. `--no-train` leaves that part out, and then all is
done in five to twelve minutes on two CPU cores, of which R-CNN takes half for
its one image.
"""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
import tyro
from matplotlib.figure import Figure

import kcv
from kcv.data.embedded.scenes.material import PHOTOGRAPHS
from kcv.data.embedded.scenes.material import photographs
from kcv.storage import write_whole
from kcv.visualize import new_figure
from recipes.common import run as experiment
from recipes.common.report import write_report

CLASSES = 20  # of VOC
FEW = 300  # regions of Faster R-CNN


class Published(NamedTuple):
    """What a paper has of a system: VGG-16, VOC 2007, an NVIDIA K40."""

    seconds: float  # of an image
    mean_ap: float
    training_hours: float | None = None


RCNN, FAST, SVD = "R-CNN", "Fast R-CNN", "Fast R-CNN, truncated SVD"
SEARCH = "Selective Search + Fast R-CNN"
UNSHARED, SHARED = "RPN, unshared", "RPN, shared"

# Without proposals, Girshick 2015, table 4.
NETWORK = {
    RCNN: Published(47.0, 0.660, 84.0),
    FAST: Published(0.32, 0.669, 9.5),
    SVD: Published(0.22, 0.666),
}
# With proposals, Ren et al. 2015; the first with 2000 regions.
WHOLE = {
    SEARCH: Published(1.830, 0.669),
    UNSHARED: Published(0.342, 0.685),
    SHARED: Published(0.198, 0.699),
}
# Table 5: of 1830 ms, Selective Search took 1510.
SEARCH_SECONDS = 1.510

# Folder, recipe and options.
RECIPES = {
    RCNN: ("rcnn", "rcnn"),
    FAST: ("fast_rcnn", "fast_rcnn"),
    # Measures both: networks share nothing until its second step is done.
    SHARED: (
        "faster_rcnn_alternating",
        "faster_rcnn",
        *("--training", "alternating"),
        *("--test-proposals", str(FEW)),
    ),
}


def main(
    out: Path = Path("runs/tables/rcnn_family"),
    train: bool = True,
    weights: str | None = None,
    image: Path | None = None,
    height: int = 600,
    width: int = 800,
    proposals: int = 2000,
    rounds: int = 5,
) -> dict:
    """Time and train the systems, and write a page with both tables.

    Args:
        out: Folder of the page, of the times, which are kept, and of the runs
            of the recipes.
        train: Whether to measure what the systems find, too; trains those
            that the folder has no finished run of.
        weights: Of VGG-16: imagenet (downloaded) or a file; by default
            random, which take the same time.
        image: A picture; by default the embedded photograph of a flower.
        height: To which it is scaled, pixels.
        width: To which it is scaled, pixels.
        proposals: Regions of Selective Search that R-CNN and Fast R-CNN see.
        rounds: How often each system is timed, by turns; R-CNN but once.

    Returns:
        What `table.json` has.
    """
    out.mkdir(parents=True, exist_ok=True)
    settings = {
        "picture": str(image or "flower"),
        "size": f"{height} x {width}",
        "weights": weights or "random",
        "proposals": proposals,
        "rounds": rounds,
    }
    # Timed first: recipes are run by processes of their own.
    seconds = known_seconds(out, settings)
    if seconds is None:
        pixels = scaled_picture(image, height, width)
        systems = vgg16_systems(weights)
        seconds = time_systems(systems, pixels, proposals, rounds)
        record = {"settings": settings, "seconds": seconds}
        write_whole(out / "seconds.json", json.dumps(record).encode())
    quality = {name: trained(out, name) for name in RECIPES} if train else {}
    tables = {
        f"R-CNN and Fast R-CNN: VGG-16, {proposals} regions of Selective "
        "Search": network_rows(seconds, quality),
        f"Where regions come from: VGG-16, {FEW} regions": whole_rows(
            seconds, quality
        ),
    }
    record = {"seconds": seconds, "quality": quality, "tables": tables}
    text = json.dumps(record, indent=2)
    write_whole(out / "table.json", text.encode() + b"\n")
    splits = sorted({run["split"] for run in quality.values()})
    report = write_report(
        out,
        "The R-CNN family",
        tables=tables,
        figures={"Seconds per image": seconds_figure(seconds)},
        configuration=settings,
        command=experiment.command_line(),
        summary=(
            "Times are medians on this machine's CPU, of one image and VGG-16, "
            "every system with the same weights; the papers' are of an NVIDIA "
            "K40. What the systems find is measured with small networks from "
            "random weights on "
            + (", ".join(splits) or "nothing here (--no-train)")
            + "; the papers' mAP is of VGG-16 on VOC 2007 test, and comparable "
            "in its order alone."
        ),
    )
    for title, rows in tables.items():
        print(f"\n{title}")
        for row in rows:
            print("  " + ", ".join(f"{k} {_short(v)}" for k, v in row.items()))
    print(f"Report: {report}")
    return record


# === Times ===


class System(NamedTuple):
    """A detector to time.

    Attributes:
        model: called with `images`, and with `proposals` if it wants them.
        proposals: how many regions of Selective Search; None for all that
            are asked for, 0 for a model that has its own.
        once: whether it is so slow that one time must do.
    """

    model: keras.Model
    proposals: int | None
    once: bool = False


def vgg16_systems(weights: str | None) -> dict[str, System]:
    """Build the networks of both tables, all with the same weights."""
    fast = kcv.detection.FastRCNN(CLASSES, "vgg16", weights, seed=0)
    rcnn = kcv.detection.RCNN(CLASSES, "vgg16", seed=0)
    proposer = kcv.detection.RegionProposals(
        "vgg16", proposals=kcv.detection.ProposalSelection(6000, FEW), seed=0
    )
    shared = kcv.detection.FasterRCNN(CLASSES, "vgg16", seed=0)
    for model in rcnn, proposer, shared:
        model.parts.trunk.set_weights(fast.parts.trunk.get_weights())
    for model in rcnn, shared:
        model.parts.head.set_weights(fast.parts.head.get_weights())
    return {
        FAST: System(fast, None),
        SVD: System(kcv.detection.truncated_svd(fast), None),
        RCNN: System(rcnn, None, once=True),
        f"{FAST}, {FEW} regions": System(fast, FEW),
        "RPN alone": System(proposer, 0),
        SHARED: System(shared, 0),
    }


def time_systems(
    systems: Mapping[str, System],
    image: np.ndarray,
    proposals: int,
    rounds: int,
) -> dict[str, float]:
    """Time systems and Selective Search by turns.

    Args:
        systems: by name.
        image: (H, W, 3) uint8.
        proposals: regions of Selective Search.
        rounds: how often each is timed.

    Returns:
        Seconds per image by name, medians; Selective Search's under its
        name.

    Raises:
        ValueError: if the image has fewer regions.
    """

    def search():
        return kcv.proposals.propose(image, max_proposals=proposals)

    regions = search()
    if len(regions) < proposals:
        raise ValueError(
            f"image has {len(regions)} regions of Selective Search, and "
            f"proposals={proposals} are asked for: give another image"
        )
    images = tf.constant(image[None], "float32")
    functions = {"Selective Search": search}
    for name, system in systems.items():
        x = {"images": images}
        if system.proposals != 0:
            x["proposals"] = tf.constant(regions[None, : system.proposals])
        functions[name] = _compiled(system.model, x)
    once = [name for name, system in systems.items() if system.once]
    clock = keras.utils.Progbar(
        rounds * (len(functions) - len(once)) + len(once), unit_name="image"
    )
    times = {name: [] for name in functions}
    for number in range(rounds):
        for name, function in functions.items():
            # In the midst of the others, so that a disturbance hits all.
            if name in once and number != rounds // 2:
                continue
            start = time.perf_counter()
            function()
            times[name].append(time.perf_counter() - start)
            clock.add(1)
    return {name: float(np.median(t)) for name, t in times.items()}


def _compiled(model, x):
    """Make a function that detects in x, traced and run once on less."""
    free = {"proposals": [1, None, 4]}
    run = tf.function(
        lambda x: model(x, training=False),
        input_signature=[
            {
                key: tf.TensorSpec(free.get(key, value.shape), value.dtype)
                for key, value in x.items()
            }
        ],
    )
    few = {**x, "proposals": x["proposals"][:, :1]} if "proposals" in x else x
    run(few)
    return lambda: [value.numpy() for value in run(x).values()]


def known_seconds(out: Path, settings: Mapping) -> dict[str, float] | None:
    """Read the times that a run with the same settings has measured."""
    file = out / "seconds.json"
    if not file.exists():
        return None
    record = json.loads(file.read_text())
    return record["seconds"] if record["settings"] == settings else None


def scaled_picture(path: Path | None, height: int, width: int) -> np.ndarray:
    """Read a picture, or the flower, as (height, width, 3) uint8."""
    if path is None:
        # Of the test split, which no recipe trains on.
        split = photographs("test")
        which = PHOTOGRAPHS["test"].index("flower")
        rows, columns = split.sizes[which]
        image = split.pixels[which, :rows, :columns]
    else:
        image = kcv.data.read_image(path)
    scaled = tf.image.resize(image, (height, width))
    return tf.cast(tf.round(scaled), tf.uint8).numpy()


# === What they find ===


def trained(out: Path, name: str) -> dict:
    """Read what a system's recipe has measured, and run it if it has not."""
    folder, recipe, *options = RECIPES[name]
    folder = out / folder
    file = folder / "metrics.json"
    if not file.exists():
        subprocess.run(
            [
                *(sys.executable, "-m", f"recipes.{recipe}", *options),
                *("--out", str(folder)),
            ],
            check=True,
        )
    return json.loads(file.read_text())


# === Tables ===


def network_rows(seconds: Mapping, quality: Mapping) -> list[dict]:
    """Compare the networks, regions given, as Girshick's table 4 does."""
    search = seconds["Selective Search"]
    rows = []
    for name, paper in NETWORK.items():
        run = quality.get(name, {})
        theirs = paper.seconds + SEARCH_SECONDS
        rows.append(
            {
                "system": name,
                "s per image": seconds[name],
                "times as fast": seconds[RCNN] / seconds[name],
                "share of proposals": search / (search + seconds[name]),
                "voc07_map": run.get("voc07_map"),
                "training, min": _training_minutes(run),
                "paper: s per image": paper.seconds,
                "paper: times as fast": NETWORK[RCNN].seconds / paper.seconds,
                "paper: share of proposals": SEARCH_SECONDS / theirs,
                "paper: mAP": paper.mean_ap,
                "paper: training, h": paper.training_hours,
            }
        )
    return rows


def whole_rows(seconds: Mapping, quality: Mapping) -> list[dict]:
    """Compare where regions come from, as Ren et al.'s tables do."""
    shared = quality.get(SHARED, {})
    found = {
        SEARCH: quality.get(FAST, {}).get("voc07_map"),
        UNSHARED: shared.get("unshared_voc07_map"),
        SHARED: shared.get("voc07_map"),
    }
    rows = []
    for name, parts in whole_parts(seconds).items():
        rows.append(
            {
                "system": name,
                "ms per image": 1e3 * sum(parts.values()),
                **{f"of it {k}": 1e3 * v for k, v in parts.items()},
                "voc07_map": found[name],
                "paper: ms per image": 1e3 * WHOLE[name].seconds,
                "paper: mAP": WHOLE[name].mean_ap,
            }
        )
    return rows


def whole_parts(seconds: Mapping) -> dict[str, dict[str, float]]:
    """Divide the time of systems that propose into regions and detector."""
    alone = seconds[f"{FAST}, {FEW} regions"]
    return {
        SEARCH: {"regions": seconds["Selective Search"], "detector": alone},
        UNSHARED: {"regions": seconds["RPN alone"], "detector": alone},
        # The regions cost what they add to the detector.
        SHARED: {
            "regions": max(seconds[SHARED] - alone, 0.0),
            "detector": min(seconds[SHARED], alone),
        },
    }


def seconds_figure(seconds: Mapping) -> Figure:
    """Draw both tables' times: the first on a logarithmic axis."""
    figure = new_figure(9, 3.2)
    left, right = figure.subplots(1, 2)
    names = [*NETWORK]
    left.barh(names, [seconds[name] for name in names], height=0.5)
    left.plot(
        [NETWORK[name].seconds for name in names], names, "kD", label="paper"
    )
    left.set(xscale="log", xlabel="seconds per image, regions given")
    left.legend(frameon=False, fontsize=8)
    parts = whole_parts(seconds)
    start = np.zeros(len(parts))
    for part in "regions", "detector":
        values = np.array([row[part] for row in parts.values()])
        right.barh([*parts], values, left=start, height=0.5, label=part)
        start += values
    right.set(xlabel=f"seconds per image, {FEW} regions")
    right.legend(frameon=False, fontsize=8)
    for axes in left, right:
        axes.invert_yaxis()
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    return figure


def _training_minutes(run):
    parts = [run.get(k) for k in ("seconds", "svm_seconds") if k in run]
    return sum(parts) / 60 if parts else None


def _short(value):
    return f"{value:.3g}" if isinstance(value, float) else value


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
