"""
Find faces: an image pyramid and a cascade
==========================================

A cascade finds faces of every size with a network that sees 12 x 12 pixels,
because it looks at the image at many scales. This page shows what the first
network of MTCNN (Zhang et al. 2016) answers at each scale, and what the whole
cascade finds. The weights are those of the package mtcnn.
"""

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

import kcv

photographs = kcv.data.load_images("photographs").dataset
image = next(
    example["images"].numpy()
    for example in photographs
    if b"astronaut" in example["image_id"].numpy()
)
detector = kcv.faces.cascade.MTCNN(weights="mtcnn")
first, second, third = detector.get_layer("cascade").networks
for network in (first, second, third):
    print(f"{network.name}: {network.count_params():,} parameters")

# %%
# The pyramid
# -----------
#
# The first network consists of convolutions alone, so it takes an image of any
# size and answers for every window of 12 x 12 pixels, at a stride of 2. To find
# a face of s pixels, the image is scaled by 12 / s. In the lower row, bright
# cells are windows that look like a face.

figure, grid = plt.subplots(2, 4, figsize=(10, 5.2), layout="constrained")
for side, (above, below) in zip((24, 48, 64, 96), grid.T, strict=True):
    size = [round(length * 12 / side) for length in image.shape[:2]]
    level = tf.image.resize(image, size, "area")
    _, faces = first(level[None], training=False)
    above.imshow(level.numpy().astype(np.uint8))
    above.set_title(f"{side} pixels become 12: {size[0]} x {size[1]}")
    below.imshow(faces[0, ..., 1], cmap="gray", vmin=0, vmax=1)
    below.set_title(f"{faces.shape[1]} x {faces.shape[2]} windows")
for axes in grid.flat:
    axes.set_axis_off()
    axes.title.set_fontsize(9)

# %%
# The cascade
# -----------
#
# Windows above a threshold are moved by the offsets that the network predicts,
# double ones are suppressed, and the second and the third network look at what
# is left, at 24 x 24 and 48 x 48 pixels. The third one also finds five
# landmarks. `predict` does all of this inside the graph.

found = detector.predict(image[None].astype("float32"), verbose=0)
count = int(found["num_detections"][0])
boxes, scores, landmarks = (
    found[name][0, :count] for name in ("boxes", "scores", "landmarks")
)
for box, score in zip(boxes, scores, strict=True):
    print(np.round(box), f"{score:.3f}")

figure, (left, right) = plt.subplots(
    1, 2, figsize=(9, 4.6), layout="constrained"
)
faces = {"boxes": boxes, "scores": scores, "labels": np.zeros(count, int)}
kcv.visualize.draw_boxes_on(left, image, faces, ["face"])
left.plot(*landmarks.reshape(-1, 2).T, ".", color="lime")
aligned = kcv.faces.alignment.align(image, landmarks[0])
right.imshow(aligned)
right.set_title("aligned by its landmarks", fontsize=9)
right.set_axis_off()
