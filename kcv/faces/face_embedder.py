"""The model of all face networks: images in, unit vectors out.

B faces of H x W pixels, C channels, D numbers of an embedding.
"""

from typing import Self

import keras

from kcv.faces.objectives import Objective
from kcv.faces.objectives.objective import shapes_of_levels
from kcv.layers import unit_vectors
from kcv.training.image_model import check_scale
from kcv.training.own_losses import build_optimizer
from kcv.training.own_losses import compile_as_saved
from kcv.training.own_losses import minimize
from kcv.training.own_losses import refuse_losses
from kcv.training.replicas import require_examples


@keras.saving.register_keras_serializable("kcv")
class EmbeddingHead(keras.layers.Layer):
    """Make the unit vector of a face, and keep what the network learns from.

    Call with the features of the levels of a network: one tensor (B, D), or a
    list of them, of which the last one makes the embedding. Returns unit
    vectors (B, D), float32.

    Args:
        objective: Objective of the training, of which the layer has its own
            copy with its own weights, or None. Defaults to None.
        **kwargs: Options of `keras.layers.Layer`.

    Raises:
        TypeError: If `objective` is not an objective.
        ValueError: If an input is not a feature (B, D).
    """

    def __init__(self, objective: Objective | None = None, **kwargs):
        super().__init__(autocast=False, **kwargs)
        if not (objective is None or isinstance(objective, Objective)):
            raise TypeError(
                "`objective` must be an objective of kcv.faces, such as "
                f"`Identification`, or None. Received: objective={objective!r}"
            )
        if objective is not None:
            # Two models may be given the same objective.
            objective = type(objective).from_config(objective.get_config())
        self.objective = objective

    def build(self, input_shape):
        shapes = shapes_of_levels(input_shape)
        if any(len(shape) != 2 for shape in shapes):
            raise ValueError(
                "The outputs of the network must be features (B, D). Received: "
                f"outputs of the shapes {shapes}"
            )
        if self.objective is not None:
            self.objective.build(shapes)

    def call(self, features):
        return unit_vectors(keras.tree.flatten(features)[-1])

    def compute_output_spec(self, features):
        last = keras.tree.flatten(features)[-1]
        return keras.KerasTensor(last.shape, "float32")

    def compute_output_shape(self, input_shape):
        return tuple(shapes_of_levels(input_shape)[-1])

    def get_config(self):
        objective = keras.saving.serialize_keras_object(self.objective)
        if self.objective is not None:
            # It is built with this layer, and not before.
            objective.pop("build_config", None)
        return {**super().get_config(), "objective": objective}

    @classmethod
    def from_config(cls, config):
        objective = keras.saving.deserialize_keras_object(config["objective"])
        return cls(**{**config, "objective": objective})


