"""VGG-16 and ResNet-50 by torchvision."""

import os

import numpy as np
import torch
import torchvision


def build(network, half, images, labels):
    """Build the forward pass and the training step, on as many threads.

    Args:
        network: Name of a model of torchvision.
        half: Whether to compute in bfloat16.
        images: (B, H, W, 3).
        labels: (B,) integers.
    """
    torch.set_num_threads(os.cpu_count())
    model = getattr(torchvision.models, network)(weights=None)
    optimizer = torch.optim.SGD(model.parameters(), 1e-3)
    x = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    y = torch.from_numpy(labels)
    precision = torch.autocast("cpu", torch.bfloat16, enabled=half)

    def forward():
        model.eval()
        with torch.no_grad(), precision:
            model(x)

    def step():
        model.train()
        optimizer.zero_grad()
        with precision:
            loss = torch.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()

    return {"forward": forward, "step": step}
