"""DeconvNet (Noh, Hong and Han 2015).

    python -m recipes.deconvnet

trains a small DeconvNet from random weights on windows of digit scenes, which
need no download, and measures it on 500 held-out scenes: mean_iu 0.57 after 37
minutes of training on one core with AMX by `--precision mixed_bfloat16`.

Its encoder begins as a classifier of such windows, as the paper's is one of
ImageNet. Then come the paper's two stages: first windows with an object in
their middle, the only one that counts; then windows of proposals that overlap
an object, with all classes in them. The paper labels a whole image by the
windows of its 50 best proposals of EdgeBoxes: a pixel has the greatest score
that any of them gives.

Of the digits, 50 proposals of EdgeBoxes meet less than half. So the small
network asks 200 of Selective Search, most of which are of no digit, and learns
that by every other window of its second stage, which may be of any proposal.
What windows say is compared as probabilities, not as scores.

    python -m recipes.deconvnet --data voc:VOC2012 --size paper \
        --weights imagenet

is the paper's experiment: VGG-16, windows of 224 pixels out of 250, 64 in an
update, 20 000 updates and then 40 000. The paper has 69.6 mean IU on the test
set of VOC 2012, without its ensemble and its conditional random field, which
are not here.
"""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated
from typing import Literal

import keras
import tensorflow as tf
import tyro

import kcv
from recipes.common import finish_segmentation as segmentation
from recipes.common import run as experiment
from recipes.common.given_proposals import training_images
from recipes.common.plan import Plan
from recipes.common.plan import begin_part
from recipes.common.plan import muon_optimizer
from recipes.common.report import Published
from recipes.common.windows import Windows
from recipes.common.windows import learn_classes

PAPER = [
    Published(
        "mean_iu",
        0.696,
        "VOC 2012 train and val with SBD, measured on VOC 2012 test",
        "Noh et al. 2015, table 1",
    )
]


@dataclasses.dataclass(frozen=True)
class Setting:
    """What a network sees, how it is trained, and what it is asked.

    Attributes:
        windows: how they are cut.
        plans: of the two stages, in windows.
        drops: updates after which the learning rate falls, in each stage.
        method: of `kcv.proposals.propose`.
        learnt_from: proposals of an image that stage 2 chooses from.
        asked: proposals by which an image is labelled.
        encoder: how the encoder learns to classify, if it does not come from
            weights that do.
        everywhere: whether every other window of stage 2 is of any proposal,
            not of one that overlaps an object.
        certainty: as of `kcv.segmentation.label_by_windows`.
    """

    windows: Windows
    plans: tuple[Plan, Plan]
    drops: tuple[int, int]
    method: str
    learnt_from: int
    asked: int
    encoder: Plan | None = None
    everywhere: bool = False
    certainty: float | None = None


SMALL = Setting(
    windows=Windows(side=64, cut=72, count=2),
    plans=(
        Plan(32, 512, 2, 4e-3),
        Plan(32, 2048, 4, 4e-3),
    ),
    drops=(0, 0),
    method="selective_search",
    learnt_from=200,
    asked=200,
    encoder=Plan(64, 384, 2, 4e-3),
    everywhere=True,
    certainty=0.8,
)
SMALL_BLOCKS = ((1, 32), (1, 64), (2, 96))
PAPERS = Setting(
    windows=Windows(side=224, cut=250, count=8),
    # iter_size 8
    plans=(
        Plan(8, 160_000, 20, 0.01, accumulate=8),
        Plan(8, 320_000, 40, 0.01, accumulate=8),
    ),
    drops=(9_000, 10_000),
    method="edge_boxes",
    learnt_from=2000,
    asked=50,
)

DEFAULT_RUN = experiment.Run(Path("runs/deconvnet"))


