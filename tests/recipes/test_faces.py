"""Recipes of faces train, measure by the protocol of LFW, and are served."""

import dataclasses
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import kcv
from recipes import deepface
from recipes import deepid
from recipes import facenet
from recipes.common.evaluate_and_report import Evaluation
from recipes.common.faces import photos
from recipes.common.faces import verifying
from recipes.common.faces.photos import Photos
from recipes.common.faces.published import PAPERS
from recipes.common.history import read_history
from recipes.tables import faces

FEW = {
    "people": 4,
    "photos": 5,
    "epochs": 1,
    "batch_size": 10,
    "steps_per_epoch": 1,
}


@pytest.fixture(scope="module", autouse=True)
def few_people():
    """Twelve held-out people, four photos of each, and few pairs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(photos, "TEST_PEOPLE", 12)
        patch.setattr(photos, "TEST_PHOTOS", 4)
        patch.setattr(verifying, "FOLDS", 2)
        patch.setattr(verifying, "PAIRS", 8)
        yield


def build_tiny(objective, size, **options):
    """A network of a few weights, of two levels if they all learn."""
    assert size == "small"
    images = keras.Input((64, 64, 3))
    x = keras.layers.Rescaling(1 / 255)(images)
    x = keras.layers.AveragePooling2D(8)(x)
    x = keras.layers.Flatten()(x)
    levels = [keras.layers.Dense(12, activation="relu")(x) for _ in range(2)]
    network = keras.Model(
        images, levels if objective.every_level else levels[:1]
    )
    return kcv.faces.FaceEmbedder.from_network(network, objective)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A finished run of FaceNet, with its export."""
    out = tmp_path_factory.mktemp("facenet")
    # Four people are held back for validation, and two are trained on.
    more = FEW | {"people": 6, "validation": 0.67}
    run = facenet.Options(out=out / "run", export=out / "served", **more)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(facenet.NETWORKS, "nn1", (build_tiny, 220))
        return out, facenet.main(run)


def test_facenet_is_measured_on_other_people(trained):
    out, metrics = trained
    assert metrics == json.loads((out / "run" / "metrics.json").read_text())
    assert "val_lfw_accuracy" in read_history(out / "run")
    rates = {name: metrics[name] for name in metrics if "far" in name}
    for name in ("accuracy", "auc", "rank1", "recognized", *rates):
        assert 0 <= metrics[name] <= 1, name
    assert metrics["joint_bayesian_accuracy"] >= 0.5
    assert metrics["split"] == (
        "rendered_faces, 32 pairs of 12 people who were never trained on"
    )
    page = (out / "run" / "report.html").read_text()
    assert "Schroff, Kalenichenko and Philbin 2015" in page
    assert page.count("<img") == 4
    assert "Joint Bayesian" in page


def test_the_export_embeds_photos_of_any_size(trained):
    out, _ = trained
    model = kcv.load_model(out / "run" / "model.keras")
    served = tf.saved_model.load(str(out / "served" / "1"))
    photo = np.random.default_rng(0).integers(0, 256, (96, 80, 3), np.uint8)
    answer = served.signatures["serving_bytes"](
        image_bytes=tf.io.encode_png(photo)[None]
    )["embeddings"].numpy()
    assert np.linalg.norm(answer) == pytest.approx(1, abs=1e-6)
    resized = tf.image.resize(photo, (64, 64), antialias=True)
    expected = model.predict(resized[None], verbose=0)
    np.testing.assert_allclose(answer, expected, atol=1e-5)


def without_measures(*arguments, **options):
    return Evaluation({"split": "nobody"}, {}, "nothing measured")


def test_every_level_of_deepid2_plus_learns(tmp_path, monkeypatch):
    own = deepid.GENERATIONS["2plus"]._replace(build=build_tiny)
    monkeypatch.setitem(deepid.GENERATIONS, "2plus", own)
    monkeypatch.setattr(deepid, "evaluate_faces", without_measures)
    # Five people with two photos each are in a batch of ten.
    few = FEW | {"people": 5}
    run = deepid.Options(out=tmp_path, generation="2plus", **few)
    assert deepid.main(run)["epochs"] == 1
    assert PAPERS["DeepID2+"].source in (tmp_path / "report.html").read_text()
    model = kcv.load_model(tmp_path / "model.keras")
    assert isinstance(model.objective, kcv.faces.IdentificationVerification)
    assert len(model.network.outputs) == 2


