"""Training of a face cascade, one network after the other.

The order is that of Li et al. (2015), section 3.6: the 12-net and its
calibration network learn from faces and random windows. Each further stage
learns from what the stages before let pass, and every threshold is chosen on
faces that no network has seen.

Shapes: N windows, S pixels along a side.
"""

import dataclasses
from collections.abc import Callable
from collections.abc import Sequence

import numpy as np

from kcv.faces.cascade.detection import Stage
from kcv.faces.cascade.detector import FaceCascade
from kcv.faces.cascade.learning.fitting import fit_windows
from kcv.faces.cascade.learning.mining import choose_threshold
from kcv.faces.cascade.learning.mining import find_survivors
from kcv.faces.cascade.learning.mining import score_faces
from kcv.faces.cascade.learning.samples import FaceImages
from kcv.faces.cascade.learning.samples import best_iou
from kcv.faces.cascade.learning.samples import crop_samples
from kcv.faces.cascade.learning.samples import jitter_faces
from kcv.faces.cascade.learning.samples import random_windows
from kcv.faces.cascade.patterns import PATTERNS
from kcv.faces.cascade.patterns import pattern_windows
from kcv.faces.cascade.settings import CascadeTraining
from kcv.faces.cascade.settings import WindowScan

# Share of faces in a batch.
_FACES = 1 / 3
# IoU from which on a window that reaches a stage shows a face. Windows below
# teach neither class, so that the best score goes to a window that fits.
_SHOWN = 0.6


def train_cascade(
    stages: Sequence[Stage],
    images: FaceImages,
    held_out: FaceImages,
    *,
    scan: WindowScan = WindowScan(),
    training: CascadeTraining = CascadeTraining(),
    seed: int = 0,
    trained: int = 0,
    on_stage: Callable[[FaceCascade, dict], None] | None = None,
    verbose: str | int = "auto",
) -> FaceCascade:
    """Train the stages of a cascade, and choose their thresholds.

    Args:
        stages: The stages with untrained networks, which are trained in place.
            The thresholds of their selections are replaced.
        images: Images with faces, for training.
        held_out: Images with other faces, for the thresholds.
        scan: `WindowScan` of the detector. Defaults to `WindowScan()`.
        training: `CascadeTraining`, the windows and the number of updates.
            Defaults to `CascadeTraining()`.
        seed: Seed of the windows and of the order. Defaults to 0.
        trained: Number of the first stages that are trained already and stay
            as they are, to continue a run that was stopped. Defaults to 0.
        on_stage: Function that is called after each stage with the cascade of
            the stages so far, whose last one suppresses as the last of all
            stages does, and a dict of figures: `threshold`, `positives`,
            `negatives`, `held_out_recall` (share of all held-out faces that
            have a window which passes), and `accuracy` and
            `calibration_accuracy` at the end of `fit`. Defaults to None.
        verbose: Verbosity of `fit` for each network, as in Keras. 0 prints
            nothing. Otherwise the search for windows has a progress bar, too.
            Defaults to "auto".

    Returns:
        The trained `FaceCascade`.

    Raises:
        ValueError: If there is no face, or `training` has another number of
            stages.

    Example:

    ```python
    scenes = kcv.data.face_scenes("train", 1000)
    others = kcv.data.face_scenes("train", 200, seed=1)
    detector = train_cascade(
        paper_stages(),
        keep_face_images(scenes.dataset),
        keep_face_images(others.dataset),
    )
    ```
    """
    stages = [Stage(*stage) for stage in stages]
    for name in ("steps", "recalls", "batch_sizes"):
        value = getattr(training, name)
        if len(value) != len(stages):
            raise ValueError(
                f"`training.{name}` must have an entry for each of the "
                f"{len(stages)} stages. Received: {name}={value}"
            )
    for name, part in (("images", images), ("held_out", held_out)):
        if not sum(map(len, part.boxes)):
            raise ValueError(f"`{name}` must have a face. Received: none")
    for number, stage in enumerate(stages[trained:], start=trained):
        rng = np.random.default_rng((seed, number))
        if number:
            _begin_as(stages[number - 1].network, stage.network)
        before = FaceCascade(stages[: number + 1], scan=scan).cascade
        figures = _train_network(before, number, images, training, rng, verbose)
        if stage.calibration is not None:
            figures |= _train_calibration(
                stage, number, images, training, rng, verbose
            )
        chosen = _choose_threshold(stages, number, held_out, scan, training)
        figures |= chosen
        stages[number] = stage._replace(
            selection=dataclasses.replace(
                stage.selection, threshold=chosen["threshold"]
            )
        )
        if on_stage is not None:
            last = dataclasses.replace(
                stages[-1].selection, threshold=chosen["threshold"]
            )
            so_far = stages[:number] + [stages[number]._replace(selection=last)]
            on_stage(FaceCascade(so_far, scan=scan), figures)
    return FaceCascade(stages, scan=scan)


def _begin_as(smaller, network):
    """Let the branch for smaller windows begin as the trained network.

    The 24-net contains the trunk of the 12-net in layers sub12_conv1 and
    sub12_fc2, and the 48-net that of the 24-net.
    """
    trained = {layer.name: layer for layer in smaller.layers}
    side = smaller.input_shape[1]
    side = 12 if side == 13 else side  # See `Net12`.
    for layer in network.layers:
        branch, _, name = layer.name.partition("_")
        if branch == f"sub{side}" and layer.weights and name in trained:
            layer.set_weights(trained[name].get_weights())


