"""Four ways to enlarge a feature map, compared.

    python -m recipes.tables.upsampling

trains the same network four times on the same digit scenes, in 40 minutes on
one core with AMX and `--precision mixed_bfloat16`. The encoder pools four times
and has learned to classify windows around single digits. The decoder begins
with the same random weights, enlarges four times by two, and convolves after
each. Only how it enlarges differs:

- bilinear interpolation, where nothing is learned;
- a transposed convolution that begins as bilinear interpolation, as in FCN
  (Long et al. 2015);
- unpooling by the switches of the encoder's poolings, and convolutions, as in
  SegNet (Badrinarayanan et al. 2015);
- unpooling, and transposed convolutions, as in DeconvNet (Noh et al. 2015).

Mean IU is 0.469, 0.473, 0.535 and 0.535. The page shows what each costs and
finds, and the same held-out scenes labeled by all four.
"""

import dataclasses
from pathlib import Path

import kcv
from recipes.common.command import run_command
from recipes.common.history import read_history
from recipes.common.plan import Plan
from recipes.common.plan import make_muon
from recipes.common.run import Run
from recipes.common.run import begin
from recipes.common.segmentation import segmenters
from recipes.common.segmentation.enlarging_networks import BILINEAR
from recipes.common.segmentation.enlarging_networks import WAYS
from recipes.common.segmentation.enlarging_networks import build_enlarging
from recipes.common.segmentation.enlarging_networks import count_switches
from recipes.common.segmentation.enlarging_networks import take_encoder
from recipes.common.segmentation.images import open_images
from recipes.common.segmentation.small_segnet import CLASSES
from recipes.common.segmentation.small_segnet import LAST_OF_ENCODER
from recipes.common.segmentation.small_segnet import WINDOWS
from recipes.common.segmentation.windows import learn_classes
from recipes.common.tables import draw_bars
from recipes.common.tables import time_models
from recipes.common.tables import write_tables

PLANS = {"windows": Plan(32, 640, 2, 4e-3), "images": Plan(8, 1024, 2, 8e-3)}
TIMED = (192, 256)  # Height and width of the timed image.


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Run):
    """Options of this table.

    Attributes:
        data: digit_scenes, voc:FOLDER, sbd:SBD:VOC or folder:IMAGES:MASKS.
        image_size: Shorter side of the training images, in pixels. Defaults
            to 96 for digit scenes, and to the original size for other data.
        rounds: Number of times that each network is timed.
    """

    out: Path = Path("runs/tables/upsampling")
    data: str = "digit_scenes"
    image_size: int | None = None
    rounds: int = 15


def main(run: Options) -> dict:
    """Train a network with each way to enlarge, and write a page."""
    plans = {name: plan.with_options(run) for name, plan in PLANS.items()}

    # === Data ===
    size = run.image_size
    if run.data == "digit_scenes":
        size = size or segmenters.SCENE_SIZE
    images = open_images(run, size)
    classes = len(images.class_names)
    class_weights = segmenters.weigh_background(images)

    # === The encoder, which all networks share ===
    strategy = begin(run)
    stage = run.stage("classes")
    begin(stage)
    with strategy.scope():
        encoder = build_enlarging(BILINEAR, classes)
        maps = encoder.get_layer(LAST_OF_ENCODER).output
        early = CLASSES.with_options(run)
        learn_classes(stage, early, encoder, maps, WINDOWS, images)

    # === Model, solver, fit: one network after another ===
    models, folders = {}, {}
    for number, way in enumerate(WAYS, start=1):
        print(f"\n{way}")
        folders[way] = []
        for name, plan in plans.items():
            stage = run.stage(f"answer-{number}/{name}")
            begin(stage)
            with strategy.scope():
                if way not in models:
                    models[way] = build_enlarging(way, classes)
                    take_encoder(models[way], encoder)
                models[way].compile(
                    make_muon(plan),
                    kcv.losses.PixelwiseCrossEntropy(
                        class_weights=class_weights
                    ),
                    jit_compile=run.jit,
                )
            examples = None
            if name == "windows":
                examples = WINDOWS.around_objects(images, run.seed)
            done = segmenters.train_segmenter(
                stage, models[way], plan, images, examples
            )
            folders[way].append(done.out)

    # === Evaluate ===
    milliseconds = time_models(models, TIMED, run.rounds)
    rows, gallery = [], []
    for way, model in models.items():
        whole = segmenters.take_whole_images(model, images)
        measure = segmenters.measure_segmenter(
            segmenters.make_answer(whole), images
        )
        scores, shown = measure.scores(), measure.first
        seconds = sum(read_history(*folders[way])["seconds"], 0.0)
        rows.append(
            {
                "enlarged by": way,
                "mean IU": scores["mean_iu"],
                "pixel accuracy": scores["pixel_accuracy"],
                "mean accuracy": scores["mean_accuracy"],
                "parameters": model.count_params(),
                "switches, KiB": count_switches(way, *TIMED) / 1024,
                "ms per image": milliseconds[way],
                "seconds of training": seconds,
            }
        )
        gallery = gallery or [
            {"image": each["image"], "truth": each["truth"]} for each in shown
        ]
        for shown_so_far, each in zip(gallery, shown, strict=True):
            shown_so_far[way] = each["found"]

    # === Report ===
    figures = {
        "The same held-out images": kcv.visualize.segmentation_gallery(
            gallery, images.class_names, width=2.0
        ),
        "Mean IU": draw_bars(rows, "enlarged by", "mean IU"),
    }
    summary = (
        "One network, trained four times on the same "
        f"{plan.steps * plan.batch_size} images of {run.data}, each time with "
        "the same encoder, which has learned to classify windows, and the same "
        "random decoder. Only how the decoder enlarges by two differs. "
        f"Measured on {int(images.test.cardinality())} held-out images. Times "
        f"are medians on this machine, of one image of {TIMED[0]} x {TIMED[1]} "
        "pixels. A switch is stored as a byte; two bits would suffice."
    )
    title = "Four ways to enlarge a feature map"
    write_tables(run, title, summary, {"Enlarged by": rows}, figures)
    for row in rows:
        print(f"{row['enlarged by']}: mean IU {row['mean IU']:.3f}")
    return {"rows": rows}


if __name__ == "__main__":
    run_command(main, Options())
