"""What `python -m export` publishes, by what a model is for."""

import json
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import kcv
from export import __main__ as command_line
from export import command
from export import native
from export.command import export
from kcv import faces
from kcv.extras import describe_installation
from kcv.serving import CenterCrop
from kcv.serving import ServingConfig
from kcv.serving.serving_config import Task
from recipes import cifar
from recipes import mnist

NAMES = tuple(f"class {number}" for number in range(10))
LENET, CIFAR = (
    (mnist.build_model, (10, "tanh"), mnist.CROP),
    # Not the recipe's crop, so that scale and cut differ.
    (cifar.build_model, (10, 20, "A"), CenterCrop(40, 32)),
)


@pytest.fixture(scope="module")
def files():
    """A color JPEG, a gray PNG and a tall PNG, of sizes no model takes."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[0:48, 0:64] / 64
    waves = np.stack([np.sin(9 * x + 5 * y), np.cos(7 * y), x * y], -1)
    wide = np.uint8(127 + 120 * waves)
    tall = random.integers(0, 256, (90, 30, 3), np.uint8)
    return [
        tf.io.encode_jpeg(wide).numpy(),
        tf.io.encode_png(wide[..., :1]).numpy(),
        tf.io.encode_png(tall).numpy(),
    ]


def write_run(folder, model, config):
    """Lay out the folder of a run."""
    model.save(folder / "model.keras")
    config.save(folder)
    return folder / "model.keras"


@pytest.mark.parametrize(
    ("build", "arguments", "crop"), [LENET, CIFAR], ids=["lenet", "cifar"]
)
def test_the_native_loader_names_classes_of_any_image(
    program, files, tmp_path, build, arguments, crop
):
    keras.utils.set_random_seed(0)
    model = build(*arguments)
    config = ServingConfig("classification", crop, NAMES)
    path = write_run(tmp_path, model, config)
    version = export(path, tmp_path / "served")

    answer = native.run(
        program, version, "serving_bytes", {"image_bytes": files}
    )
    expected = []
    for file in files:
        image = kcv.data.decode_image(file)
        if crop.channels == 1:
            image = tf.image.rgb_to_grayscale(image)
        seen = kcv.classification.single_crop(
            image[None], crop.short_side, crop.size
        )
        expected.append(model.predict(seen[0], verbose=0)[0])
    np.testing.assert_allclose(
        answer["probabilities"], expected, rtol=1e-4, atol=1e-5
    )
    best = np.argsort(-answer["probabilities"], -1)[:, :5]
    np.testing.assert_array_equal(answer["classes"], best)
    np.testing.assert_array_equal(
        answer["class_names"], np.array(NAMES, bytes)[best]
    )
    np.testing.assert_array_equal(
        answer["scores"], np.take_along_axis(answer["probabilities"], best, 1)
    )
    sizes = [[48, 64], [48, 64], [90, 30]]
    assert answer["image_shape"].tolist() == sizes


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    """A model of 8 x 8 pixels without a run, and the names of its classes."""
    folder = tmp_path_factory.mktemp("lone")
    images = keras.Input((8, 8, 3), name="images")
    means = keras.layers.GlobalAveragePooling2D()(images)
    model = keras.Model(images, keras.layers.Softmax()(means))
    model.save(folder / "model.keras")
    (folder / "names.txt").write_text("red\ngreen\nblue\n")
    return folder / "model.keras", folder / "names.txt"


def prepare_of(version):
    description = (version / "assets.extra" / "kcv.json").read_text()
    return json.loads(description)["prepare"]


def test_the_command_line_says_what_a_lone_model_is(
    classifier, files, tmp_path, monkeypatch, capsys
):
    model, names = map(str, classifier)
    options = ["--model", model, "--labels", names, "--out", str(tmp_path)]
    monkeypatch.setattr(
        "sys.argv", ["export", *options, "--task", "classification"]
    )
    command_line.main()
    assert "Task: classification" in capsys.readouterr().out
    served = tf.saved_model.load(str(tmp_path / "1"))
    answer = served.signatures["serving_bytes"](tf.constant(files[:1]))
    assert set(answer["class_names"].numpy()[0]) == {b"red", b"green", b"blue"}
    assert prepare_of(tmp_path / "1").startswith("CenterCrop(short_side=8,")


def test_help_lists_the_tasks(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["export", "--help"])
    with pytest.raises(SystemExit):
        command_line.main()
    text = capsys.readouterr().out
    assert "--task" in text
    assert "classification,detection,faces,masks,segmentation,style" in text


def test_the_short_side_of_a_classifier(classifier, tmp_path):
    model, names = classifier
    lone = {"task": "classification", "labels": names}
    version = export(model, tmp_path / "lone", short_side=12, **lone)
    assert (
        prepare_of(version) == "CenterCrop(short_side=12, size=8, channels=3)"
    )
    with pytest.raises(ValueError, match="size=8, short_side=6"):
        export(model, tmp_path / "lone", short_side=6, **lone)
    with pytest.raises(ValueError, match="`short_side` alone.* long_side=9"):
        export(model, tmp_path / "lone", long_side=9, **lone)

    run = keras.models.load_model(model)
    (tmp_path / "run").mkdir()
    config = ServingConfig("classification", CenterCrop(10, 8), ("a",) * 3)
    path = write_run(tmp_path / "run", run, config)
    version = export(path, tmp_path / "of_run", short_side=16)
    assert (
        prepare_of(version) == "CenterCrop(short_side=16, size=8, channels=3)"
    )


def test_a_classifier_of_any_size_needs_a_short_side(tmp_path, files):
    images = keras.Input((None, None, 1), name="images")
    outputs = keras.layers.GlobalAveragePooling2D()(images)
    path = tmp_path / "model.keras"
    keras.Model(images, outputs).save(path)
    (tmp_path / "labels.txt").write_text("gray\n")
    with pytest.raises(ValueError, match="short_side=None"):
        export(path, tmp_path / "served", task="classification")
    version = export(
        path, tmp_path / "served", task="classification", short_side=20
    )
    served = tf.saved_model.load(str(version)).signatures["serving_bytes"]
    assert served(tf.constant(files))["probabilities"].shape == (3, 1)


def test_a_lone_segmenter_is_told_by_the_option(tmp_path):
    images = keras.Input((None, None, 3), name="images")
    keras.Model(images, images).save(tmp_path / "model.keras")
    version = export(
        tmp_path / "model.keras", tmp_path / "base", task="segmentation"
    )
    served = tf.saved_model.load(str(version)).signatures["serving_default"]
    pixels = np.zeros((1, 2, 3, 3), np.float32)
    pixels[0, 1, 2, 1] = 9
    answer = served(tf.constant(pixels))
    assert set(answer) == {"labels", "scores", "class_scores"}
    assert answer["labels"].numpy().tolist() == [[[0, 0, 0], [0, 0, 1]]]


def test_a_grey_model_is_shown_grey(tmp_path):
    """Whatever its task: JPEGs are decoded to three channels."""
    images = keras.Input((None, None, 1), name="images")
    keras.Model(images, images).save(tmp_path / "model.keras")
    version = export(tmp_path / "model.keras", tmp_path / "base")
    served = tf.saved_model.load(str(version)).signatures["serving_bytes"]
    every = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    png = tf.io.encode_png(every).numpy()
    answer = served(tf.constant([png]))["outputs"]
    np.testing.assert_array_equal(answer[0], every)


def test_faces_are_scaled_to_the_size_that_the_model_takes(files, tmp_path):
    faces.DeepID().save(tmp_path / "model.keras")
    version = export(
        tmp_path / "model.keras", tmp_path / "served", task="faces"
    )
    assert prepare_of(version) == "FixedSize(height=39, width=31)"
    served = tf.saved_model.load(str(version)).signatures["serving_bytes"]
    vectors = served(tf.constant(files[:1]))["embeddings"].numpy()
    assert vectors.shape == (1, 160)
    np.testing.assert_allclose(np.linalg.norm(vectors), 1, atol=1e-6)


def test_faces_that_the_model_aligns_are_not_scaled(tmp_path):
    aligned = faces.align_inputs(faces.DeepID(local_sharing=False))
    aligned.save(tmp_path / "model.keras")
    version = export(
        tmp_path / "model.keras", tmp_path / "served", task="faces"
    )
    assert prepare_of(version) == "as_it_is"
    description = json.loads(
        (version / "assets.extra" / "kcv.json").read_text()
    )
    inputs = description["signatures"]["serving_bytes"]["inputs"]
    assert set(inputs) == {"image_bytes", "landmarks"}


def test_a_task_that_there_is_not(classifier, tmp_path):
    model, _ = classifier
    with pytest.raises(ValueError, match="style. Received: task='poses'$"):
        export(model, tmp_path, task="poses")
    assert command.Task == Task


def test_a_damaged_configuration_is_named(classifier, tmp_path):
    model, _ = classifier
    (tmp_path / "model.keras").write_bytes(model.read_bytes())
    (tmp_path / "serving.json").write_text('{"task": "segmantation"}')
    with pytest.raises(ValueError, match=r"serving\.json is not a serving"):
        export(tmp_path / "model.keras", tmp_path / "served")


@pytest.mark.parametrize(
    "task", ["detection", "masks", "segmentation", "style"]
)
def test_a_task_that_the_model_is_not_of(classifier, tmp_path, task):
    model, names = classifier
    with pytest.raises(ValueError, match=f"task='{task}' is of a model .* Rec"):
        export(model, tmp_path, task=task, labels=names)
    assert list(tmp_path.iterdir()) == []


def test_a_classifier_needs_names(classifier, tmp_path):
    model, names = classifier
    with pytest.raises(ValueError, match="3 classes, .* --labels.* 0 names"):
        export(model, tmp_path / "served", task="classification")
    two = tmp_path / "two.txt"
    two.write_text("red\ngreen\n")
    with pytest.raises(ValueError, match="3 classes, .* 2 names, .*two.txt"):
        export(model, tmp_path / "served", task="classification", labels=two)


def test_without_tyro(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tyro", None)
    with pytest.raises(SystemExit):
        command_line.main()
    error = capsys.readouterr().err
    assert error.startswith("python -m export: error: ")
    assert error.endswith(f"{describe_installation('recipes')}\n")
