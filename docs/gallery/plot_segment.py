"""
Segment: what the stride of a network costs
===========================================

FCN-32s labels cells of 32 x 32 pixels and enlarges the scores. FCN-16s and
FCN-8s add scores of finer maps (Long et al. 2015). This page shows what a
coarse map loses: first without any training, where the score of a class in a
cell is the true share of its pixels there, and the scores are enlarged as FCN
enlarges them; then with a trained FCN-8s.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

import kcv

CLASSES = 11
scenes = kcv.data.digit_scenes("test", size=120, masks="semantic")
scenes = scenes.filter(lambda scene: tf.shape(scene["images"])[1] == 256)
scenes = [*scenes.as_numpy_iterator()]
images = np.stack([scene["images"] for scene in scenes])
labels = np.stack([scene["segmentation_masks"] for scene in scenes])
truth = tf.one_hot(labels, CLASSES)
print(truth.shape)

# %%
# A transposed convolution that starts as bilinear interpolation enlarges the
# shares to the size of the image. The class with the largest score wins.


def label_at_stride(stride):
    """Label images by the true shares of the classes in cells."""
    shares = keras.layers.AveragePooling2D(stride, padding="same")(truth)
    if stride > 1:
        enlarge = keras.layers.Conv2DTranspose(
            CLASSES,
            2 * stride,
            strides=stride,
            padding="same",
            use_bias=False,
            kernel_initializer=kcv.initializers.Bilinear(),
        )
        shares = enlarge(shares)
    return np.argmax(shares, -1).astype(np.uint8)


found = {stride: label_at_stride(stride) for stride in (8, 16, 32)}

# %%
# The rows are scenes. The columns are the truth and the labels of each stride,
# laid over the images in the colors of PASCAL VOC.

figure, grid = plt.subplots(3, 4, figsize=(10, 6), layout="constrained")
columns = {"truth": labels}
columns.update((f"stride {stride}", maps) for stride, maps in found.items())
for number, row in enumerate(grid):
    for axes, (title, maps) in zip(row, columns.items(), strict=True):
        axes.imshow(kcv.visualize.draw_mask(images[number], maps[number]))
        axes.set_title(title, fontsize=9)
        axes.set_axis_off()

# %%
# Mean IU is the figure by which segmentation is compared. A table counts the
# pixels of class i that are labeled j, over all images.


def measure(name, maps):
    """Print the scores of label maps."""
    table = np.bincount(
        labels.ravel().astype(int) * CLASSES + maps.ravel(),
        minlength=CLASSES**2,
    ).reshape(CLASSES, CLASSES)
    scores = kcv.metrics.segmentation_scores(table)
    print(
        f"{name}: mean IU {scores['mean_iu']:.3f}, "
        f"pixel accuracy {scores['pixel_accuracy']:.3f}"
    )


for stride, maps in found.items():
    measure(f"stride {stride:2}", maps)

# %%
# Thin strokes are lost at a stride of 32, where background has the larger share
# of a cell. Pixel accuracy, which is mostly background, hardly shows it.
#
# A trained network
# -----------------
#
# A small FCN-8s comes with kcv. It must also recognize the digits, and none of
# these scenes was among those that it learned from.

network = kcv.load_model("fcn/digit_scenes")
logits = network.predict(images.astype("float32"), batch_size=8, verbose=0)
learned = logits.argmax(-1).astype(np.uint8)
measure("FCN-8s", learned)

figure, grid = plt.subplots(2, 4, figsize=(10, 4), layout="constrained")
for number, (above, below) in enumerate(grid.T):
    above.imshow(kcv.visualize.draw_mask(images[number], labels[number]))
    below.imshow(kcv.visualize.draw_mask(images[number], learned[number]))
    above.set_title("truth", fontsize=9)
    below.set_title("FCN-8s", fontsize=9)
for axes in grid.flat:
    axes.set_axis_off()

# %%
# A trained network may give a rare class a higher score than its share.
# FCN-32s, 16s and 8s of `python -m recipes.fcn`, which are twice as wide as
# this one, reach a mean IU of 0.43, 0.58 and 0.65 on 500 held-out scenes.
