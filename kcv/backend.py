"""The settings of Keras that kcv needs: TensorFlow, and channels last.

Whatever needs Keras imports this module first. The import fails with one clear
line under another backend, before Keras itself fails because JAX or PyTorch is
not installed.
"""

import os
import sys


def require_tensorflow() -> None:
    """Refuse any other backend of Keras than TensorFlow.

    Raises:
        ImportError: If Keras runs, or would run, on another backend.
    """
    asked = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if "keras" not in sys.modules and asked != "tensorflow":
        # Keras would try to import it.
        _refuse(f"KERAS_BACKEND={asked}")
    try:
        import keras
    except ModuleNotFoundError as error:
        if error.name not in ("jax", "torch", "openvino"):
            raise
        _refuse(f'"backend": "{error.name}" in keras.json')
    backend = keras.config.backend()
    if backend != "tensorflow":
        _refuse(f"keras.config.backend()={backend!r}")


def require_channels_last() -> None:
    """Refuse a setting of Keras under which maps would be (B, C, H, W).

    Raises:
        ValueError: If `keras.config.image_data_format()` is "channels_first".
    """
    import keras

    data_format = keras.config.image_data_format()
    if data_format != "channels_last":
        raise ValueError(
            "kcv takes images and maps as (batch, height, width, channels). "
            'Call keras.config.set_image_data_format("channels_last") first. '
            f"Received: keras.config.image_data_format()={data_format!r}"
        )


def _refuse(received):
    raise ImportError(
        "kcv runs on Keras's TensorFlow backend. Set KERAS_BACKEND=tensorflow "
        f"before Keras is imported. Received: {received}"
    ) from None


require_tensorflow()
