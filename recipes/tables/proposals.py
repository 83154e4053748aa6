r"""All methods that propose regions, compared.

    python -m recipes.tables.proposals

makes the table of Hosang et al., "What makes for effective detection
proposals?", PAMI 2016: approach, segments, score, control of the number, time,
repeatability, recall and detection of each method of `kcv.proposals`, with the
paper's figures beside ours. The page also has the curves of recall over IoU and
of average recall over the number of proposals, and the first regions of each
method on a photograph.

Recall and detection are measured on 100 held-out digit scenes. For detection, a
small Fast R-CNN is trained once and then run on the proposals of each method.
Times are those of three photographs of 375 x 500 pixels with one thread.
Repeatability is measured on three scenes, under 13 changes for which the paper
has figures. Average recall is between 0.70 and 0.81 for the grouping methods,
up to 0.47 for those that score windows, and 0.70 for superpixels, the best
baseline. The table takes less than half an hour on two CPU cores. If the
command is killed, it continues from the results in its folder.

    python -m recipes.tables.proposals --data voc/2007 --preset paper \
        --weights imagenet

is the paper's experiment on VOC 2007: all held-out images, up to 10 000
proposals, difficult objects included, Fast R-CNN with VGG-16, and all 56
changes of all images. It takes weeks, most of them for CPMC and Endres, which
the paper leaves out of repeatability. `--methods` chooses others.
"""

import dataclasses
from pathlib import Path

import kcv
from kcv.metrics.proposal_recall import COUNTS
from kcv.proposals import METHODS
from kcv.text_files import read_object
from recipes import fast_rcnn
from recipes.common.command import run_command
from recipes.common.detection.detectors import Backbone
from recipes.common.detection.detectors import DetectorOptions
from recipes.common.detection.detectors import scale_to
from recipes.common.proposals import rows
from recipes.common.proposals.curves import recall_figure
from recipes.common.proposals.measuring import Detector
from recipes.common.proposals.measuring import Extent
from recipes.common.proposals.measuring import Protocol
from recipes.common.proposals.measuring import measure_method
from recipes.common.proposals.photographs import pictures_figure
from recipes.common.proposals.published import CHANGES
from recipes.common.proposals.published import PUBLISHED
from recipes.common.proposals.repeating import all_changes
from recipes.common.tables import row_text
from recipes.common.tables import write_tables

PRESETS = {
    "small": Extent(100, 3, COUNTS[:7], CHANGES, include_difficult=False),
    "paper": Extent(None, None, COUNTS, all_changes(), include_difficult=True),
}
SMALL_EPOCHS = 3  # Of Fast R-CNN, whose own recipe has 5.


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(DetectorOptions):
    """Options of this table.

    Attributes:
        methods: Names of the methods to compare, which must be in the paper.
        images: Number of held-out images on which recall and detection are
            measured. The preset decides if this is not given.
        changed: Number of held-out images on which repeatability is measured.
            The preset decides if this is not given.
        max_proposals: Number of proposals of an image.
        scenes: Number of digit scenes to train Fast R-CNN on.
    """

    out: Path = Path("runs/tables/proposals")
    backbone: Backbone | None = None
    methods: tuple[str, ...] = tuple(x for x in METHODS if x in PUBLISHED)
    images: int | None = None
    changed: int | None = None
    max_proposals: int = 1000
    scenes: int = 2560


def main(run: Options) -> dict:
    """Measure all methods, and write the page."""
    unknown = sorted({*run.methods} - {*PUBLISHED})
    if unknown:
        raise ValueError(
            f"`methods` must be of {[*PUBLISHED]}. Received: {unknown}"
        )

    # === Data ===
    test = kcv.data.load_detection(
        run.data, "test", on_error=run.on_error, boxes=run.boxes
    )
    preset = PRESETS[run.preset]
    extent = preset._replace(
        images=run.images or preset.images,
        changed=run.changed or preset.changed,
    )
    protocol = Protocol(
        test.dataset, run.data, extent, run.max_proposals, run.seed, run.resume
    )

    # === Detector, with Selective Search ===
    detector = train_detector(run)

    # === Measure ===
    measured = {}
    for method in run.methods:
        print(f"\n{method}")
        measured[method] = measure_method(run.out, method, protocol, detector)

    # === Report ===
    tables = rows.all_tables(measured)
    objects = len(next(iter(measured.values())).overlaps)
    summary = (
        f"Measured on {objects} objects of held-out images of {run.data}, at "
        f"{run.max_proposals:,} proposals of an image. The paper's figures are "
        "of VOC 2007 test and of a core of 2013, and its seconds are quoted "
        "from a summary of its table 1. On other data and machines "
        "only the order of the methods is comparable. "
        + rows.describe_order(measured)
    )
    curves = recall_figure(measured, run.max_proposals)
    first = {name: run.out / "first" / f"{name}.png" for name in run.methods}
    figures = {
        "Recall over IoU, and average recall over the number": curves,
        "The first segments, or the first boxes": pictures_figure(first),
    }
    title = "Methods that propose regions"
    write_tables(run, title, summary, tables, figures)
    for row in tables["The methods"]:
        print(row_text(row))
    print(summary)
    return {"tables": tables}


def train_detector(run: Options) -> Detector:
    """Train Fast R-CNN, unless the folder has one."""
    out = run.out / "fast_rcnn"
    if not (run.resume and (out / "metrics.json").exists()):
        names = {x.name for x in dataclasses.fields(DetectorOptions)}
        options = {name: getattr(run, name) for name in names}
        options |= {"out": out, "scenes": run.scenes}
        if run.preset == "small":
            options["epochs"] = run.epochs or SMALL_EPOCHS
        fast_rcnn.main(fast_rcnn.Options(**options))
    size = run.image_size or fast_rcnn.PRESETS[run.preset].image_size
    scaling = scale_to(size) if size else None
    config = read_object(out / "config.json", "options")
    model = kcv.load_model(out / "model.keras")
    return Detector(model, scaling, config)


if __name__ == "__main__":
    run_command(main, Options())
