"""FCN-8s on VGG-16, with padding "same"."""

import os

import numpy as np
import torch
from torch.nn import functional


def build(weights, mean, image, labels):
    """Build its forward pass and its update.

    Args:
        weights: Kernel and bias in torch's order by name of the layer; of the
            transposed convolutions, which are fixed, the kernel alone.
        mean: Mean of the pixels, three floats.
        image: (1, H, W, 3), a multiple of 32 pixels.
        labels: (1, H, W) integers.
    """
    torch.set_num_threads(os.cpu_count())
    network = _FCN8s(weights, mean)
    image = torch.from_numpy(np.moveaxis(image, -1, 1).copy())
    labels = torch.from_numpy(labels).long()
    learned = [w for own in network.layers.values() for w in own]
    solver = torch.optim.SGD(
        [w for w in learned if w.requires_grad], lr=1e-10, momentum=0.9
    )

    def forward():
        with torch.inference_mode():
            return np.moveaxis(network(image).numpy(), 1, -1)

    def update():
        solver.zero_grad()
        loss = functional.cross_entropy(network(image), labels)
        loss.backward()
        solver.step()
        return float(loss)

    return {"forward": forward, "update": update}


class _FCN8s:
    def __init__(self, weights, mean):
        self.mean = torch.tensor(mean).reshape(1, 3, 1, 1)
        self.layers = {
            name: [
                torch.from_numpy(w).requires_grad_(
                    not name.startswith("upscore")
                )
                for w in own
            ]
            for name, own in weights.items()
        }

    def __call__(self, x):
        relu, pools = torch.relu, {}
        x = x - self.mean
        for block, count in enumerate((2, 2, 3, 3, 3), start=1):
            for number in range(1, count + 1):
                x = relu(self._convolve(x, f"conv{block}_{number}", 1))
            x = pools[block] = functional.max_pool2d(x, 2)
        x = relu(self._convolve(x, "fc6", 3))
        x = relu(self._convolve(x, "fc7"))
        x = self._enlarge(self._convolve(x, "score_fr"), "upscore2", 2)
        x = x + self._convolve(pools[4], "score_pool4")
        x = self._enlarge(x, "upscore_pool4", 2)
        x = x + self._convolve(pools[3], "score_pool3")
        return self._enlarge(x, "upscore8", 8)

    def _convolve(self, x, name, padding=0):
        return functional.conv2d(x, *self.layers[name], padding=padding)

    def _enlarge(self, x, name, factor):
        (kernel,) = self.layers[name]
        # The kernels of both frameworks are (in, out, k, k) here: diagonal.
        return functional.conv_transpose2d(
            x, kernel, stride=factor, padding=factor // 2
        )
