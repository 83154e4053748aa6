"""A step of Gatys et al. on VGG-16, and a pass of the feed-forward network."""

import os

import numpy as np
import torch
from torch.nn import functional


def build(vgg, net, mean, content_layers, style_layers, shares, images):
    """Build the step and the pass, on as many threads as TensorFlow has.

    Args:
        vgg: Layers of VGG-16 from below: (name, kernel and bias in torch's
            order) for a convolution, (name, None) for a pooling.
        net: Weights in torch's order by name of the layer, of
            `StyleTransformNet()`.
        mean: Mean of the pixels, three floats.
        content_layers: Share of each layer in the loss of the content, by name.
        style_layers: Share of each layer in the loss of the style, by name.
        shares: Factors of the two losses, content and style.
        images: Content, style and painted image, each (1, H, W, 3).
    """
    torch.set_num_threads(os.cpu_count())
    mean = torch.tensor(mean).reshape(1, 3, 1, 1)
    content, style, picture = (
        torch.from_numpy(np.moveaxis(each, -1, 1).copy()) for each in images
    )
    network = [
        (name, own and [torch.from_numpy(w) for w in own]) for name, own in vgg
    ]
    with torch.no_grad():
        seen = _features(network, content - mean)
        contents = {name: seen[name] for name in content_layers}
        seen = _features(network, style - mean)
        grams = {name: _gram(seen[name]) for name in style_layers}

    def step():
        x = picture.clone().requires_grad_()
        seen = _features(network, x - mean)
        of_content = sum(
            share * 0.5 * ((seen[name] - contents[name]) ** 2).sum()
            for name, share in content_layers.items()
        )
        of_style = sum(
            share
            * ((_gram(seen[name]) - grams[name]) ** 2).sum()
            / (4 * seen[name].shape[1] ** 2)
            for name, share in style_layers.items()
        )
        total = shares[0] * of_content + shares[1] * of_style
        total.backward()
        return (
            total.detach().numpy()[None],
            np.moveaxis(x.grad.numpy(), 1, -1),
        )

    layers = {
        name: [torch.from_numpy(w) for w in own] for name, own in net.items()
    }

    def one_pass():
        with torch.inference_mode():
            return np.moveaxis(_paint(layers, picture, mean).numpy(), 1, -1)

    return {"step": step, "pass": one_pass}


def _features(network, x):
    seen = {}
    for name, weights in network:
        if weights is None:
            x = functional.avg_pool2d(x, 2)
        else:
            x = functional.conv2d(x, *weights, padding=1)
            x = seen[name] = torch.relu(x)
    return seen


def _gram(x):
    x = x.flatten(2)
    return x @ x.transpose(1, 2) / x.shape[-1]


def _paint(layers, x, mean):
    def norm(x, name):
        scale, offset = layers[f"{name}_norm"]
        return functional.instance_norm(x, weight=scale, bias=offset, eps=1e-5)

    def conv(x, name, padding, stride=1):
        kernel, bias = layers[name]
        if stride == 2:  # as TensorFlow pads an even side
            x = functional.pad(x, (0, 1, 0, 1))
            padding = 0
        return functional.conv2d(x, kernel, bias, stride, padding)

    def up(x, name):
        x = functional.conv_transpose2d(x, *layers[name], 2)
        return x[..., :-1, :-1]

    x = functional.pad(x - mean, (40, 40, 40, 40), mode="reflect")
    for name, padding, stride in (
        ("conv1", 4, 1),
        ("conv2", 1, 2),
        ("conv3", 1, 2),
    ):
        x = torch.relu(norm(conv(x, name, padding, stride), name))
    for number in range(1, 6):
        shortcut = x[..., 2:-2, 2:-2]
        first, second = f"res{number}_1", f"res{number}_2"
        x = torch.relu(norm(conv(x, first, 0), first))
        x = shortcut + norm(conv(x, second, 0), second)
    for name in ("up1", "up2"):
        x = torch.relu(norm(up(x, name), name))
    return 150 * torch.tanh(conv(x, "conv_last", 4)) + mean
