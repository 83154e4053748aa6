"""The two presets of DeconvNet: what it learns from, how, and how long."""

import dataclasses
import os

import keras

import kcv
from recipes.common.plan import Plan
from recipes.common.plan import make_muon
from recipes.common.segmentation.images import Images
from recipes.common.segmentation.windows import Windows
from recipes.common.starting import StartOptions


@dataclasses.dataclass(frozen=True)
class Preset:
    """What a network learns from, how long, and how it labels an image.

    Attributes:
        windows: How windows are cut.
        plans: Plans of the stages, counted in windows.
        method: Method of `kcv.proposals.propose`.
        learned_from: Proposals of an image from which stage 2 chooses.
        max_proposals: Proposals by which an image is labeled.
        drops: Number of updates of a stage after which, again and again, the
            authors' learning rate falls to a tenth: Caffe's policy "step". A
            stage without one is trained by Muon. Empty by default.
        everywhere: Whether every second window of stage 2 is cut around any
            proposal, and not around one that overlaps an object. Defaults to
            False.
        certainty: Argument of `kcv.segmentation.label_by_windows`. Defaults to
            None.
        statistics: Number of batches, and of windows in each, from which the
            statistics of batch normalization are computed. If the number of
            windows is None, it is the batch size of the last stage. Defaults to
            `(100, None)`.
    """

    windows: Windows
    plans: dict[str, Plan]
    method: str
    learned_from: int
    max_proposals: int
    drops: dict[str, int] = dataclasses.field(default_factory=dict)
    everywhere: bool = False
    certainty: float | None = None
    statistics: tuple[int, int | None] = (100, None)

    def choose_plans(
        self, run: StartOptions, images: Images
    ) -> dict[str, Plan]:
        """List the stages of a training.

        With pretrained weights, no classes of windows are learned first.

        Args:
            run: Options of the recipe.
            images: Dataset.

        Returns:
            Plans, with the options of the run, by the name of the stage.
        """
        return {
            name: self.windows.plan(plan, run, images)
            for name, plan in self.plans.items()
            if name != "classes" or run.weights is None
        }

    def make_optimizer(
        self, stage: str, plan: Plan
    ) -> keras.optimizers.Optimizer:
        """Make the authors' SGD, or Muon."""
        if stage not in self.drops:
            return make_muon(plan)
        every = self.drops[stage] * plan.accumulate
        boundaries = [*range(every, max(plan.steps, every + 1), every)]
        rate = keras.optimizers.schedules.PiecewiseConstantDecay(
            boundaries,
            [
                plan.learning_rate * 0.1**drop
                for drop in range(len(boundaries) + 1)
            ],
        )
        return kcv.optimizers.CaffeSGD(
            rate,
            l2=5e-4,
            bias_decay_mult=0.0,
            gamma_decay_mult=1.0,
            beta_decay_mult=1.0,
            gradient_accumulation_steps=plan.accumulate,
        )


PRESETS = {
    "small": Preset(
        Windows(side=64, cut=72, count=2),
        {
            "classes": Plan(64, 384, 2, 4e-3),
            "stage-1": Plan(32, 512, 2, 4e-3),
            "stage-2": Plan(32, 2048, 4, 4e-3),
        },
        method="selective_search",
        learned_from=200,
        max_proposals=200,
        everywhere=True,
        certainty=0.8,
    ),
    "paper": Preset(
        Windows(side=224, cut=250, count=8),
        {
            "stage-1": Plan(8, 160_000, 20, 0.01, accumulate=8),
            "stage-2": Plan(8, 320_000, 40, 0.01, accumulate=8),
        },
        method="edge_boxes",
        learned_from=2000,
        max_proposals=50,
        drops={"stage-1": 9_000, "stage-2": 10_000},
        statistics=(501, 28),
    ),
}


def small_deconvnet(
    classes: int, side: int, weights: str | os.PathLike | None = None
) -> keras.Model:
    """Build a DeconvNet of a fraction of the paper's width and depth.

    Its fc6-deconv has the same random weights at all of its positions. With
    weights of its own, each position would encode the classes differently. The
    convolutions behind it, to which all positions are the same, take far longer
    to learn all these codes than a small network is trained.

    Args:
        classes: Number of classes with background.
        side: Side of the windows, in pixels.
        weights: Weights of another run, see `kcv.segmentation.DeconvNet`.
            Defaults to None, for random weights.

    Returns:
        Model from windows (B, side, side, 3) to class scores.
    """
    model = kcv.segmentation.DeconvNet(
        classes,
        (side, side, 3),
        ((1, 32), (1, 64), (2, 96)),
        units=256,
        # The steps of Muon are large compared with weights of 0.01.
        kernel_initializer="he_normal",
        weights=weights,
    )
    if weights is not None:
        return model
    layer = model.get_layer("fc6-deconv")
    kernel, bias = layer.get_weights()
    kernel[:] = kernel[:1, :1]
    layer.set_weights([kernel, bias])
    return model


def build_deconvnet(
    preset: str, classes: int, weights: str | os.PathLike | None
) -> keras.Model:
    """Build the authors' network, or one of a fraction of its width.

    Args:
        preset: "small" or "paper".
        classes: Number of classes with background.
        weights: Pretrained weights, see `kcv.segmentation.DeconvNet`. If None,
            weights are random.

    Returns:
        Model from windows to class scores.
    """
    side = PRESETS[preset].windows.side
    if preset == "small":
        return small_deconvnet(classes, side, weights)
    shape = (side, side, 3)
    return kcv.segmentation.DeconvNet(classes, shape, weights=weights)
