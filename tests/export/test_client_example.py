"""Reading an answer, by hand, and the command."""

import re
import sys

import numpy as np
import pytest
from PIL import Image

from export import client_example
from export.client_example import describe
from export.client_example import detections
from export.client_example import shares
from export.client_example import top_classes
from kcv.serving import RestClient
from kcv.serving import ServingError


def test_detections_in_pixels_of_the_image():
    answer = {
        "image_shape": np.array([[10, 10], [50, 200]]),
        "num_detections": np.array([0, 1]),
        "detection_boxes": np.array(
            [np.zeros((2, 4)), [[0.2, 0.1, 1.0, 0.5], [0, 0, 0, 0]]]
        ),
        "detection_scores": np.array([[0, 0], [0.5, 0]]),
        "detection_classes": np.array([[0, 0], [2, 0]]),
    }
    assert detections(answer, 0) == []
    [(name, score, box)] = detections(answer, 1, ["cat", "dog"])
    assert (name, score) == ("dog", 0.5)
    assert box == pytest.approx((20, 10, 100, 50))
    assert detections(answer, 1)[0][0] == "2"
    with pytest.raises(ValueError, match="1 names, and an answer of class 1"):
        detections(answer, 1, ["cat"])


@pytest.mark.parametrize("text", [str, bytes], ids=["REST", "gRPC"])
def test_classes_by_name(text):
    names = np.array([["dog", "cat"], ["cow", "dog"]], text).astype(object)
    answer = {"class_names": names, "scores": np.array([[1, 0], [0.5, 0.25]])}
    assert top_classes(answer, 1) == [("cow", 0.5), ("dog", 0.25)]


def boxes(names=(b"cat", b"d\xc3\xa9", b"")):
    answer = {
        "image_shape": np.array([[48, 64]], np.int32),
        "num_detections": np.array([2], np.int32),
        "detection_boxes": np.float32(
            [[[0.25, 0.25, 0.75, 0.5], [0, 0, 1, 1], [0, 0, 0, 0]]]
        ),
        "detection_scores": np.float32([[0.75, 0.25, 0]]),
        "detection_classes": np.array([[2, 1, 0]], np.int32),
    }
    if names:
        answer["class_names"] = np.array([names], object)
    return answer


def label_map():
    labels = np.zeros((1, 48, 64), np.uint8)
    labels[:, :, :16] = 2
    return {
        "image_shape": np.array([[48, 64]], np.int32),
        "labels": labels,
        "scores": np.ones_like(labels, np.float32),
        "class_scores": np.ones((1, 3), np.float32),
        "class_names": np.array([["background", "cat", "dog"]]),
    }


def test_answers_are_described_by_their_names():
    lines = ["cat 0.750  16.0 12.0 32.0 36.0", "dé 0.250  0.0 0.0 64.0 48.0"]
    assert describe(boxes(), 0) == lines
    assert describe(boxes(), 0, min_score=0.5) == lines[:1]
    assert describe(boxes(()), 0)[0].startswith("2 0.750 ")
    assert describe(boxes(), 0, ["x", "y"])[1].startswith("x 0.250 ")
    assert shares(label_map(), 0) == [("background", 0.75), ("dog", 0.25)]
    assert describe(label_map(), 0) == ["background 75.0%", "dog 25.0%"]
    with pytest.raises(ValueError, match=r"--min-score 0\.5, .* class_scores"):
        describe(label_map(), 0, min_score=0.5)
    image = {"images": np.zeros((1, 4, 6, 3), np.uint8)}
    assert describe(image, 0) == ["images uint8 (4, 6, 3)"]


@pytest.fixture
def photo(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (64, 48), (90, 120, 200)).save("photo.png")
    return "photo.png"


def call(monkeypatch, answer, *words):
    """Run the command, with an answer, or an error, of the server."""

    def predict(self, **inputs):
        assert [type(value) for value in inputs["image_bytes"]] == [bytes]
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(RestClient, "predict", predict)
    words = ["client_example", "--rest", "http://localhost:1", *words]
    monkeypatch.setattr(sys, "argv", words)
    client_example.main()


@pytest.mark.parametrize(
    ("answer", "files"),
    [
        (boxes(), ["images/photo.jpg"]),
        (boxes(()), ["images/photo.jpg"]),
        (label_map(), ["images/photo.jpg", "labels/photo.png"]),
    ],
    ids=["boxes", "without names", "label map"],
)
def test_answers_are_drawn(monkeypatch, capsys, photo, tmp_path, answer, files):
    call(monkeypatch, answer, photo, "--draw", "drawn")
    assert capsys.readouterr().out.startswith("photo.png\n  ")
    folder = tmp_path / "drawn"
    found = [p for p in folder.rglob("*") if p.is_file()]
    assert sorted(str(p.relative_to(folder)) for p in found) == files
    with Image.open(folder / "images/photo.jpg") as picture:
        pixels = np.array(picture, int)
    # What is drawn, and what is not.
    assert np.abs(pixels[:48] - [90, 120, 200]).max() > 60
    assert np.abs(pixels[40:48, 40:64] - [90, 120, 200]).max() < 30


@pytest.mark.parametrize(
    ("words", "answer", "message"),
    [
        (["none.png"], boxes(), "No such file .*none.png"),
        (["photo.png", "--rest", "x"], boxes(), "address='x'"),
        (
            ["photo.png"],
            ServingError("NOT_FOUND", "two\nlines", "m", "s"),
            "photo.png: model 'm', .* two lines",
        ),
        (["photo.png"], ConnectionError("nobody"), "nobody"),
        (["photo.png", "--labels", "photo.png"], boxes(), "photo.png is not"),
        (["photo.png", "--draw", "."], boxes(), "give another --draw, or"),
        (
            ["photo.png", "--draw", "drawn"],
            {"embeddings": np.zeros((1, 4))},
            "of task faces",
        ),
    ],
)
def test_errors_are_one_line(
    monkeypatch, capsys, photo, words, answer, message
):
    with pytest.raises(SystemExit) as end:
        call(monkeypatch, answer, *words)
    assert end.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("python -m export.client_example: error: ")
    assert re.search(message, line), line
