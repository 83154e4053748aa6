"""
Digit scenes: boxes and label maps
==================================

The recipes of detection, masks and segmentation learn from digit scenes, so
that they need no download: handwritten digits on photographs, made when they
are needed. Here are two held-out scenes with their ground truth.
"""

import matplotlib.pyplot as plt
import numpy as np

import kcv

scenes = [
    *kcv.data.digit_scenes("test", size=3, masks="semantic").as_numpy_iterator()
]

# %%
# An example is a dictionary. Its boxes are (x1, y1, x2, y2) in pixels,
# half-open, and its labels count from 0. In the label map, 0 is background and
# a digit is its class + 1.

scene = scenes[0]
print(scene["images"].shape, scene["images"].dtype)
print(scene["bounding_boxes"]["boxes"])
print(scene["bounding_boxes"]["labels"])
print(np.unique(scene["segmentation_masks"]))

# %%
# `kcv.visualize.draw_boxes_on` draws an image with its boxes, dashed for those
# that are difficult: a digit of which less than 40% is visible, or one that is
# under 12 pixels high. `kcv.visualize.draw_mask` lays a label map over its
# image, in the colors of PASCAL VOC.

figure, grid = plt.subplots(2, 3, figsize=(9, 6), layout="constrained")
for scene, (above, below) in zip(scenes, grid.T, strict=True):
    image = scene["images"]
    boxes = {**scene["bounding_boxes"], "difficult": scene["difficult"]}
    kcv.visualize.draw_boxes_on(above, image, boxes, kcv.data.DIGIT_CLASSES)
    below.imshow(kcv.visualize.draw_mask(image, scene["segmentation_masks"]))
    below.set_axis_off()

# %%
# What a detector sees
# --------------------
#
# A batch has images of one size. Smaller images are padded with zeros on the
# right and below, and boxes that are padding have the label -1.

train, names, _ = kcv.data.load_detection("digit_scenes", seed=0)
train = kcv.data.batch(kcv.data.random_flip(train, seed=0), batch_size=4)
batch = next(iter(train))
for name in ("images", "image_sizes"):
    print(name, batch[name].shape)
print(batch["bounding_boxes"]["labels"].numpy())
