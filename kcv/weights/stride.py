"""Refuse weights whose network has its strides elsewhere.

The first bottleneck of a stage halves the map in its first 1x1 convolution
(the paper, Caffe, keras.applications) or in its 3x3 convolution (torchvision).
The weights of either fit the other in every shape, and the outputs are wrong.
"""

import keras

from kcv.weights.layers import leaves


def require_stride_in(model: keras.Model, kernel: str, source: str) -> None:
    """Raise if a model's bottlenecks have their stride in the other kernel.

    Args:
        model: A model; one without strided bottlenecks passes.
        kernel: "1x1" or "3x3", where the source has its stride.
        source: Source of the weights, for the error.

    Raises:
        ValueError: If the stride stands in the other kernel.
    """
    if (conflict := find_other_stride(model, kernel)) is not None:
        raise ValueError(f"{source} {conflict}.")


def find_other_stride(model: keras.Model, kernel: str) -> str | None:
    """Describe a bottleneck that has its stride in the other kernel.

    Args:
        model: Model to look at.
        kernel: "1x1" or "3x3", where a source of weights has its stride.

    Returns:
        The rest of a sentence that begins with the source, or None if the model
        does not have one.
    """
    other = {"1x1": "3x3", "3x3": "1x1"}[kernel]
    branch = {"1x1": "branch2a", "3x3": "branch2b"}[other]
    layers = {layer.name: layer for layer in leaves(model)}
    for stage in "345":
        if f"res{stage}a_branch2c" not in layers:  # no bottleneck
            continue
        strides = layers[f"res{stage}a_{branch}"].strides
        if max(strides) > 1:
            return (
                f"is of a ResNet with stride 2 in the {kernel} convolution of "
                f"res{stage}a, the model {model.name!r} has it in the {other}: "
                f'build it with stride_in="{kernel}"'
            )
    return None
