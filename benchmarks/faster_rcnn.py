"""Where the time of Faster R-CNN goes, and whether data keeps up with it.

    python -m benchmarks.faster_rcnn

Splits the inference of VGG-16 at 600 x 800 into its parts, as shares of the
whole, and compares the input pipeline of the recipe's default with its
training step, in images per second.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import time

import keras
import numpy as np
import tensorflow as tf
import tyro

import kcv
from benchmarks.timing import print_ratios
from kcv.data import BATCH_GROUP
from kcv.detection.parts.rpn import foreground_logit
from recipes import faster_rcnn as recipe
from recipes.common.plan import make_adamw
from recipes.common.timing import medians


def main(
    height: int = 600, width: int = 800, rounds: int = 7, steps: int = 20
) -> None:
    """Print the parts of inference and the images per second of training.

    Args:
        height: Of the image, pixels.
        width: Of the image, pixels.
        rounds: Timed calls of each part, alternating.
        steps: Training steps and batches of data to time.
    """
    keras.utils.set_random_seed(0)
    inference(height, width, rounds)
    training(steps)


def inference(height, width, rounds):
    """Time the parts of VGG-16's detector on one image."""
    model = kcv.detection.FasterRCNN(20, "vgg16", seed=0)
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (1, height, width, 3)).astype("float32")
    images = tf.constant(images)

    @tf.function
    def backbone(images):
        return model.trunk(model.preprocessing(images))

    @tf.function
    def rpn(features, cells):
        return model.rpn([features, cells])

    @tf.function
    def proposals(logits, deltas, anchors, exists, sizes):
        scores = foreground_logit(logits)
        return model.propose([scores, deltas, anchors, exists, sizes])

    @tf.function
    def head(features, cells, regions):
        return model.head([features, cells, regions])

    @tf.function
    def detections(logits, deltas, regions, valid, sizes):
        return model.detect([logits, deltas, regions, valid, sizes])

    features, cells, sizes = backbone(images)
    scored = rpn(features, cells)
    regions, valid = proposals(*scored, sizes)
    logits, deltas = head(features, cells, regions)
    whole = tf.function(model)
    times = medians(
        {
            "whole": lambda: whole(images)["boxes"].numpy(),
            "backbone": lambda: backbone(images)[0].numpy(),
            "RPN": lambda: rpn(features, cells)[0].numpy(),
            "proposals (decode, NMS)": lambda: proposals(*scored, sizes)[
                0
            ].numpy(),
            "head (RoIPool, fc6, fc7)": lambda: head(features, cells, regions)[
                0
            ].numpy(),
            "detections (decode, NMS)": lambda: detections(
                logits, deltas, regions, valid, sizes
            )["boxes"].numpy(),
        },
        rounds,
        warm_up=2,
    )
    print_ratios(f"inference, VGG-16, {height} x {width}", times, "whole")


def training(steps):
    """Compare the data with the step of the recipe's default."""
    preset = recipe.PRESETS["small"]
    plan = preset.plan
    batches = kcv.data.batch(
        kcv.data.digit_scenes("train", seed=0), plan.batch_size
    ).map(kcv.data.detection_inputs)
    stored = list(batches.take(3))

    model = recipe.build_model(10, recipe.Options(seed=0), preset.image_size)
    model.compile(make_adamw(plan._replace(steps=1000)))
    step = tf.function(model.train_step, reduce_retracing=True)
    stream = iter(batches.prefetch(2))
    # Sizes differ from batch to batch: let the step be traced for all of them.
    for data in [*stored, *(next(stream) for _ in range(BATCH_GROUP))]:
        step(data)

    def rate(run, steps=steps):
        start = time.perf_counter()
        for i in range(steps):
            run(i)
        return steps * plan.batch_size / (time.perf_counter() - start)

    # Many more, so that what was made in advance does not count.
    data = rate(lambda _: next(stream), 16 * steps)
    model_alone = rate(lambda i: step(stored[i % len(stored)]))
    together = rate(lambda _: step(next(stream)))
    print(f"training, small trunk, batch {plan.batch_size}, images per second")
    print(f"  data alone  {data:7.1f}")
    print(f"  step alone  {model_alone:7.1f}")
    print(f"  together    {together:7.1f}")
    print(f"  data / step {data / model_alone:7.2f} x")


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
