"""The models that come with kcv do what their cards say."""

import re

import numpy as np
import pytest

import kcv

MODELS = kcv.trained.list_models()
SECTIONS = ["Data", "Figures", "Training", "File", "Limits", "License"]


@pytest.fixture(scope="module")
def scenes():
    """The first held-out digit scenes, with boxes and label maps."""
    scenes = kcv.data.digit_scenes("test", size=16, masks="semantic")
    return [*scenes.as_numpy_iterator()]


@pytest.mark.parametrize("name", MODELS)
def test_a_card_is_complete(name):
    card = kcv.trained.read_card(name)
    assert MODELS[name].card.read_text("utf-8") == card
    assert card.startswith(f"# {name}\n")
    assert re.findall(r"^## (.+)$", card, re.M) == SECTIONS
    assert f'kcv.load_model("{name}")' in card
    for line in ("Command: `python -m recipes.", "Date: 20", "Machine: "):
        assert f"\n- {line}" in card
    assert re.search(r"\n- Commit: [0-9a-f]{12}, kcv", card)
    assert "None" not in card
    assert "-dirty" not in card


def test_the_detector_finds_digits(scenes):
    name = "faster_rcnn/digit_scenes"
    model = kcv.load_model(name)
    truth, found = {}, {}
    for scene in scenes:
        key = scene["image_id"]
        answer = model.predict_on_batch(scene["images"][None])
        count = int(answer["num_detections"][0])
        found[key] = {
            kind: answer[kind][0, :count]
            for kind in ("boxes", "labels", "scores")
        }
        truth[key] = {
            **scene["bounding_boxes"],
            "difficult": scene["difficult"],
        }
    measured = kcv.metrics.voc_average_precision(truth, found)
    assert measured["voc07_map"] > 0.5
    names = kcv.serving.ServingConfig.of_model(name).class_names
    assert names == tuple("0123456789")


def test_the_segmenter_labels_digits(scenes):
    model = kcv.load_model("fcn/digit_scenes")
    counter = kcv.metrics.PixelAccuracy(11)
    for scene in scenes:
        scores = model.predict_on_batch(scene["images"][None].astype("float32"))
        counter.update_state(
            scene["segmentation_masks"][None], scores.argmax(-1)
        )
    scores = kcv.metrics.segmentation_scores(np.asarray(counter.confusion))
    assert scores["mean_iu"] > 0.4


def test_the_embedder_tells_people_apart():
    model = kcv.load_model("facenet/rendered_faces")
    faces = kcv.data.rendered_faces("test", people=12, photos=4)
    examples = [*faces.dataset.as_numpy_iterator()]
    images = np.stack([x["images"] for x in examples])
    labels = np.array([x["labels"] for x in examples])
    vectors = model.predict(images.astype("float32"), verbose=0)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    products = vectors @ vectors.T
    same = labels[:, None] == labels
    own = products[same & ~np.eye(len(labels), dtype=bool)]
    # Probability that two photos of one person are closer than those of two.
    closer = (own[:, None] > products[~same]).mean()
    assert closer > 0.9


def test_the_classifier_reads_digits():
    from recipes.released_models import open_digits

    test = open_digits().dataset.batch(364)
    (batch,) = test.as_numpy_iterator()
    model = kcv.load_model("lenet/digits")
    found = model.predict(batch["images"].astype("float32"), verbose=0)
    assert (found.argmax(-1) == batch["labels"]).mean() > 0.96
