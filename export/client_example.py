"""Ask a model server what is in some images.

    python -m export.client_example photo.jpg
    python -m export.client_example --rest http://localhost:8501 photo.jpg
    python -m export.client_example --model fast_rcnn --proposals 2000 photo.jpg

Needs grpcio, protobuf and NumPy for gRPC, NumPy alone for REST, and no
TensorFlow: `from kcv.serving import Client` is all that a program takes over.
R-CNN and Fast R-CNN are sent regions along, which takes `kcv[proposals]`.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from export.regions import regions_of
from kcv.text_files import read_names


def detections(
    answer: dict[str, np.ndarray], index: int, class_names: Sequence[str] = ()
) -> list[tuple[str, float, tuple[float, ...]]]:
    """Read one image's detections out of an answer.

    Args:
        answer: outputs of "serving_bytes".
        index: which image of the batch.
        class_names: name of class 0, 1, ...; without them the number, which
            counts from 1 in the answer.

    Returns:
        (class, score, (x1, y1, x2, y2) in pixels of the image as it was sent)
        by falling score.
    """
    height, width = answer["image_shape"][index]
    found = []
    for row in range(answer["num_detections"][index]):
        y1, x1, y2, x2 = answer["detection_boxes"][index, row].tolist()
        label = int(answer["detection_classes"][index, row])
        found.append(
            (
                class_names[label - 1] if class_names else str(label),
                float(answer["detection_scores"][index, row]),
                (x1 * width, y1 * height, x2 * width, y2 * height),
            )
        )
    return found


def top_classes(
    answer: dict[str, np.ndarray], index: int
) -> list[tuple[str, float]]:
    """Read one image's classes out of the answer of a classifier.

    Args:
        answer: outputs of "serving_bytes".
        index: which image of the batch.

    Returns:
        (class, probability) by falling probability.
    """
    names = answer["class_names"][index].tolist()
    # gRPC carries bytes, JSON text.
    texts = [n.decode() if isinstance(n, bytes) else n for n in names]
    return list(zip(texts, answer["scores"][index].tolist(), strict=True))


def main() -> None:
    """Send the images of the command line as one batch, print the answer."""
    parser = argparse.ArgumentParser(description="Ask a model server.")
    parser.add_argument("images", nargs="+", type=Path)
    parser.add_argument("--grpc", default="localhost:8500")
    parser.add_argument("--rest", help="such as http://localhost:8501")
    parser.add_argument("--model", default="faster_rcnn")
    parser.add_argument(
        "--proposals",
        type=int,
        default=0,
        help="regions to send along, for models that are given them",
    )
    parser.add_argument("--labels", type=Path, help="labels.txt of the export")
    options = parser.parse_args()

    # One of the two; both have the same `predict` and `status`.
    if options.rest:
        from kcv.serving import RestClient

        client = RestClient(options.rest, model=options.model)
    else:
        from kcv.serving import Client

        client = Client(options.grpc, model=options.model)

    inputs = {"image_bytes": [path.read_bytes() for path in options.images]}
    if options.proposals:
        inputs["proposals"] = regions_of(options.images, options.proposals)
    answer = client.predict(**inputs)
    class_names = read_names(options.labels) if options.labels else ()
    for index, path in enumerate(options.images):
        print(path)
        if "class_names" in answer:
            for name, score in top_classes(answer, index):
                print(f"  {name} {score:.3f}")
            continue
        for name, score, box in detections(answer, index, class_names):
            corners = " ".join(f"{value:.1f}" for value in box)
            print(f"  {name} {score:.3f}  {corners}")


if __name__ == "__main__":
    main()
