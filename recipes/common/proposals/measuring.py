"""All figures of one method that proposes regions."""

from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from typing import NamedTuple

import keras
import tensorflow as tf

import kcv
from kcv.proposals import ProposalCache
from kcv.serving import ShortSide
from recipes.common.kept import keep_result
from recipes.common.proposals.photographs import time_method
from recipes.common.proposals.proposing import Proposed
from recipes.common.proposals.proposing import propose_images
from recipes.common.proposals.proposing import read_truth
from recipes.common.proposals.repeating import Change
from recipes.common.proposals.repeating import change_images
from recipes.common.proposals.repeating import measure_repeatability
from recipes.common.proposals.rows import IOUS
from recipes.common.proposals.rows import Measured
from recipes.common.training_images import make_batches


class Extent(NamedTuple):
    """How much is measured.

    Attributes:
        images: Number of held-out images. If None, all are measured.
        changed: Number of those on which repeatability is measured. If None, it
            is measured on all of them.
        counts: Numbers of proposals of the curve of average recall.
        changes: Kind and amount of the changes of an image.
        include_difficult: Whether difficult objects must be covered.
    """

    images: int | None
    changed: int | None
    counts: Sequence[int]
    changes: Sequence[Change]
    include_difficult: bool


class Protocol(NamedTuple):
    """On what methods are measured, and how.

    Attributes:
        dataset: All single held-out examples, one pass.
        data: Name of the data.
        extent: How much is measured.
        max_proposals: Number of proposals of an image.
        seed: Seed of the random numbers of the methods.
        resume: Whether results of an earlier run are used.
    """

    dataset: tf.data.Dataset
    data: str
    extent: Extent
    max_proposals: int
    seed: int
    resume: bool

    @property
    def images(self) -> tf.data.Dataset:
        """Examples of which recall and detection are measured."""
        return self.dataset.take(self.extent.images or -1)

    @property
    def changed(self) -> tf.data.Dataset:
        """Examples of which repeatability is measured."""
        return self.dataset.take(self.extent.changed or -1)


class Detector(NamedTuple):
    """A trained detector that is given proposals.

    Attributes:
        model: Detector that takes `images` and `proposals`.
        scaling: Sides of its images. None keeps their size.
        settings: How it was trained.
    """

    model: keras.Model
    scaling: ShortSide | None
    settings: Mapping[str, Any]


def measure_method(
    out: Path, method: str, protocol: Protocol, detector: Detector
) -> Measured:
    """Measure a method, except for what an earlier run has measured.

    Args:
        out: Folder of the run.
        method: Name of the method, a key of `kcv.proposals.METHODS`.
        protocol: On what the method is measured.
        detector: Detector that is given its proposals.

    Returns:
        The figures.
    """
    count, seed, extent = protocol.max_proposals, protocol.seed, protocol.extent
    counts = sorted({*extent.counts, count})
    proposed = propose_images(
        out / "proposals", method, protocol.images, counts, seed
    )

    def keep(name, measure, **settings):
        settings = {"max_proposals": count, "seed": seed, **settings}
        file = out / name / f"{method}.json"
        return keep_result(file, settings, measure, protocol.resume)

    seconds = keep(
        "seconds",
        lambda: time_method(method, count, seed, out / f"first/{method}.png"),
    )
    repeatability = keep(
        "repeatability",
        lambda: _repeatability(out / "changed" / method, method, protocol),
        data=protocol.data,
        images=extent.changed,
        changes=extent.changes,
    )
    mean_ap = keep(
        "detection",
        lambda: _mean_ap(proposed, protocol, detector),
        data=protocol.data,
        images=extent.images,
        detector=detector.settings,
    )
    truth = read_truth(protocol.images)
    include = extent.include_difficult

    def recall(number):
        return kcv.metrics.proposal_recall(
            truth,
            proposed.boxes(truth, number),
            ious=IOUS,
            include_difficult=include,
        )

    return Measured(
        seconds,
        recall(count),
        {number: recall(number) for number in counts},
        kcv.metrics.object_overlaps(
            truth, proposed.boxes(truth, count), include_difficult=include
        ),
        repeatability,
        mean_ap,
    )


def _repeatability(
    folder: Path, method: str, protocol: Protocol
) -> dict[str, float]:
    cache = ProposalCache(folder, method, protocol.max_proposals, protocol.seed)
    changes = protocol.extent.changes
    cache.compute(change_images(protocol.changed, changes))
    return measure_repeatability(protocol.changed, changes, cache)


def _mean_ap(
    proposed: Proposed, protocol: Protocol, detector: Detector
) -> float:
    count = protocol.max_proposals
    examples = proposed.take(count).attach(protocol.images, count)
    batches = make_batches(examples, 4, detector.scaling)
    found = kcv.metrics.collect_detections(detector.model, batches)
    return kcv.metrics.voc_average_precision(*found)["voc07_map"]
