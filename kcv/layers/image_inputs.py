"""What detectors are called with: images and their sizes.

Shapes: B images of H x W pixels.
"""

from typing import Any

import keras


def image_inputs() -> dict[str, keras.KerasTensor]:
    """Create the symbolic inputs of a detector.

    Returns:
        A dict of `images` (B, H, W, 3) and `image_sizes` (B, 2). The sizes
        are optional.
    """
    return {
        "images": keras.Input((None, None, 3), name="images"),
        "image_sizes": keras.Input(
            (2,), dtype="int32", name="image_sizes", optional=True
        ),
    }


def with_sizes(inputs: Any) -> dict[str, Any]:
    """Complete the inputs of a detector that needs images alone.

    Args:
        inputs: Images (B, H, W, 3), or a dict of `images` and, if the images
            differ in size, `image_sizes` (B, 2).

    Returns:
        A dict of `images` and `image_sizes`, with None for sizes that are not
        given.
    """
    if not isinstance(inputs, dict):
        inputs = {"images": inputs}
    return {
        "image_sizes": inputs.get("image_sizes"),
        "images": inputs["images"],
    }
