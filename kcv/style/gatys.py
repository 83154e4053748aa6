"""Neural style transfer by optimization (Gatys, Ecker and Bethge 2016).

    image -> VGG -> conv4_2: compared with that of the content image
                 -> conv1_1 ... conv5_1: Gram matrices, compared with those of
                    the style images

"Image Style Transfer Using Convolutional Neural Networks", CVPR 2016, and
arXiv:1508.06576.
"""

import contextlib
import dataclasses
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from kcv.classification.preprocessing import VGG_MEAN
from kcv.layers import GramMatrix
from kcv.locks import FolderLock
from kcv.storage import write_whole
from kcv.style.images import keep_colors
from kcv.style.images import to_batch
from kcv.style.images import to_pixels
from kcv.style.loss_network import compute_features
from kcv.style.loss_network import compute_min_side
from kcv.style.loss_network import loss_network
from kcv.style.loss_weights import LossWeights
from kcv.style.losses import content_loss
from kcv.style.losses import style_loss
from kcv.style.losses import total_variation
from kcv.style.optimization import METHODS
from kcv.style.optimization import Checkpoint
from kcv.style.optimization import optimize_image

STARTS = ("noise", "content", "style")


class Styled(NamedTuple):
    """A painted image, and the history of its optimization.

    Attributes:
        image: Image (H, W, 3) uint8 RGB.
        history: Dict of lists with the values at every evaluation: "content",
            "style" and "total_variation", each times its weight, and
            "total_loss".
        seconds: Duration of every evaluation in seconds, including those before
            an interruption.
    """

    image: np.ndarray
    history: dict[str, list[float]]
    seconds: list[float]


class GatysLosses:
    """Losses of an image with respect to a content image and style images.

    Args:
        network: Model made by `kcv.style.loss_network`, with the layers of
            `loss_weights`.
        content: Content image (1, H, W, 3) float32, RGB in 0..255.
        styles: List of pairs: a style image (1, H', W', 3) float32 of any size,
            and its share in the target, which is the mean of the Gram matrices.
            Shares are positive floats.
        loss_weights: `LossWeights`. Defaults to `LossWeights()`.

    Call with an image (1, H, W, 3) float32. Returns a dict of `content`,
    `style` and `total_variation`, (1,) each, times their weights.
    """

    def __init__(self, network, content, styles, loss_weights=None):
        self.network = network
        self.loss_weights = loss_weights or LossWeights()
        self.gram = GramMatrix("hw")
        seen = compute_features(network, content)
        self.content = {
            name: seen[name] for name in self.loss_weights.content_layers
        }
        self.style = dict.fromkeys(self.loss_weights.style_layers, 0.0)
        shares = sum(share for _, share in styles)
        for style, share in styles:
            seen = compute_features(network, style)
            for name in self.style:
                self.style[name] += share / shares * self.gram(seen[name])

    def __call__(self, image):
        features = compute_features(self.network, image)
        weights = self.loss_weights
        content = sum(
            share * content_loss(features[name], self.content[name])
            for name, share in weights.content_layers.items()
        )
        style = sum(
            share * style_loss(self.gram(features[name]), self.style[name])
            for name, share in weights.style_layers.items()
        )
        return {
            "content": weights.content * content,
            "style": weights.style * style,
            "total_variation": weights.total_variation * total_variation(image),
        }


