"""The protocol of LFW as a callback of `fit`."""

from typing import Any

from kcv.metrics.callbacks import PeriodicEvaluation
from kcv.metrics.faces.distances import pair_distances
from kcv.metrics.faces.verification import lfw_accuracy
from kcv.metrics.faces.verification import validation_rate
from kcv.metrics.faces.verification import verification_roc


class FaceVerification(PeriodicEvaluation):
    """Measure embeddings by the protocol of LFW at the end of epochs.

    The figures `lfw_accuracy`, `lfw_standard_error`, `lfw_auc` and
    `lfw_validation_rate` join the logs of the epoch, each with the prefix. The
    first epoch of a `fit` and its last one are always measured, as are those
    whose number (from 1) is a multiple of `every`. The figures of other epochs
    are NaN. Callbacks that read them, such as `CSVLogger`, must stand behind
    this one.

    Args:
        images: Images of the held-out people, as `model.predict` takes them:
            an array (N, H, W, C), or a finite dataset of batches in a fixed
            order.
        pairs: Record with the fields `first` and `second`, the numbers of the
            images of each pair, `same` and `folds`, as `kcv.data.lfw_pairs`
            and `kcv.data.read_pairs` make it.
        far: False accept rate of the validation rate. Float in [0, 1].
            Defaults to 0.01.
        every: Number of epochs between measurements. Positive integer.
            Defaults to 1.
        prefix: Text in front of the names. Defaults to "val_".

    Raises:
        ValueError: If `every` is not positive, or, while it measures, if an
            embedding is not finite.

    Example:

    ```python
    model.fit(
        batches,
        epochs=10,
        callbacks=[
            FaceVerification(images, pairs),
            keras.callbacks.CSVLogger("history.csv"),
        ],
    )
    ```
    """

    def __init__(
        self,
        images: Any,
        pairs: Any,
        far: float = 0.01,
        every: int = 1,
        prefix: str = "val_",
    ):
        super().__init__(every, prefix)
        self.images = images
        self.pairs = pairs
        self.far = far

    def measure(self) -> dict[str, float]:
        """Compute the figures of the model as it is.

        Returns:
            Numbers by name, without the prefix.

        Raises:
            ValueError: If an embedding is not finite.
        """
        embeddings = self.model.predict(self.images, verbose=0)
        pairs = self.pairs
        distances = pair_distances(embeddings, pairs.first, pairs.second)
        accuracy = lfw_accuracy(distances, pairs.same, pairs.folds)
        rate = validation_rate(distances, pairs.same, pairs.folds, self.far)
        return {
            "lfw_accuracy": accuracy.mean,
            "lfw_standard_error": accuracy.standard_error,
            "lfw_auc": verification_roc(distances, pairs.same).auc,
            "lfw_validation_rate": rate.mean,
        }
