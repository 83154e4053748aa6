"""
Detect: from anchors to objects
===============================

Faster R-CNN (Ren et al. 2015) proposes regions, then decides what they hold.
This page looks at both steps of a small network that comes with kcv. It was
trained on digit scenes for minutes, as `python -m recipes.faster_rcnn` trains.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

import kcv

model = kcv.load_model("faster_rcnn/digit_scenes")
print(f"{model.count_params():,} parameters")
scenes = [*kcv.data.digit_scenes("test", size=24).as_numpy_iterator()]

# %%
# What is found
# -------------
#
# `predict` takes an image and returns boxes by decreasing score. Rows after the
# last detection are zero, with the label -1. These are held-out scenes: neither
# their digits nor their photographs occur in training.


def detect(image):
    """Detect the objects of an image."""
    found = model.predict(image[None], verbose=0)
    count = int(found["num_detections"][0])
    return {
        name: found[name][0, :count] for name in ("boxes", "scores", "labels")
    }


def keep(found, least):
    """Keep detections from a score on."""
    return {
        name: rows[found["scores"] >= least] for name, rows in found.items()
    }


detections = [detect(scene["images"]) for scene in scenes]
figure, grid = plt.subplots(2, 3, figsize=(10, 5.6), layout="constrained")
for axes, scene, found in zip(grid.flat, scenes, detections, strict=False):
    kcv.visualize.draw_boxes_on(
        axes, scene["images"], keep(found, 0.5), kcv.data.DIGIT_CLASSES
    )

# %%
# What is proposed
# ----------------
#
# The first half of the network scores anchors at every position, moves them,
# and keeps the best that hardly overlap: 300 in the paper, 100 in this small
# network. It does not know classes: its score says how likely a region holds
# any object. Here are its best 10, 30 and 100.

scene = scenes[0]
image = scene["images"]
propose = keras.Model(model.input, model.get_layer("proposals").output)
regions, scores, valid = propose.predict(
    {
        "images": image[None].astype("float32"),
        "image_sizes": np.array([image.shape[:2]], "int32"),
    },
    verbose=0,
)
regions = regions[0][valid[0]]
print(f"{len(regions)} regions")

figure, grid = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
for axes, count in zip(grid, (10, 30, 100), strict=True):
    axes.imshow(image)
    axes.set_title(f"best {count}", fontsize=9)
    axes.set_axis_off()
    for x1, y1, x2, y2 in regions[:count]:
        box = Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, ec="gold")
        axes.add_patch(box)

# %%
# How good is it?
# ---------------
#
# A detection is correct if its IoU with an object of its class is at least 0.5
# and no better detection has taken that object. With a lower threshold of the
# score more objects are found, and more detections are wrong. Average precision
# is the area below this curve.

truth = {
    scene["image_id"]: {
        **scene["bounding_boxes"],
        "difficult": scene["difficult"],
    }
    for scene in scenes
}
found = {
    scene["image_id"]: boxes
    for scene, boxes in zip(scenes, detections, strict=True)
}
result = kcv.metrics.voc_average_precision(truth, found, classes=10)
print(f"average precision (VOC 2007) of 24 scenes: {result['voc07_map']:.2f}")
for threshold in (0.1, 0.5, 0.9):
    kept = sum(len(keep(boxes, threshold)["scores"]) for boxes in detections)
    print(f"{kept} detections have a score of at least {threshold}")