def _train_network(cascade, number, images, training, rng, verbose):
    """Fit the network that tells faces from background."""
    network = cascade.networks[number]
    size = network.input_shape[1]
    min_side = cascade.scan.min_face
    faces, others = [], []
    for image, boxes in zip(images.images, images.boxes, strict=True):
        # The first network is shown windows as far from a face as the scan is.
        shift = 0.06 if number else cascade.scan.stride / 24
        faces.append(jitter_faces(boxes, training.positives, rng, shift))
        others.append(
            random_windows(
                image,
                boxes,
                training.random_negatives,
                min_side,
                training.negative_iou,
                rng,
            )
        )
    if number:
        hard, shown = _mine(cascade, number, images, training, rng, verbose)
        faces = _joined(faces, shown)
        # Windows that the first stages drop must not be forgotten either.
        others = _limit(others, max(sum(map(len, hard)) // 3, 1000), rng)
        others = _joined(hard, others)
    context = 0.0 if number else size / 12 - 1
    positives = crop_samples(images.images, faces, size, context)
    negatives = crop_samples(images.images, others, size, context)
    labels = np.repeat([0, 1], [len(negatives), len(positives)])
    rows = [
        np.arange(len(negatives)),
        len(negatives) + np.arange(len(positives)),
    ]
    accuracy = fit_windows(
        network,
        np.concatenate([negatives, positives]),
        labels,
        rows,
        [1 - _FACES, _FACES],
        training.steps[number][0],
        training.batch_sizes[number],
        training.learning_rate,
        rng,
        flip=True,
        verbose=verbose,
    )
    return {
        "positives": len(positives),
        "negatives": len(negatives),
        "accuracy": accuracy,
    }


def _mine(cascade, number, images, training, rng, verbose=0):
    """Find windows of the images that reach a stage.

    Returns:
        The windows of each image that show no face, and those that show one.
    """
    # Windows that the second stage rejects are few enough to be looked at.
    threshold = 0.0 if number > 1 and training.min_negatives else None
    found = find_survivors(cascade, images, number, threshold, verbose)
    overlaps = [
        best_iou(one.boxes, boxes)
        for one, boxes in zip(found, images.boxes, strict=True)
    ]
    scores = np.concatenate(
        [
            one.scores[overlap < training.negative_iou]
            for one, overlap in zip(found, overlaps, strict=True)
        ]
    )
    # The best `min_negatives`, and all that pass.
    lowest = cascade.selections[number - 1].threshold
    if training.min_negatives:
        best = np.sort(scores)[::-1][: training.min_negatives]
        lowest = min([lowest, *best[-1:]])
    hard = [
        one.boxes[(overlap < training.negative_iou) & (one.scores >= lowest)]
        for one, overlap in zip(found, overlaps, strict=True)
    ]
    shown = [
        one.boxes[overlap >= _SHOWN]
        for one, overlap in zip(found, overlaps, strict=True)
    ]
    return _limit(hard, training.max_windows, rng), shown


def _train_calibration(stage, number, images, training, rng, verbose):
    """Fit the network that tells the patterns from each other."""
    size = stage.calibration.input_shape[1]
    # Number of the pattern in a fifth column, which goes with its window.
    windows = [
        np.insert(pattern_windows(boxes), 4, np.arange(len(PATTERNS)), axis=2)
        for boxes in images.boxes
    ]
    windows = [own.reshape(-1, 5) for own in windows]
    windows = _limit(windows, training.max_windows, rng)
    crops = crop_samples(images.images, [own[:, :4] for own in windows], size)
    labels = np.concatenate(windows)[:, 4].astype(int)
    accuracy = fit_windows(
        stage.calibration,
        crops,
        labels,
        [np.arange(len(crops))],
        [1.0],
        training.steps[number][1],
        training.batch_sizes[number],
        training.learning_rate,
        rng,
        flip=False,
        verbose=verbose,
    )
    return {"calibration_accuracy": accuracy}


def _choose_threshold(stages, number, held_out, scan, training):
    """Choose the threshold of a stage on faces that it has not seen."""
    stage = stages[number]
    if number == 0:  # Every window of the scan, whatever its score.
        scan = dataclasses.replace(scan, max_windows=10**6)
    cascade = FaceCascade(stages[: number + 1], scan=scan).cascade
    found = find_survivors(cascade, held_out, number, None if number else 0.0)
    windows, scores = [x.boxes for x in found], [x.scores for x in found]
    if number:
        network = stage.network
        crops = crop_samples(held_out.images, windows, network.input_shape[1])
        values = np.zeros((0, 2))
        if len(crops):
            values = network.predict(crops, batch_size=256, verbose=0)
        ends = np.cumsum([len(x) for x in windows])[:-1]
        scores = np.split(values[:, 1], ends)
    best = score_faces(held_out, windows, scores)
    threshold = choose_threshold(best, training.recalls[number])
    return {
        "threshold": threshold,
        "held_out_recall": float(np.mean(best >= max(threshold, 0.0))),
    }


def _joined(windows, others):
    """Join two lists of the windows of each image."""
    pairs = zip(windows, others, strict=True)
    return [np.concatenate(pair) for pair in pairs]


def _limit(windows, count, rng):
    """Choose at most `count` of the windows of all images."""
    owners = np.repeat(np.arange(len(windows)), [len(x) for x in windows])
    chosen = rng.permutation(len(owners))[:count]
    kept = np.zeros(len(owners), bool)
    kept[chosen] = True
    ends = np.cumsum([len(x) for x in windows])[:-1]
    return [
        own[keep]
        for own, keep in zip(windows, np.split(kept, ends), strict=True)
    ]
