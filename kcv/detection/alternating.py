"""Alternating training of Faster R-CNN (Ren et al. 2015, section 3.2).

Four fits of two networks that come to share their convolutions:

1. `RegionProposals(parts)`, from a classifier's weights.
2. `FastRCNN(classes, other_parts)` on the proposals of 1, from a classifier's
   weights too: nothing is shared yet.
3. `RegionProposals(with_fixed_trunk(detector.parts))`: the layers that only
   the proposals use learn on top of the convolutions of 2.
4. `FastRCNN(classes, with_fixed_trunk(detector.parts))` on the proposals of 3,
   after `copy_head`: fc6, fc7 and the two layers above them learn on top of
   the same convolutions. They continue from 2 as in the authors' code. (In
   py-faster-rcnn the two layers above start from random weights.)

`share_features` combines 3 and 4 into one `FasterRCNN`. `combine_unshared`
combines 1 and 2 into one model, with which the paper compares it.
"""

import keras
import numpy as np

from kcv.detection.fast_rcnn import FastRCNN
from kcv.detection.faster_rcnn import FasterRCNN
from kcv.detection.parts.parts import Parts
from kcv.detection.parts.parts import copy_parts
from kcv.detection.region_proposals import RegionProposals
from kcv.detection.settings import ProposalSelection
from kcv.training.image_model import image_model


def with_fixed_trunk(parts: Parts) -> Parts:
    """Copy parts, so that training changes nothing of the copy's trunk.

    Args:
        parts: Parts of a trained detector. They stay as they are.

    Returns:
        Parts with the same weights, whose convolutions are fixed and whose
        batch normalization keeps its statistics.
    """
    parts = copy_parts(parts)
    parts.trunk.trainable = False
    return parts


def share_features(
    model: FasterRCNN, proposer: RegionProposals, detector: FastRCNN
) -> None:
    """Combine the two networks of alternating training into one.

    The weights of `bbox_pred` are adapted to the model's normalization of box
    targets, as in the reference's snapshots, so that the boxes do not change.

    Args:
        model: An untrained `FasterRCNN` of the same architecture. Its weights
            are replaced.
        proposer: The network of step 3.
        detector: The network of step 4.

    Raises:
        ValueError: If the two networks have different trunks.

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
            "`proposer` and `detector` must have the same trunk, which steps 3 "
            "and 4 of alternating training do not change. Received two trunks: "
            "for these use `kcv.detection.combine_unshared`"
        )
    model.parts.trunk.set_weights(trunk)
    model.rpn.set_weights(proposer.rpn.get_weights())
    copy_head(model, detector)


def copy_head(model: FasterRCNN | FastRCNN, detector: FastRCNN) -> None:
    """Copy the weights with which a detector classifies and refines regions.

    The two may normalize box targets differently: `bbox_pred` is adapted so
    that the boxes do not change.

    Args:
        model: Model of the same architecture as `detector`. The weights of its
            head are replaced.
        detector: Model whose head is copied.
    """
    model.parts.head.set_weights(detector.parts.head.get_weights())
    model.head.cls_score.set_weights(detector.head.cls_score.get_weights())
    kernel, bias = detector.head.bbox_pred.get_weights()
    mean, std = _of_outputs(detector)
    own_mean, own_std = _of_outputs(model)
    model.head.bbox_pred.set_weights(
        [kernel * std / own_std, (bias * std + mean - own_mean) / own_std]
    )


def combine_unshared(
    proposer: RegionProposals,
    detector: FastRCNN,
    proposals: ProposalSelection = ProposalSelection(6000, 300),
    name: str = "unshared_faster_rcnn",
) -> keras.Model:
    """Combine a network that proposes and one that detects into one model.

    Args:
        proposer: The network of step 1.
        detector: The network of step 2, whose `max_proposals` is None.
        proposals: `ProposalSelection` that takes the place of the proposer's.
            Defaults to `ProposalSelection(6000, 300)`.
        name: Name of the model. Defaults to "unshared_faster_rcnn".

    Returns:
        A model with the weights of the two. It is called as `FasterRCNN` is,
        except that `image_sizes` must be given.
    """
    quick = RegionProposals(
        copy_parts(proposer.parts),
        name=proposer.name,
        **{**proposer.settings(), "proposals": proposals},
    )
    quick.set_weights(proposer.get_weights())
    inputs = {
        "images": keras.Input((None, None, 3), name="images"),
        "image_sizes": keras.Input((2,), dtype="int32", name="image_sizes"),
    }
    found = detector({**inputs, "proposals": quick(inputs)["proposals"]})
    return image_model(inputs, found, name)


def _of_outputs(model):
    """Lay mean and deviation out as the outputs of bbox_pred.

    Background, which comes first, has those of the first class: no loss and no
    detection uses its box.
    """
    tables = model.box_normalization.for_classes(model.classes)
    return tuple(
        np.concatenate([table[:1], table]).reshape(-1).astype("float32")
        for table in tables
    )
