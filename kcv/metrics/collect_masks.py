"""Run a mask model over a dataset and bring its masks into one form."""

from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

import numpy as np

from kcv.metrics.mask_codes import encode_masks


def collect_masks(
    model: Any, dataset: Iterable[Mapping[str, Any]]
) -> tuple[dict[str, dict], dict[str, dict]]:
    """Return the objects of a dataset and the proposals of a mask model.

    Args:
        model: Mask model that is called with images (B, H, W, 3) and returns
            `masks` (B, N, H, W), `boxes` (B, N, 4), `scores` (B, N) and
            `num_detections` (B,).
        dataset: Single examples with `images` (H, W, 3), `instance_masks` (n,
            H, W), `bounding_boxes`, `image_id` and, if there are any,
            `is_crowd` and `difficult`.

    Returns:
        Two dicts by image id as `mask_average_recall` takes them, with masks
        as compressed run lengths.

    Raises:
        ImportError: If pycocotools is not installed.
        ValueError: If examples have no `instance_masks`, an image id occurs
            twice, or the dataset is empty.

    Example:

    ```python
    truth, found = kcv.metrics.collect_masks(model, test)
    kcv.metrics.mask_average_recall(truth, found)["segm_ar100"]
    ```
    """
    truth: dict[str, dict] = {}
    proposals: dict[str, dict] = {}
    for example in dataset:
        if "instance_masks" not in example:
            raise ValueError(
                "`dataset` must have examples with `instance_masks`. Received: "
                f"an example with {sorted(example)}"
            )
        image_id = np.asarray(example["image_id"]).item()
        if isinstance(image_id, bytes):
            image_id = image_id.decode()
        if image_id in truth:
            raise ValueError(
                "`dataset` must have every image once. Received: image_id "
                f"{image_id!r} twice"
            )
        truth[image_id] = {
            "masks": encode_masks(np.asarray(example["instance_masks"])),
            "boxes": np.asarray(example["bounding_boxes"]["boxes"]),
            **{
                name: np.asarray(example[name])
                for name in ("is_crowd", "difficult")
                if name in example
            },
        }
        pixels = np.asarray(example["images"], np.float32)[None]
        found = model.predict_on_batch(pixels)
        count = int(found["num_detections"][0])
        proposals[image_id] = {
            "masks": encode_masks(np.asarray(found["masks"][0][:count])),
            "boxes": np.asarray(found["boxes"][0][:count]),
            "scores": np.asarray(found["scores"][0][:count]),
        }
    if not truth:
        raise ValueError("`dataset` must not be empty. Received: no example")
    return truth, proposals
