"""The arithmetic of the three losses, and who sees the heads."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kcv
from kcv.classification import AuxiliaryClassifier

X = np.random.default_rng(0).standard_normal((6, 4)).astype("float32")
Y = np.array([0, 1, 2, 2, 1, 0])


def build(activation="softmax", regularizer=None, **options):
    keras.utils.set_random_seed(0)
    image = keras.Input((4,))
    hidden = keras.layers.Dense(5, kernel_regularizer=regularizer)(image)
    outputs = [keras.layers.Dense(3)(hidden) for _ in range(3)]
    if activation:
        outputs = [keras.layers.Activation(activation)(x) for x in outputs]
    return AuxiliaryClassifier(image, outputs, **options)


def cross_entropy(predictions, weights=1):
    picked = predictions[np.arange(len(Y)), Y]
    return np.mean(-np.log(picked) * weights)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def losses(model, **weights):
    outputs = [np.asarray(x) for x in model(X, training=True)]
    if isinstance(model.get_layer(model.output_names[0]), keras.layers.Dense):
        outputs = [softmax(x) for x in outputs]
    return [cross_entropy(x, **weights) for x in outputs]


@pytest.mark.parametrize("activation", ["softmax", None])
def test_training_weighs_the_heads_and_evaluation_leaves_them(activation):
    model = build(activation)
    model.compile(keras.optimizers.SGD(0.0), metrics=["accuracy"])
    main, first, second = losses(model)
    history = model.fit(X, Y, verbose=0).history
    expected = main + 0.3 * (first + second)
    assert history["loss"][0] == pytest.approx(expected, rel=1e-5)
    found = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(main, rel=1e-5)
    accuracy = np.mean(model.predict(X, verbose=0).argmax(-1) == Y)
    assert found["accuracy"] == history["accuracy"][0]
    assert found["accuracy"] == pytest.approx(accuracy)


def test_the_weight_of_the_heads_is_an_argument_and_is_copied(tmp_path):
    model = build(auxiliary_weight=0.5)
    model.compile(keras.optimizers.SGD(0.0))
    main, first, second = losses(model)
    expected = main + 0.5 * (first + second)
    model.save(tmp_path / "model.keras")
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    for each in (model, clone, kcv.load_model(tmp_path / "model.keras")):
        assert isinstance(each, AuxiliaryClassifier)
        history = each.fit(X, Y, verbose=0).history
        assert history["loss"][0] == pytest.approx(expected, rel=1e-5)


def test_penalties_count_once_and_sample_weights_count():
    model = build(regularizer=keras.regularizers.L2(0.1))
    model.compile(keras.optimizers.SGD(0.0))
    weights = np.array([1, 2, 0, 1, 3, 1])
    main, first, second = losses(model, weights=weights)
    penalty = 0.1 * np.sum(model.layers[1].kernel.numpy() ** 2)
    expected = main + 0.3 * (first + second) + penalty
    loss = model.train_on_batch(X, Y, sample_weight=weights)
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_every_head_trains():
    model = build()
    before = model.get_weights()
    model.compile(keras.optimizers.SGD(0.1))
    model.fit(X, Y, verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        assert not np.array_equal(old, new)


def test_another_loss_is_taken():
    model = build()
    model.compile("sgd", loss="categorical_crossentropy")
    one_hot = np.eye(3)[Y]
    expected = np.dot([1, 0.3, 0.3], losses(model))
    assert model.fit(X, one_hot, verbose=0).history["loss"][0] == pytest.approx(
        expected, rel=1e-5
    )


def test_round_trip_keeps_optimizer_and_heads(tmp_path):
    model = build()
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), metrics=["accuracy"])
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(loaded, AuxiliaryClassifier)
    np.testing.assert_array_equal(loaded(X), model(X))
    for other in (model, loaded):  # momentum goes on where it was
        other.fit(X, Y, verbose=0)
    np.testing.assert_allclose(loaded(X), model(X), rtol=1e-6)


def test_inside_another_model_it_has_one_output():
    outer = keras.Sequential([keras.Input((4,)), build()])
    assert outer.output_shape == (None, 3)
    assert outer(X).shape == (6, 3)


def test_the_export_answers_with_the_main_output(tmp_path):
    model = build()
    model.export(tmp_path / "saved_model", verbose=False)
    served = tf.saved_model.load(tmp_path / "saved_model")
    np.testing.assert_allclose(served.serve(X), model(X), rtol=1e-5)
