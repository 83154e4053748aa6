"""Style transfer against torch, and against the machine's peak.

    python -m benchmarks.style

One step of the optimisation of Gatys et al., its losses and their gradient on
the pixels with VGG-16, and one pass of the feed-forward network, each against
the same network with the same weights in torch, where that is installed, by
turns; and both as a share of the arithmetic of a large matrix product.
"""

import os

try:
    # Before TensorFlow: the other order crashes some builds of the two.
    import torch
except ImportError:
    torch = None

import keras
import numpy as np
import tensorflow as tf
import tyro

import kcv
from benchmarks.timing import print_ratios
from kcv.style.gatys import CONTENT_LAYERS
from kcv.style.gatys import STYLE_LAYERS
from kcv.style.gatys import GatysLosses
from recipes.common.timing import medians

MATRIX = 2048


def main(size: int = 512, rounds: int = 9, seed: int = 0) -> None:
    """Print medians, ratios and shares of the peak.

    Args:
        size: Side of the pictures, pixels.
        rounds: Timed calls of each, alternating.
        seed: Of weights and pictures.
    """
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    content, style, picture = (
        rng.uniform(0, 255, (1, size, size, 3)).astype("float32")
        for _ in range(3)
    )
    vgg = kcv.classification.VGG16(include_top=False)
    net = kcv.style.StyleTransformNet()
    matrix = tf.random.stateless_normal((MATRIX, MATRIX), (0, seed))
    product = {"matrix product": tf.function(lambda: matrix @ matrix)}
    product["matrix product"] = _waiting(product["matrix product"])

    step = gatys(vgg, content, style, picture)
    times = medians({**step, **product}, rounds)
    # Forwards, and backwards to the pixels: no gradient of weights.
    show(f"one step of Gatys, {size} px", times, 2 * step_products(vgg, size))
    passes = feed_forward(net, picture)
    times = medians({**passes, **product}, rounds)
    show(f"one pass of the network, {size} px", times, net_products(net, size))


def gatys(vgg, content, style, picture):
    """Losses and their gradient, in kcv and in torch."""
    # The paper's pooling; of maxima that nearly tie, torch would take another.
    layers = kcv.style.LossWeights().layers
    network = kcv.style.loss_network(layers, vgg, pooling="average")
    losses = GatysLosses(network, content, [(style, 1.0)])

    @tf.function
    def step(image):
        with tf.GradientTape() as tape:
            tape.watch(image)
            total = sum(losses(image).values())
        return total, tape.gradient(total, image)

    image = tf.constant(picture)
    functions = {"kcv": lambda: [x.numpy() for x in step(image)]}
    if torch is None:
        print("torch is not installed: not timed")
        return functions
    theirs = _Torch(vgg, content, style)
    for ours, other in zip(
        functions["kcv"](), theirs.step(picture), strict=True
    ):
        # Of units about zero, a few are cut off by one ReLU and not the other.
        difference = np.linalg.norm(other - ours) / np.linalg.norm(ours)
        if difference > 0.005:
            raise AssertionError(f"torch differs by {difference:.2%}")
    return {**functions, "torch": lambda: theirs.step(picture)}


def feed_forward(net, picture):
    """One pass, in kcv and in torch."""
    functions = {"kcv": lambda: net.predict_on_batch(picture)}
    if torch is None:
        return functions
    theirs = torch_net(net)
    x = torch.from_numpy(np.moveaxis(picture, -1, 1).copy())

    def run():
        with torch.inference_mode():
            return theirs(x).numpy()

    expected = np.moveaxis(functions["kcv"](), -1, 1)
    np.testing.assert_allclose(run(), expected, atol=0.5)
    return {**functions, "torch": run}


def show(title, times, products):
    """Print ratios, and the share of what a matrix product reaches."""
    peak = MATRIX**3 / times.pop("matrix product")
    print_ratios(title, times, "kcv")
    print(f"  share of the peak: {products / times['kcv'] / peak:.2f}")


def step_products(vgg, size):
    """Count multiplications of the convolutions and Gram matrices."""
    last = max(STYLE_LAYERS)
    total = 0
    for layer in vgg.layers:
        if isinstance(layer, keras.layers.Conv2D):
            positions = (size >> int(layer.name[4]) - 1) ** 2
            total += np.prod(layer.kernel.shape) * positions
            if layer.name in STYLE_LAYERS:
                total += layer.filters**2 * positions
        if layer.name == last:
            return total
    raise AssertionError(f"{vgg.name} has no {last}")


