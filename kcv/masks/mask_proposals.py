"""A trained mask model as a method of `kcv.proposals`."""

import numpy as np
import tensorflow as tf

from kcv.masks.deepmask import DeepMask
from kcv.masks.pasting import run_lengths
from kcv.masks.run_length import RunLengthMasks
from kcv.masks.sharpmask import SharpMask
from kcv.proposals.record import Proposals


class MaskProposals:
    """Propose regions of one image, as the methods of `kcv.proposals` do.

    Args:
        model: Trained `DeepMask` or `SharpMask`. The number of proposals is
            that of its `search`.

    Call with an image (H, W, 3) uint8 RGB. Returns `kcv.proposals.Proposals`
    with boxes, scores and masks, best first. Masks without a pixel are left
    out. It may be called from several threads.

    Raises:
        ValueError: If the model is not a mask model.

    Example:

    >>> from kcv.masks import DeepMask, SceneSearch
    >>> from kcv.proposals import propose
    >>> model = DeepMask("small", search=SceneSearch((0.5, 1), 20))
    >>> image = np.zeros((48, 64, 3), np.uint8)
    >>> found = propose(image, MaskProposals(model), return_proposals=True)
    >>> found.masks.shape
    (48, 64)
    """

    def __init__(self, model: DeepMask | SharpMask):
        if not isinstance(model, DeepMask | SharpMask):
            raise ValueError(
                "`model` must be a DeepMask or a SharpMask. Received: "
                f"model={model!r}"
            )
        self.model = model
        # One trace for images of all sizes.
        self._propose = tf.function(
            self._find,
            input_signature=[tf.TensorSpec((None, None, 3), tf.uint8)],
        )

    def __call__(self, image: np.ndarray) -> Proposals:
        boxes, scores, runs = (x.numpy() for x in self._propose(image))
        found = (boxes[:, 2:] > boxes[:, :2]).all(1)
        return Proposals(
            boxes[found],
            scores[found],
            RunLengthMasks(runs[found], image.shape[:2]),
        )

    def _find(self, image):
        found = self.model(tf.cast(image, tf.float32)[None], training=False)
        count = found["num_detections"][0]
        masks = found["masks"][0, :count]
        if not self.model.search.run_length:
            masks = run_lengths(masks > 0).to_tensor()
        return found["boxes"][0, :count], found["scores"][0, :count], masks
