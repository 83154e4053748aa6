"""Send images to a model server, and print its answers.

    python -m export.client_example photo.jpg
    python -m export.client_example --rest http://localhost:8501 photo.jpg
    python -m export.client_example --min-score 0.5 --draw drawn photos/*.jpg
    python -m export.client_example --model fast_rcnn --proposals 2000 photo.jpg

Needs grpcio, protobuf and NumPy for gRPC, NumPy alone for REST, and no
TensorFlow: `from kcv.serving import Client` is all that a program takes over.
Pictures are drawn by TensorFlow and the extra `commands`. R-CNN and Fast R-CNN
are sent regions along, which takes the extra `proposals`.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from export.regions import propose_regions
from kcv.interrupts import end_when_interrupted
from kcv.quiet_tensorflow import load_tensorflow
from kcv.serving import ServingError
from kcv.text_files import read_names

PROG = "python -m export.client_example"

# Mistakes of the user, and a server that is absent or refuses.
_ERRORS = (ImportError, OSError, ServingError, TypeError, ValueError)


def get_class_names(answer: dict[str, np.ndarray], index: int) -> list[str]:
    """Read the names of classes out of an answer.

    Args:
        answer: Outputs of "serving_bytes".
        index: Number of the image in the batch.

    Returns:
        The names, or an empty list if the export has none.
    """
    if "class_names" not in answer:
        return []
    names = answer["class_names"][index].tolist()
    # gRPC carries bytes, JSON text.
    return [n.decode() if isinstance(n, bytes) else n for n in names]


def detections(
    answer: dict[str, np.ndarray],
    index: int,
    class_names: Sequence[str] = (),
    min_score: float = 0.0,
) -> list[tuple[str, float, tuple[float, ...]]]:
    """Read the detections of an image out of an answer.

    Args:
        answer: Outputs of "serving_bytes".
        index: Number of the image in the batch.
        class_names: Names of the classes 0, 1, ... Defaults to those of the
            answer. If it has none, a class is named by its number, which counts
            from 1 in the answer.
        min_score: Score below which detections are left out. Defaults to 0.

    Returns:
        Tuples of class, score, and (x1, y1, x2, y2) in pixels of the image as
        it was sent, by falling score.
    """
    height, width = answer["image_shape"][index]
    own_names = get_class_names(answer, index)
    found: list[tuple[str, float, tuple[float, ...]]] = []
    for row in range(answer["num_detections"][index]):
        y1, x1, y2, x2 = answer["detection_boxes"][index, row].tolist()
        label = int(answer["detection_classes"][index, row])
        score = float(answer["detection_scores"][index, row])
        if class_names:
            name = _name_label(class_names, label - 1)
        else:
            name = own_names[row] if own_names else str(label)
        box = (x1 * width, y1 * height, x2 * width, y2 * height)
        if score >= min_score:
            found.append((name, score, box))
    return found


def top_classes(
    answer: dict[str, np.ndarray], index: int, min_score: float = 0.0
) -> list[tuple[str, float]]:
    """Read the classes of an image out of the answer of a classifier.

    Args:
        answer: Outputs of "serving_bytes".
        index: Number of the image in the batch.
        min_score: Probability below which classes are left out. Defaults to 0.

    Returns:
        Tuples of class and probability, by falling probability.
    """
    scores = answer["scores"][index].tolist()
    pairs = zip(get_class_names(answer, index), scores, strict=True)
    return [(name, score) for name, score in pairs if score >= min_score]


def shares(
    answer: dict[str, np.ndarray], index: int, class_names: Sequence[str] = ()
) -> list[tuple[str, float]]:
    """Read what an image consists of out of the answer of a segmenter.

    Args:
        answer: Outputs of "serving_bytes".
        index: Number of the image in the batch.
        class_names: Names of the classes 0, 1, ... Defaults to those of the
            answer, or else to numbers.

    Returns:
        Tuples of class and its share of the pixels, by falling share.
    """
    names = class_names or get_class_names(answer, index)
    labels = answer["labels"][index]
    counts = np.bincount(labels.ravel())
    return [
        (
            _name_label(names, label) if names else str(label),
            counts[label] / labels.size,
        )
        for label in np.argsort(-counts, kind="stable").tolist()
        if counts[label]
    ]


def _name_label(class_names, label):
    if label >= len(class_names):
        raise ValueError(
            "the names of the classes must be as many as the classes of the "
            f"model. Received: {len(class_names)} names, and an answer of "
            f"class {label}, where the first one is 0"
        )
    return class_names[label]


def describe(
    answer: dict[str, np.ndarray],
    index: int,
    class_names: Sequence[str] = (),
    min_score: float | None = None,
) -> list[str]:
    """Write what is in an image, as lines of text.

    Args:
        answer: Outputs of "serving_bytes".
        index: Number of the image in the batch.
        class_names: Names of the classes 0, 1, ... Defaults to those of the
            answer.
        min_score: Score below which detections and classes are left out.
            Defaults to None, for all.

    Returns:
        Lines of text. Of outputs that are not boxes or classes, the shapes.

    Raises:
        ValueError: If there is a `min_score`, and the answer has no scores of
            boxes or classes.
    """
    least = 0.0 if min_score is None else min_score
    if "detection_boxes" in answer:
        return [
            f"{name} {score:.3f}  {' '.join(f'{value:.1f}' for value in box)}"
            for name, score, box in detections(
                answer, index, class_names, least
            )
        ]
    if "probabilities" in answer and "class_names" in answer:
        return [
            f"{name} {score:.3f}"
            for name, score in top_classes(answer, index, least)
        ]
    if min_score is not None:
        raise ValueError(
            "`--min-score` must be left out, except for boxes and classes. "
            f"Received: --min-score {min_score}, and an answer of "
            f"{', '.join(sorted(answer))}"
        )
    if "labels" in answer and "class_scores" in answer:
        parts = shares(answer, index, class_names)
        return [f"{name} {share:.1%}" for name, share in parts]
    return [
        f"{name} {values.dtype} {values.shape[1:]}"
        for name, values in sorted(answer.items())
    ]


def ask(options: argparse.Namespace) -> None:
    """Send the images of the command line, and print the answers.

    Args:
        options: Options of the command line.

    Raises:
        ValueError: If an answer cannot be written. The message begins with the
            path of the image.
    """
    draw = None
    if options.draw:
        # Not above, where every client would need what draws.
        load_tensorflow()
        from export.drawn_answers import DrawnAnswers

        draw = DrawnAnswers(options.draw, options.images, options.overwrite)

    # One of the two; both have the same `predict` and `status`.
    if options.rest:
        from kcv.serving import RestClient

        client = RestClient(options.rest, model=options.model)
    else:
        from kcv.serving import Client

        client = Client(options.grpc, model=options.model)

    class_names = read_names(options.labels) if options.labels else ()
    for path in options.images:
        # A batch of one: images of several sizes fit together in a detector
        # only.
        inputs: dict[str, Any] = {"image_bytes": [path.read_bytes()]}
        if options.proposals:
            inputs["proposals"] = propose_regions([path], options.proposals)
        try:
            answer = client.predict(**inputs)
        except ServingError as error:
            raise ValueError(f"{path}: {error}") from error
        lines = describe(answer, 0, class_names, options.min_score)
        print(path, *(f"  {line}" for line in lines), sep="\n")
        if draw:
            draw.add(path, answer, class_names, options.min_score)


def main() -> None:
    """Ask a server. Whatever is wrong is said in one line, exit code 2."""
    parser = argparse.ArgumentParser(
        prog=PROG, description="Ask a model server what is in some images."
    )
    parser.add_argument(
        "images", nargs="+", type=Path, help="image files, one request each"
    )
    parser.add_argument(
        "--grpc",
        default="localhost:8500",
        metavar="HOST:PORT",
        help="the server's gRPC port, by default localhost:8500",
    )
    parser.add_argument(
        "--rest",
        metavar="URL",
        help="the server's REST port instead, such as http://localhost:8501",
    )
    parser.add_argument(
        "--model",
        default="faster_rcnn",
        help="name of the model, by default faster_rcnn",
    )
    parser.add_argument(
        "--min-score",
        type=float,
        metavar="SCORE",
        help="leave out boxes and classes that score less; by default all are "
        "printed, and boxes of at least 0.5 are drawn",
    )
    parser.add_argument(
        "--draw",
        type=Path,
        metavar="FOLDER",
        help="draw the answers into this folder; needs the extra commands",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="draw into a folder that is not empty",
    )
    parser.add_argument(
        "--proposals",
        type=int,
        default=0,
        metavar="COUNT",
        help="regions to send along, for models that are given them",
    )
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="class names, one a line; by default those of the answer",
    )
    options = parser.parse_args()
    try:
        with end_when_interrupted(f"{PROG}: interrupted."):
            ask(options)
    except _ERRORS as error:
        if os.environ.get("KCV_TRACEBACK"):
            raise
        print(f"{PROG}: error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
