"""Weights of MTCNN from the package `mtcnn`.

The package (MIT license) contains the authors' weights as data files, one for
each network.
"""

import importlib.util
import pathlib

import keras

from kcv.extras import describe_installation


def load_mtcnn(pnet: keras.Model, rnet: keras.Model, onet: keras.Model) -> None:
    """Load the weights of the installed package `mtcnn`.

    The files are pickles, so only those of the installed package are read,
    wherever the program runs.

    Args:
        pnet: Proposal network, see `PNet`.
        rnet: Refinement network, see `RNet`.
        onet: Output network, see `ONet`.

    Raises:
        ImportError: If the package `mtcnn` is not installed.
        ValueError: If a file does not fit its network.

    Example:

    ```python
    from kcv.faces.cascade import ONet, PNet, RNet

    pnet, rnet, onet = PNet(), RNet(), ONet()
    load_mtcnn(pnet, rnet, onet)
    ```
    """
    package = importlib.util.find_spec("mtcnn")
    try:
        import joblib
    except ImportError:
        package = None
    if package is None or package.origin is None:
        raise ImportError(
            'weights="mtcnn" needs the package mtcnn. '
            + describe_installation("mtcnn")
        )
    folder = pathlib.Path(package.origin).parent / "assets" / "weights"
    for network in (pnet, rnet, onet):
        path = folder / f"{network.name}.lz4"
        if not path.exists():
            raise ValueError(
                f"{path} must exist in the package mtcnn, version 1.0 or later"
            )
        values = joblib.load(path)
        shapes = [value.shape for value in values]
        expected = [tuple(weight.shape) for weight in network.weights]
        if shapes != expected:
            raise ValueError(
                f"{path} must have arrays of the shapes {expected}. Received: "
                f"{shapes}"
            )
        network.set_weights(values)
