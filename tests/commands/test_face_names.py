"""Several people on a photograph are found, aligned and named."""

import json

import keras
import numpy as np
import pytest
from keras import ops

import kcv
from kcv.commands import main
from kcv.faces import Recognizer
from kcv.faces.verification import LogisticDistance
from kcv.serving import FixedSize
from kcv.serving import ServingConfig
from tests.commands.conftest import images_input
from tests.commands.conftest import write_image


@pytest.fixture(scope="module")
def party(tmp_path_factory):
    """A photograph of three people, and all that is needed to name them."""
    folder = tmp_path_factory.mktemp("party")
    for example in kcv.data.face_scenes("train", seed=3).dataset.take(50):
        points = example["landmarks"].numpy()
        if len(points) >= 3:
            break
    photo, points = example["images"].numpy(), points[:3]
    write_image(folder / "photo.png", photo)

    # The brightness of parts of a face, as a unit vector.
    faces = keras.Input((32, 32, 3), name="images")
    parts = keras.layers.AveragePooling2D(4)(faces)
    vector = keras.layers.Flatten()(parts) - 128
    embedder = keras.Model(faces, kcv.layers.UnitVector()(vector))
    (folder / "embedder").mkdir()
    embedder.save(folder / "embedder" / "model.keras")
    ServingConfig("faces", FixedSize(32, 32)).save(folder / "embedder")

    # Distances between photos of one person are next to nothing here.
    same = LogisticDistance(threshold=1e-4, slope=1e6)
    recognizer = Recognizer(embedder, verifier=same)
    recognizer.enroll([photo] * 2, ["Ann", "Bob"], points[:2])
    recognizer.save(folder / "people.npz")

    images = images_input()
    none = ops.sum(images, (1, 2, 3))[:, None] * 0
    boxes = np.concatenate([points.min(1), points.max(1)], -1)
    found = {
        "boxes": none[..., None] + boxes[None],
        "scores": none + np.array([[0.9, 0.8, 0.7]], "float32"),
        "labels": ops.cast(none + np.zeros((1, 3), "float32"), "int32"),
        "num_detections": ops.cast(none[:, 0] + 3, "int32"),
        "landmarks": none[..., None, None] + points[None],
    }
    keras.Model(images, found).save(folder / "detector.keras")
    return folder


def records(out):
    text = (out / "predictions.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_people_of_a_photograph_are_named(party, tmp_path):
    out = tmp_path / "out"
    words = ["predict", party / "embedder", party / "photo.png", "--out", out]
    words += ["--detector", party / "detector.keras"]
    words += ["--gallery", party / "people.npz"]
    assert main([str(word) for word in words]) == 0
    lines = records(out)
    assert [line["name"] for line in lines] == ["Ann", "Bob", None]
    assert lines[0]["probability"] > 0.99
    assert len(lines[0]["keypoints"]) == 15
    assert (out / "images" / "photo.jpg").is_file()


def test_a_face_is_embedded_without_a_gallery(party, tmp_path):
    out = tmp_path / "out"
    words = ["predict", party / "embedder", party / "photo.png", "--out", out]
    assert main([str(word) for word in words]) == 0
    (line,) = records(out)
    assert np.linalg.norm(line["embedding"]) == pytest.approx(1)
    assert not (out / "images").exists()
    words += ["--detector", party / "detector.keras", "--overwrite"]
    assert main([str(word) for word in words]) == 0
    assert len(records(out)) == 3
