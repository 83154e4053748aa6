"""A warning for embeddings that have collapsed, or that learn nothing."""

import warnings

import keras


class CollapseWarning(keras.callbacks.Callback):
    """Warn if the embeddings of a triplet training collapse.

    Triplets of the hardest negatives can draw all images to one point. All
    distances are equal then, every triplet has the loss `margin`, and the loss
    stays at this value. The callback compares the mean squared distance of
    images of one person (`positive_distance`) with that of images of two
    people (`negative_distance`), which the model logs, and warns once if they
    differ by less than a share of the margin.

    It also warns at the end of an epoch in which no batch has two photos of a
    person, or none has photos of two people. One of both distances is 0 then,
    and the loss is 0 because there are no triplets.

    Args:
        margin: Margin alpha of the triplet loss. Positive float. Defaults to
            0.2.
        updates: Number of updates after which the distances are compared for
            the first time, and then at every multiple of it. Positive
            integer. Defaults to 300.
        share: Share of the margin below which the difference counts as a
            collapse. Positive float. Defaults to 0.02.

    Raises:
        ValueError: If an argument is not positive.

    Example:

    ```python
    model.fit(batches, epochs=10, callbacks=[CollapseWarning(margin=0.2)])
    ```
    """

    def __init__(
        self, margin: float = 0.2, updates: int = 300, share: float = 0.02
    ):
        super().__init__()
        given = {"margin": margin, "updates": updates, "share": share}
        for name, value in given.items():
            if not value > 0:
                raise ValueError(
                    f"`{name}` must be positive. Received: {name}={value!r}"
                )
        self.margin = margin
        self.updates = updates
        self.share = share
        self._count = 0
        self._has_warned = False

    def on_train_begin(self, logs=None):
        self._count, self._has_warned = 0, False

    def on_train_batch_end(self, batch, logs=None):
        self._count += 1
        if self._has_warned or self._count % self.updates:
            return
        near, far = _distances(logs)
        if near is None or far is None or self._lacks_pairs(near, far):
            return
        if far - near < self.share * self.margin:
            self._has_warned = True
            warnings.warn(
                f"The embeddings have collapsed after {self._count} updates: "
                f"the mean squared distance of images of one person, "
                f"{near:.4g}, is that of images of two people, {far:.4g}, and "
                f"the loss of a triplet is the margin, {self.margin:g}. Use "
                "semi-hard negatives, or a lower learning rate.",
                stacklevel=2,
            )

    def on_epoch_end(self, epoch, logs=None):
        near, far = _distances(logs)
        if near is None or far is None or not self._lacks_pairs(near, far):
            return
        missing = "two photos of a person" if far else "photos of two people"
        warnings.warn(
            f"No batch of epoch {epoch + 1} has {missing}, so that there are "
            "no triplets to learn from. Draw the batches with "
            "`kcv.data.people_batches`.",
            stacklevel=2,
        )

    def _lacks_pairs(self, near, far):
        # Distances of exactly 0 also occur after a collapse, beside tiny ones.
        apart = self.share * self.margin
        return (near == 0 and far > apart) or (far == 0 and near > apart)


def _distances(logs):
    logs = logs or {}
    return logs.get("positive_distance"), logs.get("negative_distance")
