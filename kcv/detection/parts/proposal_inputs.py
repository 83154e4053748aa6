"""What detectors that are given proposals are called with.

Shapes: B images of H x W pixels, P proposals per image.
"""

from typing import Any

import tensorflow as tf


def with_proposals(
    inputs: Any, name: str, max_proposals: int | None = None
) -> dict[str, Any]:
    """Check and complete the inputs of a detector that is given proposals.

    Args:
        inputs: Dict of `images` (B, H, W, 3), `proposals` (B, P, 4) and, if
            the images differ in size, `image_sizes` (B, 2).
        name: Name of the model, for error messages.
        max_proposals: Required number of proposals per image, or None for
            any. Defaults to None.

    Returns:
        A dict of all three, with None for sizes that are not given.

    Raises:
        ValueError: If there are no proposals, or not `max_proposals`.
    """
    if not isinstance(inputs, dict) or "proposals" not in inputs:
        names = sorted(inputs) if isinstance(inputs, dict) else type(inputs)
        raise ValueError(
            f"The inputs of {name} must be a dict of `images`, `proposals` "
            "and, for images of different sizes, `image_sizes`. Received: "
            f"{names}"
        )
    proposals = inputs["proposals"]
    if max_proposals is not None:
        if proposals.shape[1] not in (None, max_proposals):
            raise ValueError(
                f"`proposals` must have max_proposals={max_proposals} rows for "
                "each image, zero rows where there are fewer. Received: "
                f"{proposals.shape[1]} rows"
            )
        proposals = tf.ensure_shape(proposals, (None, max_proposals, 4))
    return {
        "images": inputs["images"],
        "image_sizes": inputs.get("image_sizes"),
        "proposals": proposals,
    }
