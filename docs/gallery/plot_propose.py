"""
Propose: regions of a photograph
================================

Detectors of the R-CNN family look at regions that are likely to hold an
object. `kcv.proposals.propose` has the twelve methods that Hosang, Benenson,
Dollár and Schiele (2016) compare, and four baselines.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

import kcv

photographs = kcv.data.load_images("photographs", "test").dataset
images = {
    example["image_id"].decode(): example["images"]
    for example in photographs.as_numpy_iterator()
}
print({name: image.shape for name, image in images.items()})
cat = next(image for name, image in images.items() if "chelsea" in name)

# %%
# Every method takes an image and returns boxes, best first.

METHODS = ("selective_search", "geodesic", "mcg", "edge_boxes", "bing")
found = {}
for method in METHODS:
    found[method] = kcv.proposals.propose(cat, method, max_proposals=500)
    print(f"{method:18} {len(found[method])} boxes")

# %%
# This is the face of the cat, drawn by hand, and the best box of each method
# among its first 500.

face = np.array([[85.0, 5, 280, 195]])
figure, grid = plt.subplots(2, 3, figsize=(10, 5), layout="constrained")
for axes in grid.flat:
    axes.imshow(cat)
    axes.set_axis_off()
shown = {"by hand": face, **found}
for axes, (name, boxes) in zip(grid.flat, shown.items(), strict=True):
    overlaps = kcv.boxes.iou_matrix(boxes, face).numpy()[:, 0]
    x1, y1, x2, y2 = boxes[overlaps.argmax()]
    axes.add_patch(
        Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, color="red", lw=2)
    )
    axes.set_title(f"{name}: IoU {overlaps.max():.2f}", fontsize=9)

# %%
# Methods that group pixels also know the pixels: their proposals have masks.

proposals = kcv.proposals.propose(
    cat, "mcg", max_proposals=200, return_proposals=True
)
figure, grid = plt.subplots(2, 4, figsize=(10, 3.8), layout="constrained")
for number, axes in enumerate(grid.flat):
    mask = proposals.masks[number * 5].astype(np.uint8)
    axes.imshow(kcv.visualize.draw_mask(cat, mask * 3))
    axes.set_title(f"number {number * 5 + 1}", fontsize=9)
    axes.set_axis_off()

# %%
# How good are proposals?
# -----------------------
#
# Recall is the share of objects that some proposal covers with at least a given
# IoU. Average recall is its mean over the IoUs from 0.5 to 1. Here it is
# measured on twenty held-out digit scenes, with 200 proposals each.

scenes = [*kcv.data.digit_scenes("test", size=20).as_numpy_iterator()]
truth = {
    scene["image_id"]: {
        "boxes": scene["bounding_boxes"]["boxes"],
        "labels": scene["bounding_boxes"]["labels"],
        "difficult": scene["difficult"],
    }
    for scene in scenes
}
for method in ("selective_search", "geodesic", "bing", "uniform"):
    boxes = {
        scene["image_id"]: {
            "boxes": kcv.proposals.propose(scene["images"], method, 200)
        }
        for scene in scenes
    }
    recall = kcv.metrics.proposal_recall(truth, boxes)
    print(f"{method:18} average recall {recall['average_recall']:.2f}")
