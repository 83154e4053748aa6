import keras
import numpy as np
import pytest

import kcv
from kcv.faces import CollapseWarning
from kcv.faces import DeepID2Plus
from kcv.faces import FaceEmbedder
from kcv.faces import Identification
from kcv.faces import IdentificationVerification
from kcv.faces import Triplets
from kcv.faces.objectives import triplets

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0, 255, (12, 6, 6, 3)).astype("float32")
PEOPLE = np.repeat(np.arange(4), 3)

OBJECTIVES = {
    "identification": Identification(4),
    "cosine": Identification(4, scale=24, margin=0.15),
    "verification": IdentificationVerification(4, every=20, seed=0),
    "every level": IdentificationVerification(4, every_level=True, seed=0),
    "triplets": Triplets(negatives="violating", seed=0),
}


def network(levels=1):
    """Features of one level or two."""
    images = keras.Input((6, 6, 3))
    x = keras.layers.Rescaling(1 / 255)(images)
    x = keras.layers.Flatten()(x)
    features = []
    for _ in range(levels):
        x = keras.layers.Dense(8, activation="tanh")(x)
        features.append(x)
    return keras.Model(images, features)


def embedder(objective=None):
    every_level = objective is not None and objective.every_level
    return FaceEmbedder.from_network(network(1 + every_level), objective)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_embeddings_are_unit_vectors_of_the_last_feature(policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = embedder(IdentificationVerification(4, every_level=True))
    finally:
        keras.config.set_dtype_policy("float32")
    found = model.predict(IMAGES, verbose=0)
    assert found.dtype == "float32"
    lengths = np.linalg.norm(np.float64(found), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-6)
    last = np.asarray(model.network(IMAGES)[-1], "float32")
    last = last / np.linalg.norm(last, axis=1, keepdims=True)
    atol = 1e-6 if policy == "float32" else 0.02
    np.testing.assert_allclose(found, last, atol=atol)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_fit_lowers_the_loss_and_the_model_is_saved_and_cloned(name, tmp_path):
    keras.utils.set_random_seed(0)
    model = embedder(OBJECTIVES[name])
    model.compile(keras.optimizers.Adam(0.02))
    run = model.fit(IMAGES, PEOPLE, batch_size=12, epochs=12, verbose=0)
    shown = set(run.history) - {"margin", "margin1"}
    assert shown == {"loss", *model.objective.figures}
    assert run.history["loss"][-1] < 0.7 * run.history["loss"][0]

    figures = model.evaluate(IMAGES, PEOPLE, verbose=0, return_dict=True)
    model.save(tmp_path / "model.keras")
    loaded = kcv.load_model(tmp_path / "model.keras")
    again = loaded.evaluate(IMAGES, PEOPLE, verbose=0, return_dict=True)
    assert again == pytest.approx(figures, rel=1e-5, abs=1e-6)
    assert int(loaded.optimizer.iterations) == 12

    clone = keras.models.clone_model(model)
    assert type(clone) is FaceEmbedder
    assert clone.objective.get_config() == model.objective.get_config()
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(clone(IMAGES), model(IMAGES))


def test_the_estimated_margin_is_saved_but_is_no_weight(tmp_path):
    model = embedder(IdentificationVerification(4, every=20))
    model.compile("sgd")
    model.fit(IMAGES, PEOPLE, verbose=0)
    margin = float(model.objective.margins[0].result())
    assert margin > 0
    model.save(tmp_path / "model.keras")
    loaded = kcv.load_model(tmp_path / "model.keras")
    assert float(loaded.objective.margins[0].result()) == margin
    loaded.fit(IMAGES, PEOPLE, verbose=0)
    assert model.objective.count_params() == 9 * 4


def test_a_given_margin_is_not_estimated():
    model = embedder(IdentificationVerification(4, margin=2.0))
    model.compile("sgd")
    run = model.fit(IMAGES, PEOPLE, verbose=0)
    assert "margin" not in run.history


def test_every_level_learns():
    model = embedder(OBJECTIVES["every level"])
    before = [variable.numpy() for variable in model.trainable_variables]
    assert len(before) == 8  # two dense layers and two softmaxes
    model.compile(keras.optimizers.SGD(0.1))
    model.fit(IMAGES, PEOPLE, verbose=0)
    for variable, old in zip(model.trainable_variables, before, strict=True):
        assert np.any(variable.numpy() != old)


def test_deepid2_plus_has_features_of_lower_levels_only_to_learn():
    shape = (40, 36, 3)
    plain = DeepID2Plus(size="small", input_shape=shape, embedding_size=16)
    levels = DeepID2Plus(
        IdentificationVerification(3, every_level=True),
        size="small",
        input_shape=shape,
        embedding_size=16,
    )
    assert len(levels.network.outputs) == 4
    assert len(plain.network.outputs) == 1
    added = sum(
        layer.count_params()
        for layer in levels.network.layers
        if layer.name.startswith("level")
    )
    softmaxes = 4 * (16 + 1) * 3
    assert levels.count_params() == plain.count_params() + added + softmaxes


def test_the_margin_lowers_the_logit_of_the_true_person():
    cosines = embedder(Identification(4, scale=24))
    margin = embedder(Identification(4, scale=24, margin=0.15))
    margin.set_weights(cosines.get_weights())
    features = [margin.network(IMAGES)]
    logits = margin.objective(features[0]).numpy()
    assert np.abs(logits).max() <= 24
    rows = np.arange(12)
    logits[rows, PEOPLE] -= 24 * 0.15
    expected = np.log(np.exp(logits).sum(1)) - logits[rows, PEOPLE]
    loss, _ = margin.objective.compute(features, PEOPLE, training=True)
    np.testing.assert_allclose(loss, expected.mean(), rtol=1e-5)


def test_two_models_do_not_share_an_objective():
    objective = Identification(4)
    one, other = embedder(objective), embedder(objective)
    assert one.objective is not other.objective
    assert not objective.built


def test_fit_warns_when_embeddings_collapse(monkeypatch):
    monkeypatch.setattr(
        triplets, "CollapseWarning", lambda margin: CollapseWarning(margin, 2)
    )
    model = embedder(Triplets())
    model.compile(keras.optimizers.SGD(0.0))
    same = np.zeros_like(IMAGES)
    with pytest.warns(UserWarning, match="embeddings have collapsed"):
        model.fit(same, PEOPLE, epochs=2, batch_size=12, verbose=0)


def test_fit_warns_when_nobody_has_two_photos():
    model = embedder(Triplets())
    model.compile("sgd")
    with pytest.warns(UserWarning, match="two photos of a person"):
        model.fit(IMAGES, np.arange(12), verbose=0)


def test_fit_takes_the_batches_of_kcv():
    examples = {
        "images": IMAGES,
        "labels": PEOPLE.astype("int32"),
        "image_id": np.array([f"{k}".encode() for k in range(12)]),
    }
    kept = kcv.data.KeptFaces(examples, ("a", "b", "c", "d"))
    batches = kcv.data.people_batches(kept, people=4, photos=3)
    model = embedder(Triplets())
    model.compile("sgd")
    run = model.fit(batches, steps_per_epoch=1, shuffle=False, verbose=0)
    assert run.history["negative_distance"][0] > 0
    model.evaluate(batches, steps=1, verbose=0)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, "Received: y=None"),
        (np.eye(4)[PEOPLE], r"one integer .* shape \(12, 4\)"),
    ],
)
def test_labels_are_one_number_for_each_image(labels, message):
    model = embedder(Triplets())
    model.compile("sgd")
    with pytest.raises(ValueError, match=message):
        model.fit(IMAGES, labels, batch_size=12, verbose=0)


