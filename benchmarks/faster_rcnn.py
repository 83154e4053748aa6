"""Times of the parts of Faster R-CNN, and of its input pipeline.

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
    height: int = 600,
    width: int = 800,
    rounds: int = 7,
    steps: int = 20,
    backbone: str = "vgg16",
    sizes: int = BATCH_GROUP,
) -> None:
    """Print the parts of inference and the images per second of training.

    Args:
        height: Height of the image, in pixels.
        width: Width of the image, in pixels.
        rounds: Number of timed calls of each part, alternating.
        steps: Number of training steps and batches of data to time.
        backbone: Backbone of the detector whose inference is timed.
        sizes: Number of batches before the training steps are timed. Their
            sizes differ, and the step is traced for all of them.
    """
    keras.utils.set_random_seed(0)
    inference(height, width, rounds, backbone)
    training(steps, sizes)


def inference(height, width, rounds, backbone):
    """Time the parts of a detector on one image."""
    model = kcv.detection.FasterRCNN(20, backbone, seed=0)
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (1, height, width, 3)).astype("float32")
    images = tf.constant(images)
    propose, detect = map(model.get_layer, ("proposals", "detections"))

    @tf.function
    def backbone(images):
        return model.trunk(model.preprocessing(images))

    @tf.function
    def rpn(features, cells):
        return model.rpn([features, cells])

    @tf.function
    def proposals(logits, deltas, anchors, exists, sizes):
        scores = foreground_logit(logits)
        regions, _, valid = propose([scores, deltas, anchors, exists, sizes])
        return regions, valid

    @tf.function
    def head(features, cells, regions):
        return model.head([features, cells, regions])

    @tf.function
    def detections(logits, deltas, regions, valid, sizes):
        return detect([logits, deltas, regions, valid, sizes])

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
    print_ratios(f"inference, {backbone}, {height} x {width}", times, "whole")


def training(steps, sizes):
    """Compare the data with the step of the recipe's default."""
    preset = recipe.PRESETS["small"]
    plan = preset.plan
    batches = kcv.data.batch(
        kcv.data.digit_scenes("train", seed=0), plan.batch_size
    ).map(kcv.data.detection_inputs)
    stored = list(batches.take(min(3, steps)))

    model = recipe.build_model(
        tuple("0123456789"), recipe.Options(seed=0), preset.image_size
    )
    model.compile(make_adamw(plan._replace(steps=1000)))
    # Otherwise the first step is traced twice.
    model.optimizer.build(model.trainable_variables)
    step = tf.function(model.train_step, reduce_retracing=True)
    stream = iter(batches.prefetch(2))
    for data in [*stored, *(next(stream) for _ in range(sizes))]:
        step(data)

    def rate(run, steps=steps):
        start = time.perf_counter()
        for i in range(steps):
            run(i)
        return steps * plan.batch_size / (time.perf_counter() - start)

    # So many that the batches which were prefetched before do not matter.
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