@keras.saving.register_keras_serializable("kcv")
class FaceEmbedder(keras.Model):
    """Describe faces by unit vectors that are close for the same person.

    The squared distance of two vectors is 2 - 2 * cosine. The vectors have
    length 1 in float32 under every dtype policy. `FaceEmbedder.from_network`
    makes the model of a network, and the builders of `kcv.faces` those of the
    papers.

    Train with `compile(optimizer)` and `fit` on batches of images and persons,
    `(images, labels)`, or on kcv's own, dicts with `images` and `labels`. The
    objective forms pairs or triplets inside a batch, so
    that most objectives need several photos of each person in it, see
    `kcv.data.people_batches`.

    Call with images (B, H, W, C), RGB in 0..255. Returns unit vectors (B, D),
    float32. `model.network(images)` returns the features before they are
    normalized, and `model.objective` has the weights of the softmax.

    Args:
        *args: Arguments of `keras.Model`: inputs, and outputs that come from an
            `EmbeddingHead`.
        **kwargs: Options of `keras.Model`.

    Raises:
        ValueError: If there are other layers than an input, a network and an
            `EmbeddingHead`.

    Example:

    >>> import numpy as np
    >>> from kcv.faces import Identification
    >>> images = keras.Input((8, 8, 3))
    >>> features = keras.layers.Dense(4)(keras.layers.Flatten()(images))
    >>> network = keras.Model(images, features)
    >>> model = FaceEmbedder.from_network(network, Identification(people=5))
    >>> vectors = model.predict(np.zeros((2, 8, 8, 3)), verbose=0)
    >>> np.linalg.norm(vectors, axis=1).round(5)
    array([1., 1.], dtype=float32)
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        kinds = (keras.layers.InputLayer, keras.Model, EmbeddingHead)
        if len(self.layers) != 3 or not all(
            map(isinstance, self.layers, kinds)
        ):
            raise ValueError(
                "The layers of a FaceEmbedder must be an input, a keras.Model "
                "and an EmbeddingHead, as `from_network` makes them. Received: "
                f"layers={self.layers}"
            )
        objective = self.objective
        figures = () if objective is None else objective.figures
        self.trackers = {
            figure: keras.metrics.Mean(name=figure)
            for figure in ("loss", *figures)
        }

    @classmethod
    def from_network(
        cls,
        network: keras.Model,
        objective: Objective | None = None,
        name: str = "face_embedder",
    ) -> Self:
        """Make the model of a network.

        Args:
            network: keras.Model from images to a feature (B, D), or to a list
                of features if several levels of the network learn. The last
                one makes the embedding.
            objective: Objective that the embedder learns from:
                `Identification`, `IdentificationVerification` or `Triplets`.
                The model has its own copy. If None, the model cannot be
                trained. Defaults to None.
            name: Name of the model. Defaults to "face_embedder".

        Returns:
            The model.

        Raises:
            TypeError: If `objective` is not an objective.
            ValueError: If an output of `network` is not a feature (B, D).
        """
        images = keras.Input(network.input_shape[1:], name="images")
        head = EmbeddingHead(objective, name="embedding")
        return cls(images, head(network(images)), name=name)

    @property
    def objective(self) -> Objective | None:
        """The objective of the training, or None."""
        return self.layers[-1].objective

    @property
    def network(self) -> keras.Model:
        """The network from images to the features of its levels."""
        return self.layers[-2]

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The trackers of the loss and of the figures of the objective."""
        own = [] if self.objective is None else self.objective.metrics
        return [*self.trackers.values(), *own]

    def compile(
        self,
        optimizer="rmsprop",
        loss=None,
        loss_weights=None,
        metrics=None,
        weighted_metrics=None,
        **kwargs,
    ):
        """Configure the model for training.

        Args:
            optimizer: Optimizer, as in `keras.Model.compile`. Defaults to
                "rmsprop".
            loss: Not supported, must be None: the objective has the loss.
            loss_weights: Not supported, must be None.
            metrics: Not supported, must be None: the objective has figures, and
                `kcv.metrics.FaceVerification` measures verification.
            weighted_metrics: Not supported, must be None.
            **kwargs: Other arguments of `keras.Model.compile`.

        Raises:
            ValueError: If an argument that is not supported is given.
        """
        refuse_losses(
            self,
            loss=loss,
            loss_weights=loss_weights,
            metrics=metrics,
            weighted_metrics=weighted_metrics,
        )
        super().compile(optimizer, **kwargs)

    def compile_from_config(self, config):
        compile_as_saved(self, config)

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        **kwargs,
    ):
        """Train the model, as `keras.Model.fit` does.

        The callbacks of the objective run with those that are given: `Triplets`
        warns if all embeddings become the same.

        Args:
            x: Images (B, H, W, C), or a dataset of `(images, labels)` or of
                dicts with `images` and `labels`.
            y: Persons (B,) int from 0, if `x` has the images alone.
            batch_size: Number of images of a batch, if `x` is an array.
                Defaults to None, which is 32.
            epochs: Number of the last epoch. Defaults to 1.
            verbose: Verbosity, as in `keras.Model.fit`. Defaults to "auto".
            callbacks: Callbacks, as in `keras.Model.fit`. Defaults to None.
            **kwargs: Other arguments of `keras.Model.fit`.

        Returns:
            The `keras.callbacks.History`.

        Raises:
            ValueError: If the model has no objective.
        """
        own = self._require_objective().make_callbacks()
        if isinstance(callbacks, keras.callbacks.CallbackList):
            for callback in own:
                callbacks.append(callback)
        else:
            callbacks = [*keras.tree.flatten(callbacks or []), *own]
        return super().fit(
            x, y, batch_size, epochs, verbose, callbacks, **kwargs
        )

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """Compute the loss of the objective and record its figures.

        Args:
            x: Images (B, H, W, C).
            y: Persons (B,) int from 0.
            y_pred: Ignored: the objective needs features of all levels, which
                are not an output of the model.
            sample_weight: Not supported, must be None.
            training: Whether dropout and batch normalization are in training
                mode. Defaults to True.

        Returns:
            The loss, () float32.

        Raises:
            ValueError: If there are no persons, or they are not one number for
                each image, if there are weights of samples, or if the model
                has no objective.
        """
        if sample_weight is not None:
            raise ValueError(
                "`sample_weight` must be None, since the objective weights "
                f"faces. Received: sample_weight={sample_weight!r}"
            )
        objective = self._require_objective()
        if y is None:
            raise ValueError(
                "`y` must be the persons (B,), or a batch a dict with `images` "
                "and `labels`. Received: y=None"
            )
        y = keras.ops.convert_to_tensor(y)
        if any(side not in (None, 1) for side in y.shape[1:]):
            raise ValueError(
                "`y` must be the persons (B,), one integer for each image. "
                f"Received: y of shape {tuple(y.shape)}"
            )
        features = keras.tree.flatten(self.network(x, training=training))
        labels = keras.ops.reshape(keras.ops.cast(y, "int32"), (-1,))
        loss, figures = objective.compute(features, labels, training)
        batch = keras.ops.shape(labels)[0]
        for figure, value in {**figures, "loss": loss}.items():
            self.trackers[figure].update_state(value, sample_weight=batch)
        return loss

    def predict(self, x, *args, **kwargs):
        return super().predict(check_scale(self, x), *args, **kwargs)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        build_optimizer(self)

    def train_step(self, data):
        x, y, weight = _unpack(data)
        minimize(self, lambda: self.compute_loss(x, y, sample_weight=weight))
        return self.get_metrics_result()

    def test_step(self, data):
        x, y, weight = _unpack(data)
        self.compute_loss(x, y, sample_weight=weight, training=False)
        return self.get_metrics_result()

    def _require_objective(self) -> Objective:
        if self.objective is None:
            raise ValueError(
                f"`objective` must be given when {self.name!r} is built, so "
                "that it can be trained or evaluated. Received: objective=None"
            )
        return self.objective


def _unpack(data):
    """Return images, persons and weights of a batch of Keras or of kcv."""
    x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
    if y is None and isinstance(x, dict) and {"images", "labels"} <= set(x):
        x, y = x["images"], x["labels"]
    return require_examples(x), y, weight