def neural_style(
    content: np.ndarray | tf.Tensor,
    style: np.ndarray | tf.Tensor | Sequence[np.ndarray | tf.Tensor],
    *,
    network: str | keras.Model = "vgg19",
    weights: str | os.PathLike | None = "imagenet",
    pooling: Literal["max", "average"] = "average",
    loss_weights: LossWeights | None = None,
    style_shares: Sequence[float] | None = None,
    start: Literal["noise", "content", "style"] | np.ndarray = "noise",
    noise: float = 1.0,
    iterations: int = 500,
    method: Literal["lbfgs", "adam"] = "lbfgs",
    learning_rate: float = 10.0,
    memory: int = 10,
    original_colors: bool = False,
    seed: int = 0,
    folder: str | os.PathLike | None = None,
    every: int = 50,
    verbose: bool = True,
) -> Styled:
    """Paint the content of one image in the style of another.

    Args:
        content: Content image (H, W, 3), RGB in 0..255. Gray images are
            accepted, and alpha is dropped. The result has its size.
        style: Style image (H, W, 3) of any size, RGB in 0..255, or a list of
            several. Each Gram matrix is the mean over the positions of its own
            image.
        network: "vgg19", the paper's, "vgg16", or a VGG of kcv or
            keras.applications. Defaults to "vgg19".
        weights: Pretrained weights of a network that is given by name:
            "imagenet", which is downloaded, or a file. Defaults to "imagenet".
        pooling: "average", the paper's, or "max". Defaults to "average".
        loss_weights: Weights of the losses. Defaults to `LossWeights()`.
        style_shares: Shares of several styles in the target, positive floats.
            Defaults to equal shares.
        start: Image that the optimization starts from: "noise" around the mean
            of ImageNet, as in the paper; "content"; "style", resized to the
            size of the content; or an image (H, W, 3), which is resized, such
            as the result at a smaller size. Defaults to "noise".
        noise: Standard deviation of the noise in gray levels. The paper does
            not state it, and neural-style uses 0.001. Defaults to 1.
        iterations: Number of evaluations of the losses. Defaults to 500.
        method: "lbfgs", the paper's, or "adam". Defaults to "lbfgs".
        learning_rate: Learning rate of Adam, in gray levels. Defaults to 10.
        memory: Number of steps that L-BFGS stores. Both programs of the authors
            store 100, which takes 1.3 GB for 512 x 512 pixels. Their solvers
            have no line search, kcv's has one, see `optimize_image`. Defaults
            to 10.
        original_colors: Whether to keep the colors of the content: its U and V,
            with the brightness of the result. Defaults to False.
        seed: Seed of the noise. Integer. Defaults to 0.
        folder: Folder in which the state and an image are written at intervals.
            A run that was interrupted resumes from it. Adam may resume with
            another learning rate. If None, nothing is written. Defaults to
            None.
        every: Number of evaluations between two writes. Defaults to 50.
        verbose: Whether to show a progress bar with the losses. Defaults to
            True.

    Returns:
        `Styled` (image, history, seconds): the image with the minimum loss, the
        losses, and their durations.

    Raises:
        ValueError: If an image has an unsupported shape or is too small, an
            option is not one of the above, or `folder` holds the state of
            other settings.
        NotFinite: If the losses became NaN. The best image so far is in its
            attribute `best` and in `folder`.
        ImportError: If `method` is "lbfgs" and SciPy is not installed.
        FolderInUseError: If another process writes to `folder`.

    Example:

    ```python
    found = kcv.style.neural_style(photograph, painting, iterations=300)
    ```
    """
    given = not isinstance(start, str)
    for name, value, known in (
        ("start", STARTS[0] if given else start, STARTS),
        ("method", method, METHODS),
    ):
        if value not in known:
            raise ValueError(
                f"`{name}` must be one of {known}. Received: {name}={value!r}"
            )
    several = isinstance(style, list | tuple)
    styles = style if several else [style]
    shares = [1.0] * len(styles) if style_shares is None else style_shares
    shares = [float(share) for share in shares]
    if len(shares) != len(styles) or min(shares, default=0) <= 0:
        raise ValueError(
            f"`style_shares` must be positive, one for each of {len(styles)} "
            f"styles. Received: style_shares={style_shares}"
        )
    loss_weights = loss_weights or LossWeights()
    vgg = loss_network(loss_weights.layers, network, weights, pooling)
    min_side = compute_min_side(vgg)
    styles = [
        to_batch(image, f"style[{number}]" if several else "style", min_side)
        for number, image in enumerate(styles)
    ]
    content = to_batch(content, "content", min_side)
    first = to_batch(start, "start", 1) if given else start
    losses = GatysLosses(
        vgg, content, [*zip(styles, shares, strict=True)], loss_weights
    )

    def finished(image):
        if original_colors:
            image = keep_colors(image, content)
        return to_pixels(image)

    checkpoint, watch = None, None
    lock: contextlib.AbstractContextManager = contextlib.nullcontext()
    if folder is not None:
        folder = Path(folder)
        lock = FolderLock(folder)
        settings = {
            "content": _digest(content),
            "styles": [_digest(image) for image in styles],
            "shares": shares,
            "network": _digest(*vgg.get_weights()),
            "pooling": pooling,
            "weights": dataclasses.asdict(loss_weights),
            "start": _digest(first) if given else start,
            "noise": noise,
            "method": method,
            "seed": seed,
        }
        checkpoint = Checkpoint(folder / "state.npz", settings, every)

        def watch(count, image):
            png = tf.io.encode_png(finished(image)).numpy()
            write_whole(folder / f"picture-{count:05d}.png", png)

    with lock:
        found = optimize_image(
            losses,
            _start(first, content, styles, noise, seed),
            iterations,
            method=method,
            learning_rate=learning_rate,
            memory=memory,
            checkpoint=checkpoint,
            watch=watch,
            verbose=verbose,
        )
    return Styled(finished(found.image), found.history, found.seconds)


def _start(first, content, styles, noise, seed):
    """Return the image that the optimization starts from."""
    if isinstance(first, tf.Tensor):
        return tf.image.resize(first, content.shape[1:3])
    if first == "content":
        return content
    if first == "style":
        return tf.image.resize(styles[0], content.shape[1:3])
    return VGG_MEAN + noise * tf.random.stateless_normal(
        content.shape, (seed, 0)
    )


def _digest(*arrays):
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]
