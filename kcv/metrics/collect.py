"""Run a detector over a data set and bring its boxes into one form."""

import numpy as np

from kcv.data.transforms.inputs import model_inputs


def collect_detections(
    model, dataset, original_pixels: bool = True
) -> tuple[dict, dict]:
    """Return the ground truth of a data set and what a detector finds in it.

    One pass: boxes, ids and predictions come from the same batch, so a data
    set whose order changes from pass to pass is measured rightly too.

    Args:
        model: a `keras.Model` called on `{"images", "image_sizes"}`, and on
            `proposals` where batches have them, that
            returns `boxes` (B, M, 4), `scores` (B, M), `labels` (B, M) and
            `num_detections` (B,).
        dataset: iterable of batches as made by `kcv.data.batch`: `images`,
            `image_sizes`, `bounding_boxes` with labels padded by -1,
            `difficult`, `is_crowd`, `image_id`, and `scale` if the images
            were resized.
        original_pixels: whether boxes are divided by `scale`, so that they
            are in pixels of the image as it was before resizing; `False`
            leaves them in pixels of the image that the model saw.

    Returns:
        (ground_truth, detections), two dictionaries by image id as
        `voc_average_precision` takes them.

    Raises:
        ValueError: if an image id occurs twice, or the data set is empty.

    Example:

    ```python
    ground_truth, detections = collect_detections(model, test_batches)
    kcv.metrics.voc_average_precision(ground_truth, detections)["voc07_map"]
    ```
    """
    ground_truth = {}
    detections = {}
    for batch in dataset:
        inputs = model_inputs(batch)
        # Under MirroredStrategy every replica is given the whole batch, and
        # the copies come one after another: the first B rows are the batch.
        found = model.predict_on_batch(inputs)
        truth = batch["bounding_boxes"]
        columns = {
            "truth_boxes": truth["boxes"],
            "truth_labels": truth["labels"],
            "difficult": batch["difficult"],
            "is_crowd": batch["is_crowd"],
            "boxes": found["boxes"],
            "scores": found["scores"],
            "labels": found["labels"],
            "count": found["num_detections"],
        }
        columns = {key: np.asarray(value) for key, value in columns.items()}
        for i, image_id in enumerate(np.asarray(batch["image_id"]).tolist()):
            if isinstance(image_id, bytes):
                image_id = image_id.decode()
            if image_id in ground_truth:
                raise ValueError(
                    f"dataset: image_id {image_id!r} occurs twice; evaluate "
                    "one pass, without repeat(), over images with ids of "
                    "their own"
                )
            shrink = 1.0
            if original_pixels and "scale" in batch:
                shrink = float(np.asarray(batch["scale"])[i])
            one = {key: value[i] for key, value in columns.items()}
            real = one["truth_labels"] >= 0
            ground_truth[image_id] = {
                "boxes": one["truth_boxes"][real] / shrink,
                "labels": one["truth_labels"][real],
                "difficult": one["difficult"][real],
                "is_crowd": one["is_crowd"][real],
            }
            found_count = int(one["count"])
            detections[image_id] = {
                "boxes": one["boxes"][:found_count] / shrink,
                "scores": one["scores"][:found_count],
                "labels": one["labels"][:found_count],
            }
    if not ground_truth:
        raise ValueError("dataset: not a single batch to evaluate")
    return ground_truth, detections
