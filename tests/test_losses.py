import numpy as np
import pytest
import tensorflow as tf

from kcv.losses import PixelwiseCrossEntropy
from kcv.losses import smooth_l1


def test_smooth_l1_of_the_papers():
    x = np.linspace(-2, 2, 41).astype("float32")
    for sigma in (1.0, 3.0):
        turn = 1 / sigma**2
        expected = np.where(
            abs(x) < turn, 0.5 * (sigma * x) ** 2, abs(x) - 0.5 * turn
        )
        np.testing.assert_allclose(smooth_l1(x, sigma), expected, rtol=1e-6)


REPLICAS = """
from kcv.losses import PixelwiseCrossEntropy
rng = np.random.default_rng(0)
images = rng.uniform(size=(4, 6, 6, 3)).astype("float32")
labels = rng.integers(0, 5, (4, 6, 6))
data = tf.data.Dataset.from_tensors((images, labels))
found = []
for strategy in strategies:
    keras.utils.set_random_seed(0)
    with strategy.scope():
        layers = [keras.Input((6, 6, 3)), keras.layers.Conv2D(5, 1)]
        model = keras.Sequential(layers)
        model.compile(keras.optimizers.SGD(1.0), PixelwiseCrossEntropy())
    loss = model.fit(data, verbose=0).history["loss"]
    weights = [x.ravel() for x in model.get_weights()]
    found.append(np.concatenate([*weights, loss]))
np.testing.assert_allclose(*found, rtol=1e-4)
"""


class TestPixelwiseCrossEntropy:
    labels = np.array([[[0, 2, 255], [1, 255, 2]]])
    logits = np.random.default_rng(0).normal(size=(1, 2, 3, 3)).astype("f4")

    def each(self):
        """Loss of every pixel that is not void, by hand."""
        shares = np.exp(self.logits)
        shares /= shares.sum(-1, keepdims=True)
        places = np.argwhere(self.labels != 255)
        return np.array(
            [-np.log(shares[*place, self.labels[*place]]) for place in places]
        )

    def test_mean_and_sum(self):
        mean = PixelwiseCrossEntropy()(self.labels, self.logits)
        total = PixelwiseCrossEntropy(normalize=False)(self.labels, self.logits)
        assert float(mean) == pytest.approx(self.each().mean(), rel=1e-5)
        assert float(total) == pytest.approx(self.each().sum(), rel=1e-5)

    def test_class_weights(self):
        loss = PixelwiseCrossEntropy(class_weights=(2, 1, 0.5))
        expected = (self.each() * [2, 0.5, 1, 0.5]).mean()
        found = loss(self.labels, self.logits)
        assert float(found) == pytest.approx(expected, rel=1e-5)

    def test_the_gradient_is_probability_less_truth(self):
        logits = tf.Variable(self.logits)
        with tf.GradientTape() as tape:
            loss = PixelwiseCrossEntropy(normalize=False)(self.labels, logits)
        shares = tf.nn.softmax(self.logits)
        truth = np.eye(3)[np.where(self.labels == 255, 0, self.labels)]
        expected = (shares - truth) * (self.labels != 255)[..., None]
        gradient = tape.gradient(loss, logits)
        np.testing.assert_allclose(gradient, expected, atol=1e-6)

    def test_large_and_infinite_logits_as_tensorflow_has_them(self):
        logits = np.float32([[[[900, -900, 3], [0, 2, -np.inf], [88, 90, 1]]]])
        labels = np.array([[[1, 0, 1]]])
        expected = tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels, logits
        )
        found = PixelwiseCrossEntropy(normalize=False)(labels, logits)
        assert float(found) == pytest.approx(float(tf.reduce_sum(expected)))

    def test_all_void_is_legal_and_weighs_nothing(self):
        logits = tf.Variable(self.logits)
        with tf.GradientTape() as tape:
            void = np.full_like(self.labels, 255)
            loss = PixelwiseCrossEntropy()(void, logits)
        assert float(loss) == 0
        assert not tape.gradient(loss, logits).numpy().any()

    def test_weights_of_images_and_pixels(self):
        labels = np.repeat(self.labels, 2, 0)
        logits = np.repeat(self.logits, 2, 0)
        loss = PixelwiseCrossEntropy()
        first = float(loss(labels, logits, np.array([1.0, 0.0])))
        assert first == pytest.approx(self.each().mean() / 2, rel=1e-5)
        pixels = np.zeros(labels.shape)
        pixels[1, 0, 1] = 3  # the second that is not void
        found = float(loss(labels, logits, pixels))
        assert found == pytest.approx(3 * self.each()[1] / 8, rel=1e-5)

    def test_keras_own_form_of_masks(self):
        loss = PixelwiseCrossEntropy()
        found = loss(self.labels[..., None], self.logits)
        assert float(found) == float(loss(self.labels, self.logits))

    def test_class_weights_of_other_classes(self):
        loss = PixelwiseCrossEntropy(class_weights=(1, 1))
        with pytest.raises(ValueError, match="3 numbers.*2"):
            loss(self.labels, self.logits)

    def test_replicas_learn_as_one_does(self, on_replicas):
        on_replicas(REPLICAS)

    def test_labels_beyond_the_classes(self):
        with pytest.raises(tf.errors.InvalidArgumentError, match="received"):
            PixelwiseCrossEntropy()(self.labels + 1, self.logits)

    def test_its_configuration(self):
        loss = PixelwiseCrossEntropy(False, (2, 1), void=7)
        again = PixelwiseCrossEntropy.from_config(loss.get_config())
        assert again.get_config() == loss.get_config()