def test_training_needs_an_objective():
    model = embedder()
    model.compile("sgd")
    for action in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match="`objective` must be given"):
            action(IMAGES, PEOPLE)


def test_weights_of_samples_are_refused():
    model = embedder(Identification(4))
    model.compile("sgd")
    with pytest.raises(ValueError, match="`sample_weight` must be None"):
        model.fit(IMAGES, PEOPLE, sample_weight=np.ones(12))


def test_an_objective_is_one():
    with pytest.raises(TypeError, match="`objective` must be an objective"):
        FaceEmbedder.from_network(network(), keras.layers.Dense(3))


def test_outputs_of_the_network_are_features():
    images = keras.Input((6, 6, 3))
    maps = keras.Model(images, keras.layers.Conv2D(2, 3)(images))
    with pytest.raises(ValueError, match=r"must be features \(B, D\)"):
        FaceEmbedder.from_network(maps)


@pytest.mark.parametrize(
    ("objective", "options", "argument"),
    [
        (Identification, {"people": 0}, "people"),
        (Identification, {"people": float("nan")}, "people"),
        (Identification, {"people": 3, "scale": 0}, "scale"),
        (Identification, {"people": 3, "margin": 0.1}, "margin"),
        (Identification, {"people": 3, "scale": 9, "margin": -1}, "margin"),
        (IdentificationVerification, {"people": 2.5}, "people"),
        (IdentificationVerification, {"people": 3, "weight": -1}, "weight"),
        (IdentificationVerification, {"people": 3, "margin": 0}, "margin"),
        (IdentificationVerification, {"people": 3, "every": 0}, "every"),
        (Triplets, {"margin": 0}, "margin"),
        (Triplets, {"negatives": "easy"}, "negatives"),
        (Triplets, {"reduction": "mean"}, "reduction"),
    ],
)
def test_arguments_of_objectives_are_checked(objective, options, argument):
    with pytest.raises(ValueError, match=f"`{argument}` must be"):
        objective(**options)
