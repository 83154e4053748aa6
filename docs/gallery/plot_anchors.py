"""
Anchors of the region proposal network
======================================

Faster R-CNN places nine reference boxes, the anchors, at every cell of its
feature map: three areas in three shapes (Ren et al. 2015, section 3.1.1). The
region proposal network says of each anchor whether it covers an object, and how
to move its sides.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

import kcv
from kcv.detection.parts.anchors import base_anchors
from kcv.detection.parts.anchors import grid_anchors
from kcv.detection.parts.anchors import inside_image

base = base_anchors(base_size=16, ratios=(0.5, 1, 2), scales=(8, 16, 32))
for (x1, y1, x2, y2), area in zip(base, kcv.boxes.area(base), strict=True):
    print(f"{x2 - x1:4.0f} x {y2 - y1:3.0f}, area {area**0.5:5.1f} squared")

# %%
# The nine anchors of one cell, on an image of 600 x 1000 pixels. The feature
# map of VGG-16 has a stride of 16 pixels, hence 38 x 63 cells and 21,546
# anchors. Those that leave the image are not trained.

height, width, stride = 600, 1000, 16
anchors = grid_anchors(38, 63, stride, base)
inside = inside_image(anchors, [[height, width]])[0]
print(f"{len(anchors)} anchors, {int(np.sum(inside))} inside the image")

figure, axes = plt.subplots(figsize=(8, 4.8), layout="constrained")
axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
cells = np.stack(np.meshgrid(np.arange(63), np.arange(38)), -1) * stride + 8
axes.plot(*cells.reshape(-1, 2).T, ",", color="gray")
for number, (x1, y1, x2, y2) in enumerate(base + 16 * np.array([31, 19] * 2)):
    color = f"C{number % 3}"
    axes.add_patch(
        Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, color=color)
    )

# %%
# Which anchors are objects
# -------------------------
#
# An anchor is foreground if its IoU with an object is at least 0.7, or if no
# other anchor has a greater IoU with that object. It is background if its IoU
# with every object is below 0.3. Anchors between are not trained.
#
# Digits are smaller than VOC's objects, so the recipe's anchors are, too.

scene = next(kcv.data.digit_scenes("test").as_numpy_iterator())
image, objects = scene["images"], scene["bounding_boxes"]["boxes"]
height, width = image.shape[:2]
anchors = grid_anchors(
    height // 8, width // 8, 8, base_anchors(8, scales=(3, 6, 9))
)
anchors = anchors[inside_image(anchors, [[height, width]])[0]]
best = kcv.boxes.iou_matrix(anchors, objects).numpy().max(-1)
print(f"{(best >= 0.7).sum()} of {len(anchors)} anchors have an IoU of 0.7")
print(f"{(best < 0.3).sum()} have an IoU below 0.3 with all objects")

# %%
# The green boxes are the ground truth. For each, the best anchor is red.

figure, axes = plt.subplots(figsize=(6, 4.6), layout="constrained")
axes.imshow(image)
axes.set_axis_off()
nearest = kcv.boxes.iou_matrix(anchors, objects).numpy().argmax(0)
for color, boxes in (("lime", objects), ("red", anchors.numpy()[nearest])):
    for x1, y1, x2, y2 in boxes:
        axes.add_patch(
            Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, color=color)
        )
