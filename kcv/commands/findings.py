"""What is written about an image: lines of JSON, a drawing, a label map."""

from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import numpy as np

from kcv.commands import drawing
from kcv.commands.answers import Answer
from kcv.commands.answers import Kind
from kcv.commands.drawing import class_name
from kcv.commands.image_files import ImageFile
from kcv.metrics.mask_codes import encode_masks

#: Kinds of models that find places in an image, with scores.
PLACES = ("detection", "masks", "proposals")
#: Score below which detections are not drawn, unless the user says so.
DRAWN_SCORE = 0.5

# Proposals and masks of an image that are drawn, of hundreds.
_DRAWN = 10
_TOP = 5


class Style(NamedTuple):
    """How findings are written.

    Attributes:
        kind: Task of the model.
        class_names: Names of the classes 0, 1, ..., or an empty tuple.
        min_score: Score below which boxes and masks are left out. If None, all
            are written, and those of at least 0.5 are drawn. Defaults to None.
        draws: Whether images are drawn. Defaults to True.
    """

    kind: Kind
    class_names: Sequence[str]
    min_score: float | None = None
    draws: bool = True

    def keep(self, answer: Answer) -> Answer:
        """Select the boxes or masks whose scores are high enough.

        Args:
            answer: Answer of a model for one image.

        Returns:
            The answer without the others.
        """
        if self.kind not in PLACES or self.min_score is None:
            return answer
        return _select(answer, answer["scores"] >= self.min_score)

    def keep_drawn(self, answer: Answer) -> Answer:
        """Select the boxes or masks that are drawn.

        Args:
            answer: Answer of a model for one image.

        Returns:
            The answer without the others.
        """
        if self.kind not in PLACES:
            return answer
        if self.kind == "detection":
            limit = DRAWN_SCORE if self.min_score is None else self.min_score
            return _select(answer, answer["scores"] >= limit)
        return {name: value[:_DRAWN] for name, value in answer.items()}


def make_records(
    file: ImageFile, answer: Answer, style: Style
) -> list[dict[str, Any]]:
    """Make the lines of JSON about one image.

    Boxes and masks have the form of COCO's results. Classes count from 1 there,
    as in the answers of a server.

    Args:
        file: The image file.
        answer: Answer of the model, see `KerasAnswers.answer`.
        style: How it is written.

    Returns:
        A dict for each box or mask, or one for the image.
    """
    name = file.name
    if style.kind in PLACES:
        return list(_place_records(name, style.keep(answer), style))
    record: dict[str, Any] = {"image_id": name}
    if style.kind == "classification":
        probabilities = answer["probabilities"]
        top = np.argsort(-probabilities, kind="stable")[:_TOP]
        classes = [
            {
                "category_id": int(label) + 1,
                "category": class_name(style.class_names, label),
                "score": _number(probabilities[label]),
            }
            for label in top
        ]
        return [{**record, **classes[0], "top": classes}]
    if style.kind == "segmentation":
        labels = answer["label_map"]
        counts = np.bincount(labels.ravel())
        shares = {
            class_name(style.class_names, label): counts[label] / labels.size
            for label in np.flatnonzero(counts).tolist()
        }
        return [{**record, "label_map": _label_file(file), "shares": shares}]
    if style.kind == "style":
        return [{**record, "image": _pixel_file(file)}]
    if "names" in answer:
        return [{**record, **answer["names"][0]}]
    embedding = [_number(value) for value in answer["embedding"]]
    return [{**record, "embedding": embedding}]


def make_files(
    file: ImageFile, image: np.ndarray, answer: Answer, style: Style
) -> dict[str, bytes]:
    """Make the files about one image: label map and drawing.

    Args:
        file: The image file.
        image: Its pixels (H, W, 3) uint8.
        answer: Answer of the model, see `KerasAnswers.answer`.
        style: How it is drawn.

    Returns:
        Contents by path below the output folder.
    """
    if style.kind == "style":
        return {_pixel_file(file): drawing.encode_pixels(answer["image"])}
    files = {}
    if style.kind == "segmentation":
        content = drawing.encode_label_map(answer["label_map"])
        files[_label_file(file)] = content
    if style.draws and "embedding" not in answer:
        content = drawing.encode_picture(_draw(image, answer, style))
        files[f"images/{file.stem}.jpg"] = content
    return files


def _label_file(file):
    return f"labels/{file.stem}.png"


def _pixel_file(file):
    return f"images/{file.stem}.png"


def _place_records(
    name: str, answer: Answer, style: Style
) -> Iterator[dict[str, Any]]:
    codes = encode_masks(answer["masks"]) if "masks" in answer else []
    for k, (x1, y1, x2, y2) in enumerate(answer["boxes"].tolist()):
        label = int(answer["labels"][k]) if "labels" in answer else 0
        record: dict[str, Any] = {"image_id": name, "category_id": label + 1}
        if "labels" in answer and style.class_names:
            record["category"] = class_name(style.class_names, label)
        if "names" in answer:
            record |= answer["names"][k]
        record["bbox"] = [x1, y1, x2 - x1, y2 - y1]
        record["score"] = _number(answer["scores"][k])
        if codes:
            code = codes[k]
            record["segmentation"] = {**code, "counts": code["counts"].decode()}
        if "landmarks" in answer:
            # COCO's third number of a point: it is visible.
            points = answer["landmarks"][k].tolist()
            record["keypoints"] = [n for x, y in points for n in (x, y, 2)]
        yield record


def _draw(image, answer: Answer, style: Style):
    names = style.class_names
    if style.kind == "classification":
        probabilities = answer["probabilities"]
        top = np.argsort(-probabilities, kind="stable")[:_TOP].tolist()
        lines = [f"{probabilities[k]:.3f}  {class_name(names, k)}" for k in top]
        return drawing.draw_caption(image, lines)
    if style.kind == "segmentation":
        return drawing.draw_label_map(image, answer["label_map"], names)
    if style.kind == "faces":
        return drawing.draw_caption(image, [_name(answer["names"][0])])
    shown = style.keep_drawn(style.keep(answer))
    scores = shown["scores"].tolist()
    colors = list(range(len(scores)))
    texts = [f"{score:.2f}" for score in scores]
    if "labels" in shown:
        colors = shown["labels"].tolist()
        texts = [
            f"{class_name(names, label)} {text}"
            for label, text in zip(colors, texts, strict=True)
        ]
    if "names" in shown:
        texts = [_name(own) for own in shown["names"]]
    return drawing.draw_found(
        image,
        shown["boxes"],
        texts,
        colors,
        shown.get("masks"),
        shown.get("landmarks"),
    )


def _name(face: dict[str, Any]) -> str:
    """Write who a face is, nothing where there is no gallery."""
    if "name" not in face:
        return ""
    return f"{face['name'] or 'nobody'} {face['probability']:.2f}"


def _select(answer: Answer, kept: np.ndarray) -> Answer:
    numbers = np.flatnonzero(kept)
    return {
        name: value[numbers]
        if isinstance(value, np.ndarray)
        else [value[k] for k in numbers]
        for name, value in answer.items()
    }


def _number(value) -> float:
    """Convert a float32 to the shortest number that gives it again."""
    return float(str(np.float32(value)))
