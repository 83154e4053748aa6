"""Files as Caffe writes them, and its convolution in NumPy."""

import numpy as np

from kcv.weights.caffe_messages import NetParameter

V1_TYPES = {
    "Convolution": 4,
    "InnerProduct": 14,
    "Deconvolution": 39,
    "BN": 43,
}


def add_values(blob, array):
    """Append packed floats: the field's tag, the length and the bytes.

    `blob.data.extend` would take a minute for VGG-16's.
    """
    raw = np.ascontiguousarray(array, "<f4").tobytes()
    size, length = len(raw), b""
    while size > 127:
        length += bytes([size & 127 | 128])
        size >>= 7
    blob.MergeFromString(bytes([5 << 3 | 2]) + length + bytes([size]) + raw)


def write(path, layers, version="layer", double=False):
    """Write (name, type, bottom, top, arrays, options) as Caffe would."""
    net = NetParameter(name="written by a test")
    for name, kind, bottom, top, arrays, *options in layers:
        layer = getattr(net, version).add(name=name, bottom=[bottom], top=[top])
        layer.type = kind if version == "layer" else V1_TYPES.get(kind, 18)
        for array in arrays:
            blob = layer.blobs.add()
            if version == "layer":
                blob.shape.dim.extend(np.shape(array))
            else:
                sizes = (1, 1, 1, *np.shape(array))[-4:]
                names = ("num", "channels", "height", "width")
                for side, size in zip(names, sizes, strict=True):
                    setattr(blob, side, size)
            if double:
                blob.double_data.extend(np.ravel(array))
            else:
                add_values(blob, array)
        for option, value in dict(*options).items():
            setattr(*option(layer), value)
    path.write_bytes(net.SerializeToString())
    return path


def normal(*shape, seed=0, scale=1.0):
    generator = np.random.default_rng([seed, *shape])
    return (scale * generator.standard_normal(shape)).astype("float32")


def convolve(x, kernel, bias=0.0, groups=1):
    """Caffe's convolution without padding: (B, C, H, W), (O, I, h, w)."""
    outputs = []
    for part, own in zip(
        np.split(x, groups, 1), np.split(kernel, groups), strict=True
    ):
        windows = np.lib.stride_tricks.sliding_window_view(
            part, own.shape[2:], (2, 3)
        )
        outputs.append(np.einsum("bchwij,ocij->bohw", windows, own))
    return np.concatenate(outputs, 1) + np.reshape(bias, (-1, 1, 1))