def net_products(net, size):
    """Count multiplications of the network's convolutions."""
    probe = keras.Model(
        net.input, {x.name: x.output for x in net.layers if x.weights}
    )
    shapes = probe.compute_output_shape((1, size, size, 3))
    total = 0
    for name, shape in shapes.items():
        layer = net.get_layer(name)
        if isinstance(layer, keras.layers.Conv2DTranspose):
            # Each input meets each weight once.
            total += np.prod(layer.kernel.shape) * np.prod(shape[1:3]) / 4
        elif isinstance(layer, keras.layers.Conv2D):
            total += np.prod(layer.kernel.shape) * np.prod(shape[1:3])
    return float(total)


def _waiting(function):
    return lambda: function().numpy()


class _Torch:
    """The losses of Gatys in torch, with the weights of a VGG of kcv."""

    def __init__(self, vgg, content, style):
        torch.set_num_threads(os.cpu_count())
        self.layers = []
        for layer in vgg.layers:
            if isinstance(layer, keras.layers.MaxPooling2D):
                self.layers.append((layer.name, None))
            elif layer.weights:
                weights = [_tensor(w) for w in layer.get_weights()]
                self.layers.append((layer.name, weights))
            if layer.name == max(STYLE_LAYERS):
                break
        self.weights = kcv.style.LossWeights()
        with torch.no_grad():
            seen = self.features(_pixels(content))
            self.content = {k: seen[k] for k in CONTENT_LAYERS}
            seen = self.features(_pixels(style))
            self.grams = {k: self.gram(seen[k]) for k in STYLE_LAYERS}

    def features(self, x):
        mean = torch.tensor(kcv.classification.preprocessing.VGG_MEAN)
        x = x - mean.reshape(1, 3, 1, 1)
        seen = {}
        for name, weights in self.layers:
            if weights is None:
                x = torch.nn.functional.avg_pool2d(x, 2)
            else:
                x = torch.nn.functional.conv2d(x, *weights, padding=1)
                x = seen[name] = torch.relu(x)
        return seen

    def gram(self, x):
        x = x.flatten(2)
        return x @ x.transpose(1, 2) / x.shape[-1]

    def step(self, picture):
        x = _pixels(picture).requires_grad_()
        seen = self.features(x)
        content = sum(
            share * 0.5 * ((seen[k] - self.content[k]) ** 2).sum()
            for k, share in CONTENT_LAYERS.items()
        )
        style = sum(
            share
            * ((self.gram(seen[k]) - self.grams[k]) ** 2).sum()
            / (4 * seen[k].shape[1] ** 2)
            for k, share in STYLE_LAYERS.items()
        )
        total = self.weights.content * content + self.weights.style * style
        total.backward()
        return (
            total.detach().numpy()[None],
            np.moveaxis(x.grad.numpy(), 1, -1),
        )


def torch_net(net):
    """Build `StyleTransformNet()` in torch, with its weights."""
    nn = torch.nn

    def weights(name):
        return [_tensor(w) for w in net.get_layer(name).get_weights()]

    def norm(x, name):
        scale, offset = weights(f"{name}_norm")
        return nn.functional.instance_norm(
            x, weight=scale, bias=offset, eps=1e-5
        )

    def conv(x, name, padding, stride=1):
        kernel, bias = weights(name)
        if stride == 2:  # as TensorFlow pads an even side
            x = nn.functional.pad(x, (0, 1, 0, 1))
            padding = 0
        return nn.functional.conv2d(x, kernel, bias, stride, padding)

    def up(x, name):
        kernel, bias = weights(name)
        x = nn.functional.conv_transpose2d(x, kernel, bias, 2)
        return x[..., :-1, :-1]

    def run(x):
        mean = torch.tensor(kcv.classification.preprocessing.VGG_MEAN)
        mean = mean.reshape(1, 3, 1, 1)
        x = nn.functional.pad(x - mean, (40, 40, 40, 40), mode="reflect")
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

    return run


def _pixels(image):
    return torch.from_numpy(np.moveaxis(image, -1, 1).copy())


def _tensor(weights):
    # The kernel of a convolution is (k, k, in, out) in Keras, that of a
    # transposed one (k, k, out, in); both frameworks agree on the rest.
    if weights.ndim == 4:
        weights = np.moveaxis(weights, (2, 3), (1, 0))
    return torch.from_numpy(np.ascontiguousarray(weights))


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
