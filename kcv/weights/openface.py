"""Load the networks of OpenFace, which are files of Torch7."""

import dataclasses
import math
import os
from collections.abc import Sequence
from typing import TypeGuard

import keras

from kcv.weights.assignment import SourceWeight
from kcv.weights.assignment import WeightReport
from kcv.weights.layers import leaves
from kcv.weights.torch7 import TorchObject
from kcv.weights.torch7 import read_torch7
from kcv.weights.torch7_assignment import assign_torch7
from kcv.weights.torch7_modules import ModuleError
from kcv.weights.torch7_modules import children
from kcv.weights.torch7_modules import convolution
from kcv.weights.torch7_modules import integer
from kcv.weights.torch7_modules import is_batch_normalization
from kcv.weights.torch7_modules import is_convolution
from kcv.weights.torch7_modules import linear
from kcv.weights.torch7_normalization import batch_normalization

_STEM = ("conv1", "conv2a", "conv2")
# The inception modules of a network with so many of them: nn2 and nn4,
# nn4.small1, nn4.small2.
_INCEPTIONS = {
    10: ("3a", "3b", "3c", "4a", "4b", "4c", "4d", "4e", "5a", "5b"),
    8: ("3a", "3b", "3c", "4a", "4b", "4e", "5a", "5b"),
    7: ("3a", "3b", "3c", "4a", "4e", "5a", "5b"),
}
_KCV_BRANCHES = ("1x1", "3x3", "5x5", "pool")  # in the order of their maps
_DEFAULT_EPSILON = 1e-5


def is_openface(net: object) -> TypeGuard[TorchObject]:
    """Return whether the object of a file is a network of OpenFace.

    Args:
        net: Object that `read_torch7` returns.

    Returns:
        True if it is a sequence with inception modules.
    """
    if not isinstance(net, TorchObject) or net.type != "nn.Sequential":
        return False
    return any(child.type == "nn.Inception" for child in children(net))


def load_openface(
    model: keras.Model,
    path: str | os.PathLike,
    strict: bool = True,
    skip: Sequence[str] | str = (),
    skip_mismatch: Sequence[str] | str = (),
) -> WeightReport:
    """Load the weights of OpenFace's nn2, nn4, nn4.small1 or nn4.small2.

    The published nn4.small2.v1.t7 is for
    `kcv.faces.FaceNetNN4(size="openface-small2", padding="openface")`. OpenFace
    concatenates the branches of an inception module in another order than
    kcv's networks; the kernels behind them are reordered. The pooling layers of
    file and model are compared, since weights that fit in every shape may
    belong to another geometry. Nothing is assigned if anything does not fit.

    Args:
        model: Network that takes RGB in 0..1 behind its preprocessing.
        path: File with the extension .t7, binary or ascii.
        strict: Whether variables without a weight and weights without a
            variable are errors. A weight of another shape is always an error.
            Defaults to True.
        skip: Prefixes of the names of layers that are left out on both sides.
            Defaults to none.
        skip_mismatch: Prefixes of the names of layers that are left out if the
            file has them in another shape. Defaults to none.

    Returns:
        The report of what matched and what was skipped.

    Raises:
        FileNotFoundError: If `path` does not exist.
        ValueError: If the file cannot be read, if it contains another network,
            or if the weights or the pooling do not fit.

    Example:

    ```python
    model = kcv.faces.FaceNetNN4(size="openface-small2", padding="openface")
    report = kcv.weights.load_openface(model, "nn4.small2.v1.t7")
    ```
    """
    content = read_torch7(path)
    return assign_torch7(
        model, content, path, translate_openface, strict, skip, skip_mismatch
    )


def translate_openface(
    model: keras.Model, content: object
) -> list[SourceWeight]:
    """List the weights of a network of OpenFace under kcv's names.

    Args:
        model: Model that takes the weights.
        content: Object that `read_torch7` returns.

    Returns:
        The weights.

    Raises:
        ModuleError: If the object is another network, or its pooling is not the
            model's.
    """
    if not is_openface(content):
        raise ModuleError("is not a network of OpenFace: it has no Inception")
    layers = {layer.name: layer for layer in leaves(model)}
    return _Translation(layers).translate(content)