@pytest.mark.parametrize(
    ("generation", "objective", "every_level"),
    [
        ("1", kcv.faces.Identification, False),
        ("2", kcv.faces.IdentificationVerification, False),
        ("3", kcv.faces.IdentificationVerification, True),
    ],
)
def test_generations_of_deepid(generation, objective, every_level, monkeypatch):
    asked = {}

    def build(objective, **options):
        asked.update(options, objective=objective)

    own = deepid.GENERATIONS[generation]._replace(build=build)
    monkeypatch.setitem(deepid.GENERATIONS, generation, own)
    deepid.build_model(deepid.Options(generation=generation, net=2), 7)
    assert isinstance(asked["objective"], objective)
    assert asked["objective"].every_level == every_level
    assert asked.get("net") == (2 if generation == "3" else None)


@pytest.mark.parametrize("compare", deepface.VERIFIERS.values())
def test_deepface_compares_in_the_ways_of_the_paper(compare):
    """People of one brightness each are told apart by any distance."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(8), 5)
    noise = rng.integers(0, 20, (40, 64, 64, 3))
    images = (noise + 28 * labels[:, None, None, None]).astype(np.uint8)
    people = Photos(images, labels, tuple("abcdefgh"))
    keras.utils.set_random_seed(1)
    model = build_tiny(kcv.faces.Identification(8), "small")
    pairs = verifying.make_pairs(labels)
    distances = compare(model, verifying.Trial(people, people, pairs))
    assert distances.shape == pairs.same.shape
    assert distances[pairs.same].mean() < distances[~pairs.same].mean()


def test_a_batch_has_whole_people(tmp_path):
    run = facenet.Options(out=tmp_path, **{**FEW, "batch_size": 12})
    with pytest.raises(ValueError, match="multiple of 5.*batch_size=12"):
        facenet.main(run)


def test_the_table_has_the_systems_of_the_slide(tmp_path, monkeypatch, capsys):
    assert set(faces.SYSTEMS) == set(PAPERS)
    calls = []

    def train(run):
        calls.append(run)
        objective = kcv.faces.Identification(run.people)
        run.out.mkdir(parents=True)
        build_tiny(objective, run.preset).save(run.out / "model.keras")
        rates = ("accuracy", "standard_error", "auc", "val_at_far")
        more = ("joint_bayesian_accuracy", "rank1", "dir_at_far")
        figures = dict.fromkeys([*rates, *more], 0.5)
        training = {"seconds": 6.0, "examples_per_second": 9.0}
        return {**figures, **training, "parameters": 7, "split": "few pairs"}

    for name, system in faces.SYSTEMS.items():
        monkeypatch.setitem(faces.SYSTEMS, name, system._replace(main=train))
    run = faces.Options(
        out=tmp_path,
        people=30,
        photos=1,
        rounds=1,
        systems=("DeepID2+", "FaceNet"),
    )
    table = faces.main(run)
    rows = table["tables"]["The systems"]
    assert [row["system"] for row in rows] == ["DeepID2+", "FaceNet"]
    assert rows[0]["photos seen"] == 54
    assert rows[1]["paper: LFW"] == 0.9963
    assert calls[0].generation == "2plus"
    assert calls[0].people == 30
    assert calls[0].out == tmp_path / "deepid2_plus"
    assert "paper: LFW 0.996" in capsys.readouterr().out
    written = json.loads((tmp_path / "table.json").read_text())
    assert written == table["tables"]
    assert [row["numbers"] for row in written["Without a network"]] == [
        64 * 64 * 3,
        29,
        7 * 7 * 36,
        8 * 8 * 59,
    ]
    page = (tmp_path / "report.html").read_text()
    assert page.count("<img") == 3
    assert "nobody is on them" in page
    # A second run trains nothing.
    faces.main(dataclasses.replace(run, rounds=2))
    assert len(calls) == 2


def test_unknown_systems_are_told_the_known():
    with pytest.raises(ValueError, match="'DeepID3', 'FaceNet'.*'Eigenfaces'"):
        faces.main(faces.Options(systems=("Eigenfaces",)))
