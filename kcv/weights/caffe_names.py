"""Names of layers in the Caffe files of segmentation networks.

kcv's SegNet has the names of its authors. In DeconvNet the authors number the
convolutions of a block of the decoder upward and kcv numbers them downward, so
`deconv5_1` of a file is `deconv5_3` of the model. Both have the same shape. If
they were matched by name, they would be swapped without an error.
"""

import re
from collections.abc import Collection

# The last layer of the authors' networks, where kcv gives it another name. A
# file has one of these at most.
_SCORES = {
    "conv_classifier": "score",  # SegNet-Basic of the tutorial
    "dense_softmax_inner_prod": "score",  # SegNet-Basic of the model zoo
    "camvid": "score",  # Bayesian SegNet for CamVid
    "seg-score-voc": "seg-score",
}


def rename_layers(names: Collection[str]) -> dict[str, str]:
    """Find kcv's names for the layers of a published segmenter.

    Args:
        names: Names of the layers with weights of a file.

    Returns:
        Dict from names in the file to names in kcv, for those that differ. It
        is empty for a file of any other network.

    Example:

    >>> rename_layers(["conv1", "conv1_bn", "conv_decode1", "conv_classifier"])
    {'conv1': 'conv1_1', 'conv1_bn': 'conv1_1_bn', 'conv_classifier': 'score'}
    >>> rename_layers(["fc6-deconv", "deconv5_1", "deconv5_2", "deconv5_3"])
    {'deconv5_1': 'deconv5_3', 'deconv5_3': 'deconv5_1'}
    """
    if "fc6-deconv" in names:
        found = _deconvnet(names)
    elif "conv_decode1" in names:
        found = _segnet_basic(names)
    elif "conv1_1_D_bn" in names:
        found = {}
    else:
        return {}
    return found | {x: _SCORES[x] for x in names if x in _SCORES}


def _deconvnet(names):
    found = {}
    for name in names:
        layer = re.fullmatch(r"(de)?(conv|bn)(\d+)_(\d+)", name)
        dense = re.fullmatch(r"bn(fc\d)", name)
        if dense:
            found[name] = f"{dense[1]}_bn"
        elif name == "fc6-deconv-bn":
            found[name] = "fc6-deconv_bn"
        elif layer:
            side, kind, block, number = layer.groups(default="")
            if side:
                count = sum(x.startswith(f"deconv{block}_") for x in names)
                number = count + 1 - int(number)
            target = f"{side}conv{block}_{number}"
            target += "_bn" if kind == "bn" else ""
            if target != name:
                found[name] = target
    return found


def _segnet_basic(names):
    layers = {name: re.fullmatch(r"conv(\d+)(_bn)?", name) for name in names}
    return {
        name: f"conv{layer[1]}_1{layer[2] or ''}"
        for name, layer in layers.items()
        if layer
    }
