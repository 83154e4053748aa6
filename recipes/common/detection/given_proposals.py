"""What recipes of detectors with given proposals share: options and data."""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from typing import NamedTuple

import tensorflow as tf

import kcv
from kcv.masks import MaskProposals
from kcv.proposals import METHODS
from kcv.proposals import ProposalCache
from recipes.common.detection.detectors import DetectorOptions
from recipes.common.plan import Plan
from recipes.common.training_images import TrainingImages


@dataclasses.dataclass(frozen=True, kw_only=True)
class GivenProposalsOptions(DetectorOptions):
    """Options of detectors that do not compute their own proposals.

    Attributes:
        proposals: Method that proposes regions, see `kcv.proposals.propose`,
            or the model.keras of a run of recipes.deepmask or
            recipes.sharpmask.
        max_proposals: Largest number of proposals per image. Defaults to 300
            for preset small and to 2000 for preset paper.
        scenes: Number of digit scenes to train on.
    """

    proposals: str = "selective_search"
    max_proposals: int | None = None
    scenes: int = 5120


class Preset(NamedTuple):
    """What a network sees, and how long it is trained.

    Attributes:
        image_size: Shorter side of the resized images, in pixels. None keeps
            the size of the images.
        max_proposals: Largest number of proposals per image.
        plan: Plan of the training.
    """

    image_size: int | None
    max_proposals: int
    plan: Plan


class GivenProposals(NamedTuple):
    """The images of a dataset with proposals, kept in the folder of the run.

    Attributes:
        cache: Proposals of the training images.
        once: Single training examples with proposals, one pass.
        test: Single held-out examples with proposals, one pass.
        seconds: Time that this run has spent on proposals.
        validation: Single examples of the validation part with proposals, one
            pass. None if there is no validation part. Defaults to None.
    """

    cache: ProposalCache
    once: tf.data.Dataset
    test: tf.data.Dataset
    seconds: float
    validation: tf.data.Dataset | None = None


def propose_regions(
    run: GivenProposalsOptions,
    preset: Preset,
    images: TrainingImages,
    test: tf.data.Dataset,
) -> GivenProposals:
    """Propose regions of all images for which that is not done yet.

    Args:
        run: Options of the recipe.
        preset: Preset of the recipe.
        images: Training images.
        test: Single held-out examples, one pass.

    Returns:
        The images with their proposals.
    """
    clock = time.perf_counter()
    method = _method(run.proposals)
    caches = {}
    parts = {"train": images.once, "test": test}
    if images.validation is not None:
        parts["validation"] = images.validation
    for split, dataset in parts.items():
        cache = ProposalCache(
            run.out / "proposals" / split,
            method,
            run.max_proposals or preset.max_proposals,
            run.seed,
        )
        cache.compute(dataset)
        caches[split] = cache
    seconds = time.perf_counter() - clock
    once, held_out, *validation = (
        caches[split].attach(part) for split, part in parts.items()
    )
    return GivenProposals(caches["train"], once, held_out, seconds, *validation)


def _method(name: str) -> str | Callable[..., Any]:
    """Return the name of a method, or a trained model as a method."""
    if name in METHODS:
        return name
    if not Path(name).is_file():
        raise ValueError(
            f"`proposals` must be one of {[*METHODS]} or the file of a mask "
            f"model. Received: proposals={name!r}"
        )
    return MaskProposals(kcv.load_model(name, compile=False))
