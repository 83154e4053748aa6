"""Alternating training of Faster R-CNN (Ren et al. 2015, section 3.2).

Four fits of two networks that come to share their convolutions:

1. `RegionProposals(parts)`, from a classifier's weights.
2. `FastRCNN(classes, other_parts)` on the proposals of 1, from a classifier's
   weights too: nothing is shared yet.
3. `RegionProposals(with_fixed_trunk(detector.parts))`: the layers that the
   proposals alone use learn upon the convolutions of 2.
4. `FastRCNN(classes, with_fixed_trunk(detector.parts))` on the proposals of 3,
   after `copy_head`: likewise fc6, fc7 and the two layers above them, which go
   on from 2 as in the authors' code. (In py-faster-rcnn the two begin anew.)

`share_features` makes one `FasterRCNN` of 3 and 4, and `unshared` one model of
1 and 2, which the paper compares it with.
"""

import keras
import numpy as np

from kcv.detection.fast_rcnn import FastRCNN
from kcv.detection.faster_rcnn import FasterRCNN
from kcv.detection.parts.backbones import Parts
from kcv.detection.parts.backbones import copy_parts
from kcv.detection.region_proposals import RegionProposals


def with_fixed_trunk(parts: Parts) -> Parts:
    """Copy parts, so that training changes nothing of the copy's trunk.

    Args:
        parts: of a trained detector; they stay as they are.

    Returns:
        Parts with the same weights, whose convolutions are fixed and whose
        batch normalisation keeps its statistics.
    """
    parts = copy_parts(parts)
    parts.trunk.trainable = False
    return parts


def share_features(
    model: FasterRCNN, proposer: RegionProposals, detector: FastRCNN
) -> None:
    """Put the two networks of alternating training into one.

    The detector's normalisation of box targets becomes part of the weights of
    `bbox_pred`, as in the reference's snapshots: boxes stay what they are.

    Args:
        model: an untrained `FasterRCNN` of the same architecture.
        proposer: of step 3.
        detector: of step 4.

    Raises:
        ValueError: if the trunks of the two are not the same.

    Example:

    ```python
    model = kcv.detection.FasterRCNN(20)
    kcv.detection.share_features(model, proposer, detector)
    found = model.predict(images)
    ```
    """
    trunk = detector.parts.trunk.get_weights()
    others = proposer.parts.trunk.get_weights()
    if len(trunk) != len(others) or not all(
        np.array_equal(a, b) for a, b in zip(trunk, others, strict=True)
    ):
        raise ValueError(
            "proposer and detector must have the same trunk, which steps 3 "
            "and 4 of alternating training leave alone. For two trunks there "
            "is kcv.detection.unshared"
        )
    model.parts.trunk.set_weights(trunk)
    model.rpn.set_weights(proposer.rpn.get_weights())
    copy_head(model, detector)


def copy_head(model: FasterRCNN | FastRCNN, detector: FastRCNN) -> None:
    """Let a model classify and refine regions as another does.

    Box targets may be normalised otherwise: boxes stay what they are.

    Args:
        model: of the same architecture as `detector`.
        detector: whose head is copied.
    """
    model.parts.head.set_weights(detector.parts.head.get_weights())
    model.head.cls_score.set_weights(detector.head.cls_score.get_weights())
    kernel, bias = detector.head.bbox_pred.get_weights()
    std = _of_outputs(detector.box_std, detector.classes)
    mean = _of_outputs(detector.box_mean, detector.classes)
    own_std = _of_outputs(model.box_std, model.classes)
    own_mean = _of_outputs(getattr(model, "box_mean", 0.0), model.classes)
    model.head.bbox_pred.set_weights(
        [kernel * std / own_std, (bias * std + mean - own_mean) / own_std]
    )


def unshared(
    proposer: RegionProposals,
    detector: FastRCNN,
    proposals: tuple[int | None, int] = (6000, 300),
    name: str = "unshared_faster_rcnn",
) -> keras.Model:
    """Let one network propose what another detects.

    Args:
        proposer: of step 1.
        detector: of step 2, without a `max_proposals` of its own.
        proposals: regions before and after suppression; None for all.
        name: of the model.

    Returns:
        A model called as `FasterRCNN` is, except that `image_sizes` must be
        given, with the weights of the two.
    """
    quick = RegionProposals.from_config(
        {**proposer.get_config(), "proposals": proposals}
    )
    quick.set_weights(proposer.get_weights())
    inputs = {
        "images": keras.Input((None, None, 3), name="images"),
        "image_sizes": keras.Input((2,), dtype="int32", name="image_sizes"),
    }
    found = detector({**inputs, "proposals": quick(inputs)["proposals"]})
    return keras.Model(inputs, found, name=name)


def _of_outputs(values, classes):
    """Lay (4,) or (C, 4) out as the outputs of bbox_pred, background first."""
    values = np.broadcast_to(np.asarray(values, "float32"), (classes, 4))
    return np.concatenate([values[:1], values]).reshape(-1)