def main(
    run: Annotated[experiment.Run, tyro.conf.arg(name="")] = DEFAULT_RUN,
    data: str = "digit_scenes",
    size: Literal["small", "paper"] = "small",
    weights: str | None = None,
    method: str | None = None,
    proposals: int | None = None,
    scenes: int = 3072,
    steps_per_epoch: int | None = None,
    statistics: int = 100,
    on_error: Literal["raise", "skip"] = "raise",
) -> dict:
    """Train DeconvNet on windows and measure it on whole held-out images.

    Args:
        run: Options of every recipe.
        data: digit_scenes, voc:FOLDER, sbd:SBD:VOC or folder:IMAGES:MASKS.
        size: small learns from random weights in minutes, by Muon; paper has
            the authors' network and solver.
        weights: imagenet (downloaded) or a file of a VGG-16, whose
            convolutions are taken over; for size paper.
        method: Of `kcv.proposals.propose`; by default selective_search for
            size small, and the paper's edge_boxes for size paper.
        proposals: Windows by which an image is labelled; by default 200 for
            size small, and the paper's 50 for size paper.
        scenes: Digit scenes to train on in the second stage.
        steps_per_epoch: Updates per epoch, a multiple of 8; by default as many
            as show the plan's number of windows in its number of epochs.
        statistics: Batches on which batch normalisation is measured in the
            end.
        on_error: What to do about an image that cannot be decoded.

    Returns:
        What `metrics.json` has.
    """
    small = size == "small"
    if weights is not None and small:
        raise ValueError(
            "the small network has no published weights. Received: "
            f"weights={weights!r}"
        )
    setting = SMALL if small else PAPERS
    method = method or setting.method
    proposals = proposals or setting.asked
    configuration = {
        **dataclasses.asdict(run),
        "task": "segmentation",
        "data": data,
        "size": size,
        "weights": weights,
        "method": method,
        "proposals": proposals,
        "scenes": scenes,
        "steps_per_epoch": steps_per_epoch,
        "statistics": statistics,
        "on_error": on_error,
    }
    strategy = experiment.prepare(run, configuration)
    images = segmentation.open_images(data, None, on_error)
    classes = len(images.class_names)

    # === Fit ===
    parts = []

    def begin(name, plan):
        part = begin_part(run, name, plan, steps_per_epoch, configuration)
        parts.append(part)
        return part

    with strategy.scope():
        model = build(classes, setting, small, weights)
        if setting.encoder is not None:
            learn_classes(
                begin("classes", setting.encoder),
                model,
                model.get_layer("fc7_relu").output,
                setting.windows,
                images,
            )
    for stage, plan in enumerate(setting.plans, start=1):
        part = begin(f"stage-{stage}", plan)
        with strategy.scope():
            model.compile(
                optimizer(part.schedule, plan, setting.drops[stage - 1], small),
                kcv.losses.PixelwiseCrossEntropy(),
                jit_compile=run.jit,
            )
        windows = stream_of(stage, images, setting, run, method, scenes)
        segmentation.fit(part, model, windows)
    seen = segmentation.batches(windows(0), part.schedule.batch_size)
    kcv.segmentation.recompute_batch_norm(
        model, seen.take(statistics).map(lambda x, y: x)
    )

    # === Evaluate, report ===
    whole = kcv.segmentation.label_by_windows(
        model, certainty=setting.certainty
    )

    def found(image):
        boxes = kcv.proposals.propose(
            image, method, max_proposals=proposals, seed=run.seed
        )
        inputs = {
            "images": image[None].astype("float32"),
            "proposals": boxes[None],
        }
        return whole.predict_on_batch(inputs)[0]

    return segmentation.finish(
        run,
        f"DeconvNet on {data}",
        whole,
        images,
        parts,
        PAPER,
        configuration,
        found=found,
    )


def build(
    classes: int, setting: Setting, small: bool, weights: str | None
) -> keras.Model:
    """Build the authors' network, or one of a fraction of its width."""
    shape = (setting.windows.side, setting.windows.side, 3)
    if small:
        model = kcv.segmentation.DeconvNet(
            classes,
            shape,
            SMALL_BLOCKS,
            units=256,
            # The quick solver's steps are large against weights of .01.
            kernel_initializer="he_normal",
        )
        begin_alike_everywhere(model)
        return model
    return kcv.segmentation.DeconvNet(classes, shape, weights=weights)


def begin_alike_everywhere(model: keras.Model) -> None:
    """Give fc6-deconv the same random weights at all of its positions.

    With weights of its own, each position says in another code which class
    there is, and the convolutions behind it, to which all positions are the
    same, take far longer to read it than a small network is trained.
    """
    layer = model.get_layer("fc6-deconv")
    kernel, bias = layer.get_weights()
    kernel[:] = kernel[:1, :1]
    layer.set_weights([kernel, bias])


def optimizer(schedule, plan, drop, small):
    """Choose the authors' solver, or the quick one."""
    if small:
        return muon_optimizer(schedule.all_steps, schedule.learning_rate)
    rate = keras.optimizers.schedules.PiecewiseConstantDecay(
        [drop * plan.accumulate], [plan.learning_rate, plan.learning_rate / 10]
    )
    return kcv.optimizers.CaffeSGD(
        rate, l2=5e-4, gradient_accumulation_steps=plan.accumulate
    )


def stream_of(
    stage: int,
    images: segmentation.Images,
    setting: Setting,
    run: experiment.Run,
    method: str,
    scenes: int,
) -> Callable[[int], tf.data.Dataset]:
    """Make the stream of windows of a stage.

    Args:
        stage: 1 or 2.
        images: the set.
        setting: how windows are cut and chosen.
        run: the common options; proposals are kept in its folder.
        method: of `kcv.proposals.propose`.
        scenes: digit scenes to train on in stage 2.

    Returns:
        A function from the number of the first window, a multiple of twice
        `setting.windows.count`, to the stream that begins there.
    """
    windows = setting.windows
    if stage == 1:
        return functools.partial(windows.around_objects, images, run.seed)

    once, endless, _ = training_images(
        images.source,
        run.seed,
        scenes,
        images.on_error,
        kcv.data.load_segmentation,
    )
    cache = kcv.proposals.ProposalCache(
        run.out / "proposals",
        method=method,
        max_proposals=setting.learnt_from,
        seed=run.seed,
    )
    cache.compute(once)

    def proposed(first, least_iou):
        return kcv.data.proposal_windows(
            cache.attach(endless(first)),
            windows.cut,
            run.seed,
            first,
            count=windows.count,
            least_iou=least_iou,
        )

    def stream(start):
        first = start // windows.count
        if setting.everywhere:
            first //= 2  # by turns, each is half as far
            found = tf.data.Dataset.choose_from_datasets(
                [proposed(first, 0.5), proposed(first + scenes // 2, 0.0)],
                tf.data.Dataset.range(2).repeat(),
            )
        else:
            found = proposed(first, 0.5)
        return windows.crop(found, images, run.seed, start)

    return stream


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
