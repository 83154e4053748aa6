"""
RoI pooling
===========

Fast R-CNN cuts every region out of one feature map and pools it to a grid of
fixed size, so that fully connected layers can follow (Girshick 2015, section
2.1). R-CNN instead warps the pixels of the region. Here are both.
"""

import matplotlib.pyplot as plt
import numpy as np

import kcv

scene = next(kcv.data.digit_scenes("test").as_numpy_iterator())
image = scene["images"].astype("float32")
regions = scene["bounding_boxes"]["boxes"]

# %%
# R-CNN: the region, warped to a square with a margin of context. The paper has
# 227 pixels and a margin of 16; here it is 64 and 4.

windows = kcv.layers.RegionWarp(64, context=4)([image[None], regions[None]])
print(windows.shape)

# %%
# Fast R-CNN: each region of the map is divided into 7 x 7 cells, and the
# maximum of every cell is kept. For a picture, the "map" is the image.

pooled = kcv.layers.RoIPool(7, spatial_scale=1.0)([image[None], regions[None]])
print(pooled.shape)

# %%

columns = min(len(regions), 4)
figure, grid = plt.subplots(
    3, columns, figsize=(2.2 * columns, 6.4), layout="constrained"
)
for column in range(columns):
    x1, y1, x2, y2 = regions[column].astype(int)
    rows = {
        "region": image[y1:y2, x1:x2],
        "warped": np.asarray(windows).reshape(-1, 64, 64, 3)[column],
        "RoI pooling": np.asarray(pooled).reshape(-1, 7, 7, 3)[column],
    }
    for axes, (title, picture) in zip(
        grid[:, column], rows.items(), strict=False
    ):
        axes.imshow(np.clip(picture, 0, 255).astype(np.uint8))
        axes.set_title(title, fontsize=9)
        axes.set_axis_off()