@dataclasses.dataclass
class _Translation:
    """Walks through a network and keeps the order of the channels.

    `order[i]` is the channel of the file that is channel i of kcv's maps.
    """

    layers: dict[str, keras.layers.Layer]
    order: list[int] = dataclasses.field(default_factory=lambda: [0, 1, 2])
    weights: list[SourceWeight] = dataclasses.field(default_factory=list)

    def translate(self, net: TorchObject) -> list[SourceWeight]:
        modules = children(net)
        inceptions = [m for m in modules if m.type == "nn.Inception"]
        if len(inceptions) not in _INCEPTIONS:
            raise ModuleError(
                f"has {len(inceptions)} inception modules, and OpenFace's "
                "networks have 7, 8 or 10"
            )
        names = iter(_INCEPTIONS[len(inceptions)])
        stem = iter(_STEM)
        name = None
        normalizations = 0
        for module in modules:
            if module.type == "nn.Inception":
                self._inception(f"inception_{next(names)}", module)
            elif is_convolution(module):
                name = next(stem, None)
                self._convolution(name, module)
            elif is_batch_normalization(module):
                self._batch_normalization(name, module)
            elif module.type == "nn.Linear":
                self._add("fc", module, linear(module, self.order))
            elif module.type in (
                "nn.SpatialCrossMapLRN",
                "nn.CrossMapNormalization",
            ):
                normalizations += 1
        self._compare_normalizations(normalizations)
        return self.weights

    def _inception(self, name, module):
        sequences = children(module)
        if len(sequences) == 1:  # DepthConcat
            sequences = children(sequences[0])
        orders: dict[str, list[int]] = {}
        above, start = self.order, 0
        for sequence in sequences:
            self.order = above
            branch = self._branch(name, sequence)
            if branch in orders:
                raise ModuleError(f"has two branches {branch} in {name}")
            orders[branch] = [start + channel for channel in self.order]
            start += len(self.order)
        self.order = [
            channel
            for branch in _KCV_BRANCHES
            for channel in orders.get(branch, ())
        ]

    def _branch(self, name, sequence):
        """Translate a branch; leave the order of its own channels."""
        kinds = [m for m in children(sequence) if not _is_activation(m)]
        convolutions = [m for m in kinds if is_convolution(m)]
        sides = [integer(m, "kH") for m in convolutions]
        if kinds and "Pooling" in kinds[0].type:
            branch, names = "pool", ["pool_proj"]
            scale = self._pool(f"{name}_pool", kinds[0])
        elif len(sides) == 2:
            branch, scale = f"{sides[1]}x{sides[1]}", 1.0
            names = [f"{branch}_reduce", branch]
        else:
            branch, names, scale = "1x1", ["1x1"], 1.0
        if branch not in _KCV_BRANCHES or len(convolutions) > len(names):
            raise ModuleError(f"has an unknown branch in {name}")
        layer = None
        layers = iter(names)
        for module in kinds:
            if is_convolution(module):
                layer = f"{name}_{next(layers)}"
                self._convolution(layer, module, scale)
                scale = 1.0
            elif is_batch_normalization(module):
                self._batch_normalization(layer, module)
        if not convolutions and scale != 1.0:
            raise ModuleError(f"has L2 pooling without a projection in {name}")
        return branch

    def _convolution(self, name, module, scale=1.0):
        self._add(name, module, convolution(module, self.order, scale))
        self.order = list(range(integer(module, "nOutputPlane")))

    def _batch_normalization(self, name, module):
        name = name and f"{name}_bn"
        epsilon = getattr(self.layers.get(name), "epsilon", _DEFAULT_EPSILON)
        self._add(name, module, batch_normalization(module, epsilon))

    def _add(self, name, module, variables):
        if name is None:
            raise ModuleError(
                f"has more than {len(_STEM)} convolutions outside of its "
                "inception modules"
            )
        for kind, value in variables.items():
            self.weights.append(
                SourceWeight(
                    f"{module.type} {name}/{kind}", f"{name}/{kind}", value
                )
            )

    def _pool(self, name, module):
        """Compare a pooling with the model's; give the factor of its output."""
        is_maximum = module.type.endswith("MaxPooling")
        size = (integer(module, "kH"), integer(module, "kW"))
        stride = (integer(module, "dH"), integer(module, "dW"))
        padding = (integer(module, "padH", 0), integer(module, "padW", 0))
        kind = "maximum" if is_maximum else "L2"
        stated = f"{kind} pooling {size} with stride {stride}"
        if padding != (0, 0) or module.get("ceil_mode"):
            raise ModuleError(f"has padded {stated} as {name}")
        layer = self.layers.get(name)
        if layer is not None:
            own = (_pair(layer.pool_size), _pair(layer.strides))
            own_kind = type(layer).__name__.startswith("Max")
            if own != (size, stride) or own_kind != is_maximum:
                raise ModuleError(
                    f"has {stated} as {name}, and the model has "
                    f"{type(layer).__name__} {own[0]} with stride {own[1]}: "
                    'build it with padding="openface"'
                )
        return 1.0 if is_maximum else _factor_of_l2(module, math.prod(size))

    def _compare_normalizations(self, count):
        kinds = [type(layer).__name__ for layer in self.layers.values()]
        own = kinds.count("LocalResponseNormalization")
        if own != count:
            raise ModuleError(
                f"has {count} local response normalizations, and the model "
                f"{own}"
            )


def _pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def _is_activation(module):
    return module.type in ("nn.ReLU", "cudnn.ReLU")


def _factor_of_l2(module, cells):
    """Compute the factor between the file's L2 pooling and the root of a sum.

    Torch's module is a sequence: the square, the average of a window, in later
    versions its product with the number of cells, and the root.
    """
    factor = 1.0
    for part in children(module):
        if part.type == "nn.SpatialAveragePooling":
            factor /= 1 if part.get("divide") is False else cells
        elif part.type == "nn.MulConstant":
            factor *= integer(part, "constant_scalar")
    return math.sqrt(factor)
