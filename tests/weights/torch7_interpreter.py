"""What Torch7's nn computes of modules, in NumPy.

It follows the modules of nn and dpnn, and knows nothing of kcv.
"""

import numpy as np


def run(net, x):
    """Compute what Torch7 does of maps (B, C, H, W)."""
    kind = net.type.rpartition(".")[2]
    return globals()[f"_{kind}"](net, x)


def _Sequential(net, x):
    for child in net["modules"]:
        x = run(child, x)
    return x


_SpatialLPPooling = _Inception = _Sequential


def _DepthConcat(net, x):
    maps = [run(child, x) for child in net["modules"]]
    rows = max(m.shape[2] for m in maps)
    columns = max(m.shape[3] for m in maps)
    output = np.zeros(
        (len(x), sum(m.shape[1] for m in maps), rows, columns), "f4"
    )
    start = 0
    for m in maps:
        _, channels, height, width = m.shape
        top, left = (rows - height) // 2, (columns - width) // 2
        output[
            :, start : start + channels, top : top + height, left : left + width
        ] = m
        start += channels
    return output


def _windows(net, x, fill):
    rows, columns = net["padH"], net["padW"]
    x = np.pad(
        x,
        ((0, 0), (0, 0), (rows, rows), (columns, columns)),
        constant_values=fill,
    )
    windows = np.lib.stride_tricks.sliding_window_view(
        x, (net["kH"], net["kW"]), (2, 3)
    )
    return windows[:, :, :: net["dH"], :: net["dW"]]


def _SpatialConvolution(net, x):
    shape = (net["nOutputPlane"], net["nInputPlane"], net["kH"], net["kW"])
    maps = np.tensordot(
        _windows(net, x, 0),
        net["weight"].reshape(shape),
        ([1, 4, 5], [1, 2, 3]),
    )
    return (maps + net.get("bias", 0)).transpose(0, 3, 1, 2)


_SpatialConvolutionMM = _SpatialConvolution


def _SpatialBatchNormalization(net, x):
    if "running_std" in net:
        scale = net["running_std"]
    else:
        scale = (net["running_var"] + net["eps"]) ** -0.5
    scale = scale * net["weight"]
    shift = net["bias"] - scale * net["running_mean"]
    return x * scale[:, None, None] + shift[:, None, None]


def _SpatialCrossMapLRN(net, x):
    half = net["size"] // 2
    padded = np.pad(x**2, ((0, 0), (half, half), (0, 0), (0, 0)))
    sums = sum(padded[:, i : i + x.shape[1]] for i in range(net["size"]))
    scale = net["k"] + net["alpha"] / net["size"] * sums
    return x * scale ** -net["beta"]


def _ReLU(net, x):
    return np.maximum(x, 0)


def _Square(net, x):
    return x**2


def _Sqrt(net, x):
    return np.sqrt(x)


def _MulConstant(net, x):
    return x * net["constant_scalar"]


def _SpatialMaxPooling(net, x):
    return _windows(net, x, -np.inf).max((4, 5))


def _SpatialAveragePooling(net, x):
    return _windows(net, x, 0).mean((4, 5))


def _View(net, x):
    return x.reshape(len(x), net["numElements"])


def _Linear(net, x):
    return x @ net["weight"].T + net["bias"]


def _Normalize(net, x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def _SpatialSymmetricPadding(net, x):
    rows, columns = (net["pad_t"], net["pad_b"]), (net["pad_l"], net["pad_r"])
    return np.pad(x, ((0, 0), (0, 0), rows, columns), mode="symmetric")


def _SpatialZeroPadding(net, x):
    crop = -net["pad_t"]  # the same on all sides, and never above 0
    return x[:, :, crop : x.shape[2] - crop, crop : x.shape[3] - crop]


def _SpatialConstDiagonal(net, x):
    return x * net["a"] + net["b"]


def _ConcatTable(net, x):
    return [run(child, x) for child in net["modules"]]


def _ParallelTable(net, x):
    return [run(child, y) for child, y in zip(net["modules"], x, strict=True)]


def _CAddTable(net, x):
    return sum(x)


def _SpatialUpSamplingNearest(net, x):
    return x.repeat(2, 2).repeat(2, 3)


def _Identity(net, x):
    return x


_Dropout = _Identity


def _Threshold(net, x):
    return np.where(x > net["threshold"], x, net["val"])


def _SpatialReflectionPadding(net, x):
    rows, columns = (net["pad_t"], net["pad_b"]), (net["pad_l"], net["pad_r"])
    return np.pad(x, ((0, 0), (0, 0), rows, columns), mode="reflect")


def _SpatialFullConvolution(net, x):
    """Add a kernel for each cell, and cut the border off."""
    batch, _, height, width = x.shape
    side, stride, border = net["kH"], net["dH"], net["padH"]
    shape = [(n - 1) * stride + side + net["adjH"] for n in (height, width)]
    maps = np.zeros((batch, net["nOutputPlane"], *shape), "f4")
    for top in range(side):
        for left in range(side):
            part = np.einsum("bchw,co->bohw", x, net["weight"][:, :, top, left])
            rows = slice(top, top + stride * height, stride)
            columns = slice(left, left + stride * width, stride)
            maps[:, :, rows, columns] += part
    rows, columns = (slice(border, n - border) for n in shape)
    return maps[:, :, rows, columns] + net["bias"][:, None, None]


def _InstanceNormalization(net, x):
    mean = x.mean((2, 3), keepdims=True)
    scale = (x.var((2, 3), keepdims=True) + net["eps"]) ** -0.5
    weight, bias = (net[key][:, None, None] for key in ("weight", "bias"))
    return (x - mean) * scale * weight + bias


def _ShaveImage(net, x):
    size = net["size"]
    return x[:, :, size:-size, size:-size]


def _Tanh(net, x):
    return np.tanh(x)


_TotalVariation = _Identity
