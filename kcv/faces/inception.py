"""The inception networks of FaceNet: modules, and how they are padded.

Layers have the names of GoogLeNet in kcv: conv1, pool1, norm1, conv2a, conv2,
norm2, pool2, inception_3a_1x1, inception_3a_3x3_reduce, ... and
inception_3a_output. A batch normalization has the name of its convolution with
_bn behind it.
"""

from collections.abc import Mapping
from typing import NamedTuple

import keras

from kcv.faces.assembly import activate
from kcv.layers import L2Pooling2D
from kcv.layers import LocalResponseNormalization


class Padding(NamedTuple):
    """How a network of FaceNet treats borders and pools.

    Attributes:
        same: Whether layers with a stride are padded as TensorFlow's "SAME"
            does, which is more at the end than at the beginning. Otherwise they
            are padded by k // 2 on all sides, as in Caffe and Torch. Defaults
            to False.
        strided_modules: Whether the pooling of a module has a stride and no
            padding, and its maps are padded to the size of the others. Defaults
            to False.
        max_only: Whether modules pool maxima where the paper pools norms.
            Defaults to False.
        norm: Whether there is local response normalization. Defaults to True.
    """

    same: bool = False
    strided_modules: bool = False
    max_only: bool = False
    norm: bool = True


#: The ways that networks in circulation are padded, by name.
PADDINGS = {
    "symmetric": Padding(),
    "same": Padding(same=True),
    "openface": Padding(strided_modules=True),
    "facenet": Padding(same=True, max_only=True, norm=False),
}


class Module(NamedTuple):
    """Numbers of filters of an inception module.

    Attributes:
        one: Filters of the 1x1 convolution, 0 for none.
        three_reduce: Filters of the 1x1 convolution before the 3x3.
        three: Filters of the 3x3 convolution.
        five_reduce: Filters of the 1x1 convolution before the 5x5.
        five: Filters of the 5x5 convolution, 0 for none.
        pool: "max" or "l2".
        projection: Filters of the 1x1 convolution after the pooling, 0 for
            none.
        stride: Stride of the 3x3, the 5x5 and the pooling. Defaults to 1.
    """

    one: int
    three_reduce: int
    three: int
    five_reduce: int
    five: int
    pool: str
    projection: int
    stride: int = 1

    def narrowed(self, width: float) -> "Module":
        """Return the module with a share of its filters.

        Args:
            width: Share of the filters that are kept. Positive float, 1.0 for
                all.

        Returns:
            The module with fewer filters, whose numbers are rounded.
        """
        filters = {
            name: round(number * width)
            for name, number in self._asdict().items()
            if name not in ("pool", "stride")
        }
        return self._replace(**filters)


def inception_trunk(
    x: keras.KerasTensor,
    modules: Mapping[str, Module],
    padding: Padding,
    batch_norm: bool,
    width: float = 1.0,
) -> keras.KerasTensor:
    """Apply the convolutional part of NN2, NN3 or NN4.

    Args:
        x: Images (B, H, W, C), scaled.
        modules: Inception modules by name, the first one first.
        padding: Padding and pooling.
        batch_norm: Whether there is batch normalization after convolutions.
        width: Share of the filters. Float. Defaults to 1.0.

    Returns:
        Maps (B, H / 32, W / 32, filters of the last module).
    """

    def convolution(x, filters, size, name, stride=1):
        filters = round(filters * width)
        return convolve(x, filters, size, name, padding, batch_norm, stride)

    x = convolution(x, 64, 7, "conv1", 2)
    x = max_pool(x, "pool1", padding)
    x = _normalize(x, padding, "norm1")
    x = convolution(x, 64, 1, "conv2a")
    x = convolution(x, 192, 3, "conv2")
    x = _normalize(x, padding, "norm2")
    x = max_pool(x, "pool2", padding)
    for name, module in modules.items():
        module = module.narrowed(width)
        x = inception(x, module, f"inception_{name}", padding, batch_norm)
    return x


