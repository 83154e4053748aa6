r"""DeconvNet (Noh, Hong and Han 2015).

    python -m recipes.deconvnet

trains a small DeconvNet from random weights on windows of digit scenes, which
need no download, and measures it on 500 held-out scenes: mean_iu 0.57 after 37
minutes of training on one core with AMX and `--precision mixed_bfloat16`.

The encoder is first trained to classify such windows; the encoder of the paper
is trained on ImageNet. Then follow the paper's two stages. Windows of the first
one have an object in the middle, and only this object counts. Windows of the
second one are proposals that overlap an object, and all classes in them count.
An image is labeled by the windows of its best proposals: a pixel takes the
maximum score over all of them. The paper uses 50 proposals of EdgeBoxes, which
cover less than half of the digits, so the small network uses 200 of Selective
Search. Most of these have no digit. The network learns this from every second
window of its second stage, and compares probabilities instead of scores.

    python -m recipes.deconvnet --data voc:VOC2012 --preset paper \
        --weights imagenet

is the paper's experiment: VGG-16, windows of 224 pixels cropped from 250, 64 in
an update, 20,000 updates in the first stage and 40,000 in the second. The paper
reports 69.6% mean IU on the test set of VOC 2012. This is without its ensemble,
which `--ensemble` adds, and without its conditional random field, which kcv
does not have. The paper also trains on SBD, and adds copies of windows of rare
classes, whose numbers are not published. In kcv all images have the same
probability, and so have their objects, the connected regions of a class.
"""

import dataclasses
from pathlib import Path
from typing import Literal

import kcv
from kcv.serving import ServingConfig
from kcv.visualize.report import Published
from recipes.common.command import run_command
from recipes.common.evaluate_and_report import evaluate_and_report
from recipes.common.run import begin
from recipes.common.segmentation.deconvnet_inference import label_whole_images
from recipes.common.segmentation.deconvnet_presets import PRESETS
from recipes.common.segmentation.deconvnet_presets import build_deconvnet
from recipes.common.segmentation.images import open_images
from recipes.common.segmentation.segmenters import evaluate_segmenter
from recipes.common.segmentation.segmenters import recompute_statistics
from recipes.common.segmentation.segmenters import train_segmenter
from recipes.common.segmentation.windows import learn_classes
from recipes.common.starting import StartOptions

_DATA = "VOC 2012 train and val with SBD, measured on VOC 2012 test"
PAPER = [Published("mean_iu", 0.696, _DATA, "Noh et al. 2015, table 1")]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(StartOptions):
    """Options of this recipe.

    Attributes:
        data: digit_scenes, voc:FOLDER, sbd:SBD:VOC or folder:IMAGES:MASKS.
        preset: Small learns in minutes, by Muon. paper has the authors'
            network and solver.
        proposals: Method of `kcv.proposals.propose`. Defaults to
            selective_search, and to edge_boxes in preset paper.
        max_proposals: Number of proposals by which an image is labeled.
            Defaults to 200, and to 50 in preset paper.
        inference: Rule by which windows label an image. paper takes the best
            proposals. code skips those with a side of less than 112 pixels,
            and starts the greatest score of a pixel from 0.
        ensemble: File of an FCN whose probabilities are averaged with those of
            DeconvNet. With --inference code, scores are multiplied.
        scenes: Number of digit scenes to train on in the second stage.
        statistics: Number of batches for the statistics of batch
            normalization. Defaults to 100, or 501 in preset paper.
    """

    out: Path = Path("runs/deconvnet")
    data: str = "digit_scenes"
    preset: Literal["small", "paper"] = "small"
    proposals: str | None = None
    max_proposals: int | None = None
    inference: Literal["paper", "code"] = "paper"
    ensemble: Path | None = None
    scenes: int = 3072
    statistics: int | None = None


def main(run: Options) -> dict:
    """Train DeconvNet on windows, and measure it on whole images."""
    preset = PRESETS[run.preset]
    method = run.proposals or preset.method

    # === Data ===
    images = open_images(run, None)
    names, windows = images.class_names, preset.windows
    plans = preset.choose_plans(run, images)

    # === Model ===
    strategy = begin(run)
    with strategy.scope():
        weights = run.start_weights(names)
        model = build_deconvnet(run.preset, len(names), weights)
        run.freeze_layers(model, r"(conv\d+_\d+|fc[67])(_bn)?$")
    whole, answer = label_whole_images(
        model,
        preset,
        method,
        run.max_proposals or preset.max_proposals,
        run.seed,
        run.inference,
        run.ensemble,
    )

    # === Solver, fit: one stage after another ===
    stages = []
    for name, plan in plans.items():
        stage = run.stage(name)
        begin(stage)
        with strategy.scope():
            if name == "classes":
                maps = model.get_layer("fc7_relu").output
                stages.append(
                    learn_classes(stage, plan, model, maps, windows, images)
                )
                continue
            model.compile(
                preset.make_optimizer(name, plan),
                kcv.losses.PixelwiseCrossEntropy(),
                jit_compile=run.jit,
            )
        if name == "stage-1":
            examples = windows.around_objects(images, run.seed)
        else:
            cache = kcv.proposals.ProposalCache(
                run.out / "proposals",
                method=method,
                max_proposals=preset.learned_from,
                seed=run.seed,
            )
            examples = windows.around_proposals(
                images, cache, run.seed, run.scenes, preset.everywhere
            )
        stages.append(
            train_segmenter(stage, model, plan, images, examples, answer)
        )
    batches, size = preset.statistics
    batches, size = run.statistics or batches, size or plan.batch_size
    recompute_statistics(model, examples(0), size, batches)

    # === Evaluate, report ===
    return evaluate_and_report(
        run,
        f"DeconvNet on {run.data}",
        whole,
        lambda model: evaluate_segmenter(model, images, run, answer),
        ServingConfig("segmentation", class_names=names),
        stages,
        PAPER,
    )


if __name__ == "__main__":
    run_command(main, Options())
