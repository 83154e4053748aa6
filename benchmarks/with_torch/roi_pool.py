"""RoI pooling by torchvision."""

import os

import numpy as np
import torch
import torchvision


def build(features, regions, upstream):
    """Build its calls, on as many threads as TensorFlow has.

    Args:
        features: (1, H, W, C).
        regions: (N, 4) xyxy, pixels of an image of 16 times the size.
        upstream: (1, N, 7, 7, C), the gradient that comes back.
    """
    torch.set_num_threads(os.cpu_count())

    def channels_first(x):
        return torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, -1, -3)))

    features = channels_first(features).requires_grad_()
    upstream = channels_first(upstream[0])
    boxes = torch.from_numpy(np.pad(regions, [[0, 0], [1, 0]]))

    def forward():
        with torch.no_grad():
            return torchvision.ops.roi_pool(features, boxes, 7, 1 / 16)

    def both():
        pooled = torchvision.ops.roi_pool(features, boxes, 7, 1 / 16)
        return torch.autograd.grad(pooled, features, upstream)

    return {"forward": forward, "both": both}