def inception(
    x: keras.KerasTensor,
    module: Module,
    name: str,
    padding: Padding = PADDINGS["symmetric"],
    batch_norm: bool = False,
) -> keras.KerasTensor:
    """Apply an inception module of FaceNet.

    Args:
        x: Maps (B, H, W, C).
        module: Numbers of filters.
        name: Name of the module, in front of the names of its layers.
        padding: Padding and pooling. Defaults to "symmetric".
        batch_norm: Whether there is batch normalization after convolutions.
            Defaults to False.

    Returns:
        Maps of the branches 1x1, 3x3, 5x5 and pooling, one behind the other,
        (B, H / stride, W / stride, sum of the filters).

    Example:

    >>> maps = keras.Input((28, 28, 256))
    >>> inception(maps, Module(64, 96, 128, 32, 64, "l2", 64), "3b").shape
    (None, 28, 28, 320)
    """

    def convolution(x, filters, size, layer, stride=1):
        layer = f"{name}_{layer}"
        return convolve(x, filters, size, layer, padding, batch_norm, stride)

    branches = []
    if module.one:
        branches.append(convolution(x, module.one, 1, "1x1"))
    for size, reduce, filters in (
        (3, module.three_reduce, module.three),
        (5, module.five_reduce, module.five),
    ):
        if filters:
            layer = f"{size}x{size}"
            branch = convolution(x, reduce, 1, f"{layer}_reduce")
            branches.append(
                convolution(branch, filters, size, layer, module.stride)
            )
    branch = _pool(x, module, f"{name}_pool", padding)
    if module.projection:
        branch = convolution(branch, module.projection, 1, "pool_proj")
    branches.append(_fit(branch, branches[0].shape, f"{name}_pool_fit"))
    return keras.layers.Concatenate(name=f"{name}_output")(branches)


def convolve(
    x: keras.KerasTensor,
    filters: int,
    size: int,
    name: str,
    padding: Padding,
    batch_norm: bool,
    stride: int = 1,
    use_bias: bool = True,
) -> keras.KerasTensor:
    """Apply a convolution, batch normalization if it is wanted, and ReLU.

    Args:
        x: Maps (B, H, W, C).
        filters: Number of filters.
        size: Height and width of the window.
        name: Name of the layer.
        padding: Padding of layers with a stride.
        batch_norm: Whether there is batch normalization.
        stride: Step between windows. Defaults to 1.
        use_bias: Whether the convolution has a bias. Defaults to True.

    Returns:
        Maps (B, H / stride, W / stride, filters), sizes rounded up.
    """
    mode = "same"
    if stride > 1 and not padding.same:
        x = keras.layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(x)
        mode = "valid"
    x = keras.layers.Conv2D(
        filters,
        size,
        stride,
        mode,
        use_bias=use_bias,
        kernel_initializer="he_normal",
        name=name,
    )(x)
    return activate(x, batch_norm, name)


def max_pool(
    x: keras.KerasTensor, name: str, padding: Padding
) -> keras.KerasTensor:
    """Pool maxima of 3x3 windows at stride 2.

    Args:
        x: Maps (B, H, W, C) that are nowhere negative.
        name: Name of the layer.
        padding: Padding of layers with a stride.

    Returns:
        Maps (B, H / 2, W / 2, C), sizes rounded up.
    """
    if padding.same:
        return keras.layers.MaxPooling2D(3, 2, "same", name=name)(x)
    # Zeros never win over values that are not negative.
    x = keras.layers.ZeroPadding2D(1, name=f"{name}_pad")(x)
    return keras.layers.MaxPooling2D(3, 2, name=name)(x)


def _pool(x, module, name, padding):
    norms = module.pool == "l2" and not padding.max_only
    if padding.strided_modules:
        # Torch's file gives no stride: its default is the size of the window
        # for norms. It gives a stride of 2 for maxima everywhere.
        if norms:
            return L2Pooling2D(3, 3, "valid", name=name)(x)
        return keras.layers.MaxPooling2D(3, 2, name=name)(x)
    if norms:
        return L2Pooling2D(3, name=name)(x)
    if module.stride > 1:
        return max_pool(x, name, padding)
    return keras.layers.MaxPooling2D(3, 1, "same", name=name)(x)


def _fit(x, shape, name):
    """Pad maps with zeros around, to the size of the other branches."""
    missing = [
        large - small
        for large, small in zip(shape[1:3], x.shape[1:3], strict=True)
    ]
    if not any(missing):
        return x
    margins = tuple((number // 2, number - number // 2) for number in missing)
    return keras.layers.ZeroPadding2D(margins, name=name)(x)


def _normalize(x, padding, name):
    if not padding.norm:
        return x
    # Caffe's convention: 5 channels, alpha 1e-4 over the size, beta 0.75.
    return LocalResponseNormalization(name=name)(x)
