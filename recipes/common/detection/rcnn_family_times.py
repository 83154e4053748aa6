"""How long the systems of the R-CNN family take for one image."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

import kcv
from kcv.data.embedded.scenes.material import PHOTOGRAPHS
from kcv.data.embedded.scenes.material import photographs
from recipes.common.detection.rcnn_family_papers import FAST
from recipes.common.detection.rcnn_family_papers import FEW
from recipes.common.detection.rcnn_family_papers import RCNN
from recipes.common.detection.rcnn_family_papers import SHARED
from recipes.common.detection.rcnn_family_papers import SVD

CLASSES = 20  # Of VOC.


class System(NamedTuple):
    """A detector to time.

    Attributes:
        model: Detector that takes `images` and, unless it has its own,
            `proposals`.
        proposals: Number of regions of Selective Search. None is all, 0 is
            for a model that has its own proposals.
        once: Whether the model is so slow that it is timed once. Defaults to
            False.
    """

    model: keras.Model
    proposals: int | None
    once: bool = False


def vgg16_systems(weights: str | None) -> dict[str, System]:
    """Build the networks of both tables, all with the same weights.

    Args:
        weights: Pretrained weights of VGG-16, see `kcv.detection.FastRCNN`. If
            None, weights are random.

    Returns:
        The systems by name.
    """
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
    """Time systems and Selective Search alternately.

    Args:
        systems: Systems by name.
        image: Image (H, W, 3) uint8.
        proposals: Number of regions of Selective Search.
        rounds: Number of times that each is timed.

    Returns:
        Median seconds per image of each system by its name, and of Selective
        Search.

    Raises:
        ValueError: If the image has fewer regions.
    """

    def search():
        return kcv.proposals.propose(image, max_proposals=proposals)

    regions = search()
    if len(regions) < proposals:
        raise ValueError(
            "`proposals` must be at most the number of regions that Selective "
            f"Search finds, {len(regions)} regions in this image. Received: "
            f"proposals={proposals}"
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
            # Amid the others, so that a disturbance affects all.
            if name in once and number != rounds // 2:
                continue
            start = time.perf_counter()
            function()
            times[name].append(time.perf_counter() - start)
            clock.add(1)
    return {name: float(np.median(t)) for name, t in times.items()}


def _compiled(model, x):
    """Make a function that detects in `x`, and run it on one proposal."""
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


def open_picture(path: Path | None, height: int, width: int) -> np.ndarray:
    """Read and resize a picture.

    Args:
        path: Path of an image file. None is an embedded photograph.
        height: Height of the resized picture, in pixels.
        width: Width of the resized picture, in pixels.

    Returns:
        Image (height, width, 3) uint8.
    """
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
