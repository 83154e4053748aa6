"""From a trained model to answers: publish it, and ask a server about it.

`publish` writes a version that TensorFlow Serving loads. `Client` (gRPC) and
`RestClient` (HTTP) ask a server and need no TensorFlow, which is why nothing
is imported here before it is used.
"""

import importlib

_HOMES = {
    "CenterCrop": "preparation",
    "Client": "client",
    "ExportError": "errors",
    "FixedSize": "preparation",
    "RestClient": "rest",
    "ServingConfig": "serving_config",
    "ServingError": "errors",
    "ShortSide": "preparation",
    "TopClasses": "outputs",
    "detection_outputs": "outputs",
    "embeddings": "outputs",
    "label_maps": "outputs",
    "pictures": "outputs",
    "publish": "publishing",
}

__all__ = [
    "CenterCrop",
    "Client",
    "ExportError",
    "FixedSize",
    "RestClient",
    "ServingConfig",
    "ServingError",
    "ShortSide",
    "TopClasses",
    "detection_outputs",
    "embeddings",
    "label_maps",
    "pictures",
    "publish",
]


def __getattr__(name):
    if name in _HOMES:
        home = importlib.import_module(f"kcv.serving.{_HOMES[name]}")
        return getattr(home, name)
    raise AttributeError(f"module 'kcv.serving' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
