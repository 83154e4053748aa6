"""A trained region proposal network as a method of `kcv.proposals`."""

import numpy as np
import tensorflow as tf

from kcv.data.transforms.resizing import resize_example
from kcv.detection.region_proposals import RegionProposals


class ImageProposals:
    """Propose regions of one image, as the methods of `kcv.proposals` do.

    Args:
        model: A trained `RegionProposals`.
        short_side: Length to which the short side of the image is scaled, in
            pixels. Defaults to 600.
        long_side: Largest long side of the scaled image, in pixels. Defaults
            to 1000.

    Call with an image (H, W, 3) uint8 RGB. Returns boxes (n, 4) float32 xyxy
    in pixels of that image, best first. It may be called from several threads.

    Example:

    ```python
    method = kcv.detection.ImageProposals(model, 600, 1000)
    cache = kcv.proposals.ProposalCache("runs/voc/rpn", method)
    cache.compute(train)
    ```
    """

    def __init__(
        self,
        model: RegionProposals,
        short_side: int = 600,
        long_side: int = 1000,
    ):
        self.model = model
        self.short_side = short_side
        self.long_side = long_side
        # One trace for images of all sizes.
        self._propose = tf.function(
            self._scale_and_propose,
            input_signature=[tf.TensorSpec((None, None, 3), tf.uint8)],
        )

    def __call__(self, image: np.ndarray) -> np.ndarray:
        boxes = self._propose(image).numpy()
        return boxes[(boxes[:, 2:] > boxes[:, :2]).all(axis=1)]

    def _scale_and_propose(self, image):
        scaled = resize_example(
            {"images": image}, self.short_side, self.long_side
        )["images"]
        found = self.model(tf.cast(scaled, "float32")[None], training=False)
        sides = [tf.shape(x)[1::-1] for x in (image, scaled)]
        ratio = tf.cast(sides[0], "float32") / tf.cast(sides[1], "float32")
        return found["proposals"][0] * tf.tile(ratio, [2])
