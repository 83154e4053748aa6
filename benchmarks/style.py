"""Style transfer against torch, and against the machine's peak.

    python -m benchmarks.style

One step of the optimization of Gatys et al., its losses and their gradient on
the pixels with VGG-16, and one pass of the feed-forward network, each against
the same network with the same weights in torch, if that is installed,
alternately; and both as a share of the arithmetic of a large matrix product.
"""

import keras
import numpy as np
import tensorflow as tf
import tyro

import kcv
from benchmarks.peer import Peer
from benchmarks.peer import channels_first
from benchmarks.timing import print_ratios
from kcv.classification.preprocessing import VGG_MEAN
from kcv.style.gatys import GatysLosses
from kcv.style.loss_weights import CONTENT_LAYERS
from kcv.style.loss_weights import STYLE_LAYERS
from recipes.common.timing import medians

MATRIX = 2048


def main(size: int = 512, rounds: int = 9, seed: int = 0) -> None:
    """Print medians, ratios and shares of the peak.

    Args:
        size: Side of the images, pixels.
        rounds: Timed calls of each, alternating.
        seed: Seed of weights and images.
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

    step, painter = (
        gatys(vgg, content, style, picture),
        feed_forward(net, picture),
    )
    with torch_peer(vgg, net, (content, style, picture)) as peer:
        if peer.names:
            compare(peer, step, painter)
            step["torch"] = peer.functions()["step"]
            painter["torch"] = peer.functions()["pass"]
        times = medians({**step, **product}, rounds)
        # Forwards, and backwards to the pixels: no gradient of weights.
        work = 2 * step_products(vgg, size)
        show(f"one step of Gatys, {size} px", times, work)
        times = medians({**painter, **product}, rounds)
        work = net_products(net, size)
        show(f"one pass of the network, {size} px", times, work)


def gatys(vgg, content, style, picture):
    """Losses and their gradient."""
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
    return {"kcv": lambda: [x.numpy() for x in step(image)]}


def feed_forward(net, picture):
    """One pass."""
    return {"kcv": lambda: net.predict_on_batch(picture)}


def torch_peer(vgg, net, images):
    """Start the same networks in torch, with the same weights."""
    below = []
    for layer in vgg.layers:
        if isinstance(layer, keras.layers.MaxPooling2D):
            below.append((layer.name, None))
        elif layer.weights:
            weights = [channels_first(w) for w in layer.get_weights()]
            below.append((layer.name, weights))
        if layer.name == max(STYLE_LAYERS):
            break
    weights = kcv.style.LossWeights()
    return Peer(
        "benchmarks.with_torch.style",
        vgg=below,
        net={
            layer.name: [channels_first(w) for w in layer.get_weights()]
            for layer in net.layers
            if layer.weights
        },
        mean=[float(value) for value in VGG_MEAN],
        content_layers=dict(CONTENT_LAYERS),
        style_layers=dict(STYLE_LAYERS),
        shares=(weights.content, weights.style),
        images=images,
    )


def compare(peer, step, painter):
    """Raise if torch computes something else."""
    for ours, other in zip(step["kcv"](), peer.value("step"), strict=True):
        # Of units about zero, a few are cut off by one ReLU and not the other.
        difference = np.linalg.norm(other - ours) / np.linalg.norm(ours)
        if difference > 0.005:
            raise AssertionError(f"torch differs by {difference:.2%}")
    np.testing.assert_allclose(peer.value("pass"), painter["kcv"](), atol=0.5)


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


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
