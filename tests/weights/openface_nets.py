"""OpenFace's networks as objects of Torch7.

They follow OpenFace's definitions (nn4.small2.def.lua and its kin) and dpnn's
Inception.lua.
"""

import numpy as np

from tests.weights.torch7_writer import module

# Of each inception module: (reduce, kernels, stride) of the 3x3 and the 5x5
# branch, the pooling, its projection and the 1x1 branch.
NN4 = {
    "3a": ((96, 128, 16, 32), 1, "max", 32, 64),
    "3b": ((96, 128, 32, 64), 1, "L2", 64, 64),
    "3c": ((128, 256, 32, 64), 2, "max", None, None),
    "4a": ((96, 192, 32, 64), 1, "L2", 128, 256),
    "4b": ((112, 224, 32, 64), 1, "L2", 128, 224),
    "4c": ((128, 256, 32, 64), 1, "L2", 128, 192),
    "4d": ((144, 288, 32, 64), 1, "L2", 128, 160),
    "4e": ((160, 256, 64, 128), 2, "max", None, None),
    "5a": ((192, 384), 1, "L2", 128, 384),
    "5b": ((192, 384), 1, "max", 128, 384),
}
SMALL1 = {name: NN4[name] for name in NN4 if name not in ("4c", "4d")}
SMALL2 = {name: SMALL1[name] for name in SMALL1 if name != "4b"} | {
    "5a": ((96, 384), 1, "L2", 96, 256),
    "5b": ((96, 384), 1, "max", 96, 256),
}
NN2 = NN4 | {
    "5a": ((192, 384, 48, 128), 1, "L2", 128, 384),
    "5b": ((192, 384, 48, 128), 1, "max", 128, 384),
}


class Builder:
    """Makes modules with random weights.

    Args:
        multiplies: Whether L2 pooling multiplies the average of the squares,
            as later versions of nn do. Earlier ones take the average.
        old: Whether batch normalization stores the inverse deviation, as in
            its first version.
    """

    def __init__(self, seed=0, multiplies=True, old=False):
        self.generator = np.random.default_rng(seed)
        self.multiplies = multiplies
        self.old = old

    def normal(self, *shape, scale=1.0):
        values = self.generator.standard_normal(shape, "float32")
        return np.float32(scale) * values

    def convolution(self, inputs, outputs, side, stride=1, mm=False):
        shape = (outputs, inputs, side, side)
        cells = inputs * side * side
        weight = self.normal(*shape, scale=(2 / cells) ** 0.5)
        return module(
            "SpatialConvolutionMM" if mm else "SpatialConvolution",
            nInputPlane=inputs,
            nOutputPlane=outputs,
            kW=side,
            kH=side,
            dW=stride,
            dH=stride,
            padW=side // 2,
            padH=side // 2,
            weight=weight.reshape(outputs, cells) if mm else weight,
            bias=self.normal(outputs, scale=0.05),
            gradWeight=np.zeros((0,), "f4"),
            train=False,
        )

    def normalization(self, channels):
        variance = 1 + 0.1 * np.abs(self.normal(channels))
        key = "running_std" if self.old else "running_var"
        stored = (variance + 1e-5) ** -0.5 if self.old else variance
        return module(
            "SpatialBatchNormalization",
            eps=1e-5,
            affine=True,
            weight=1 + self.normal(channels, scale=0.05),
            bias=self.normal(channels, scale=0.05),
            running_mean=self.normal(channels, scale=0.05),
            **{key: stored.astype("f4")},
        )

    def block(self, *arguments, **options):
        convolution = self.convolution(*arguments, **options)
        channels = convolution["nOutputPlane"]
        return [
            convolution,
            self.normalization(channels),
            module("ReLU", inplace=False),
        ]

    def pool(self, kind):
        if kind == "max":
            return module(
                "SpatialMaxPooling", kW=3, kH=3, dW=2, dH=2, padW=0, padH=0
            )
        average = module("SpatialAveragePooling", kW=3, kH=3, dW=3, dH=3)
        average.update(padW=0, padH=0, divide=True)
        parts = [module("Square"), average]
        if self.multiplies:
            parts.append(module("MulConstant", constant_scalar=9))
        parts.append(module("Sqrt"))
        return module("SpatialLPPooling", kW=3, kH=3, dW=3, dH=3, modules=parts)

    def inception(self, inputs, kernels, stride, pool, projection, single):
        branches, outputs = [], single or 0
        for side, place in ((3, 0), (5, 2))[: len(kernels) // 2]:
            reduce, filters = kernels[place : place + 2]
            branches.append(
                self.block(inputs, reduce, 1)
                + self.block(reduce, filters, side, stride)
            )
            outputs += filters
        branches.append([self.pool(pool)])
        if projection:
            branches[-1] += self.block(inputs, projection, 1)
        outputs += projection or inputs
        if single:
            branches.append(self.block(inputs, single, 1))
        concatenation = module(
            "DepthConcat",
            dimension=2,
            modules=[module("Sequential", modules=list(b)) for b in branches],
        )
        made = module("Inception", inputSize=inputs, module=concatenation)
        made["modules"] = [concatenation]
        return made, outputs

    def network(self, table, side=96):
        pool = {"kW": 3, "kH": 3, "dW": 2, "dH": 2, "padW": 1, "padH": 1}
        lrn = {"size": 5, "alpha": 1e-4, "beta": 0.75, "k": 1}
        modules = [
            *self.block(3, 64, 7, 2, mm=True),
            module("SpatialMaxPooling", **pool),
            module("SpatialCrossMapLRN", **lrn),
            *self.block(64, 64, 1, mm=True),
            *self.block(64, 192, 3, mm=True),
            module("SpatialCrossMapLRN", **lrn),
            module("SpatialMaxPooling", **pool),
        ]
        channels = 192
        for entry in table.values():
            inception, channels = self.inception(channels, *entry)
            modules.append(inception)
        last = side // 32
        average = {"kW": last, "kH": last, "dW": 1, "dH": 1, "divide": True}
        modules += [
            module("SpatialAveragePooling", padW=0, padH=0, **average),
            module("View", numElements=channels),
            module(
                "Linear",
                weight=self.normal(128, channels, scale=channels**-0.5),
                bias=self.normal(128, scale=0.05),
            ),
            module("Normalize", p=2, eps=1e-10),
        ]
        return module("Sequential", modules=modules, train=False)


def count(net):
    """Count the parameters as `net:getParameters()` does."""
    own = sum(net[key].size for key in ("weight", "bias") if key in net)
    return own + sum(count(child) for child in net.get("modules", []))
