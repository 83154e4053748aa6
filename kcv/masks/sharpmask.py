"""SharpMask: masks that are refined by the levels of the trunk.

P. O. Pinheiro, T.-Y. Lin, R. Collobert and P. Dollar, "Learning to Refine
Object Segments", ECCV 2016.

Shapes: B images of H x W pixels or B patches of P x P, N masks of an image, M
rows and columns of a mask.
"""

import os
from typing import Any
from typing import Self

import keras
import tensorflow as tf

from kcv.masks.deepmask import DeepMask
from kcv.masks.deepmask import paste_layer
from kcv.masks.deepmask import search_scales
from kcv.masks.parts import MaskParts
from kcv.masks.patch_training import PatchTraining
from kcv.masks.refine_patches import RefinePatches
from kcv.masks.refinement import horizontal_model
from kcv.masks.refinement import vertical_model
from kcv.masks.settings import SceneSearch
from kcv.weights import load_trained
from kcv.weights import load_weights
from kcv.weights.trained import is_trained


@keras.saving.register_keras_serializable("kcv")
class SharpMask(PatchTraining):
    """Refine the masks of a trained DeepMask.

    Trunk and head of the DeepMask stay, its mask is replaced by a coarse
    encoding and refinement modules, 2,750,535 new parameters on ResNet-50.
    Only these are trained, by `compile(optimizer)` and `fit` on the same
    batches as DeepMask. Patches without a mask are not learned from. `predict`
    scores all patches, and refines the best N of them.

    Args:
        deepmask: Trained `DeepMask`, or the `MaskParts` of one. Its networks
            are shared, and they are frozen: they do not train afterward.
        channels: Channels of the coarsest mask encoding, which every module
            halves. A multiple of 2 for every level of the trunk. Defaults to
            32.
        upsampling: "nearest", as in the authors' code, or "bilinear", as in
            the paper. Defaults to "nearest".
        search: `SceneSearch`. Defaults to None, which is that of the DeepMask.
        align_corners: Whether bilinear interpolation of images and masks aligns
            the centers of the corner pixels, see `DeepMask`. Defaults to None,
            which is as in the DeepMask.
        weights: File of a whole SharpMask that `kcv.weights.load_weights`
            takes, kcv's own or the authors' model.t7. It replaces the weights
            of the DeepMask, too. Defaults to None, which keeps them.
        name: Name of the model. Defaults to "sharpmask".

    Call with images (B, H, W, 3), RGB in 0..255. `predict` returns what that
    of `DeepMask` returns: `masks`, `boxes`, `scores` and `num_detections`.

    Raises:
        FileNotFoundError: If `weights` is not a file.
        ValueError: If an argument is out of its range, or weights do not fit.

    Example:

    >>> import numpy as np
    >>> search = SceneSearch((0.5, 1), 10, mask_threshold=0.5)
    >>> model = SharpMask(DeepMask("small"), search=search)
    >>> found = model.predict(np.zeros((1, 48, 80, 3), "float32"), verbose=0)
    >>> found["masks"].shape
    (1, 10, 48, 80)
    """

    # Masks alone are learned.
    score_weight = 0.0

    def __init__(
        self,
        deepmask: DeepMask | MaskParts,
        *,
        channels: int = 32,
        upsampling: str = "nearest",
        search: SceneSearch | None = None,
        align_corners: bool | None = None,
        weights: str | os.PathLike | None = None,
        name: str = "sharpmask",
    ):
        parts = deepmask
        if isinstance(deepmask, DeepMask):
            parts = deepmask.parts
            search = search or deepmask.search
            if align_corners is None:
                align_corners = deepmask.align_corners
        search = search or SceneSearch()
        align_corners = True if align_corners is None else align_corners
        parts = parts._replace(mask=None)
        modules = len(parts.trunk.outputs)
        if channels < 1 or channels % 2**modules:
            raise ValueError(
                f"`channels` must be a multiple of {2**modules}, since every "
                f"module halves them. Received: channels={channels}"
            )
        geometry = parts.geometry
        if geometry.stride != 2**modules:
            raise ValueError(
                "`deepmask` must have a trunk whose levels have the strides 2, "
                f"4, ..., {geometry.stride}. Received: a trunk of {modules} "
                "levels"
            )
        for part in (parts.trunk, parts.head):
            part.trainable = False
        filters = [level.shape[-1] for level in parts.trunk.outputs]
        policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy(parts.dtype_policy)
        try:
            horizontal = horizontal_model(filters[::-1], channels)
            vertical = vertical_model(
                parts.head.outputs[0].shape[-1],
                geometry.cells,
                modules,
                channels,
                upsampling,
            )
        finally:
            keras.config.set_dtype_policy(policy)

        images, best, levels = search_scales(parts, search, align_corners)
        vectors, scores, places, count = best
        maps = [x for level in levels for x in horizontal(level[::-1])]
        logits = RefinePatches(vertical, name="refine_patches")(
            [vectors, places, *maps]
        )
        masks, boxes = paste_layer(parts, search, align_corners)(
            [logits, places, images]
        )
        super().__init__(
            images,
            {
                "masks": masks,
                "boxes": boxes,
                "scores": scores,
                "num_detections": count,
            },
            parts,
            vertical.output_shape[1],
            ("mask_loss",),
            name,
            channels=channels,
            upsampling=upsampling,
            search=search,
            align_corners=align_corners,
        )
        self.horizontal = horizontal
        self.vertical = vertical
        # The levels, the coarsest first, and the cells of context of each.
        cells = geometry.context // geometry.stride
        self.crops = [
            keras.layers.Cropping2D(cells * 2**level, name=f"crop{level + 1}")
            for level in range(modules)
        ]
        if weights is None:
            return
        if is_trained(weights):
            load_trained(self, weights)
        else:
            load_weights(self, weights)

    def patch_logits(
        self, images: tf.Tensor, training: bool | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Compute the mask and the score of each patch.

        Args:
            images: Patches with their context, (B, P, P, 3), RGB in 0..255.
            training: Has no effect, because the networks that behave
                differently in training are frozen. Defaults to None.

        Returns:
            Logits of masks (B, M, M) with M = `target_size`, and of scores
            (B,), both float32.
        """
        parts = self.parts
        levels = parts.trunk(parts.preprocessing(images), training=False)
        cropped = [
            crop(level)
            for crop, level in zip(self.crops, levels[::-1], strict=True)
        ]
        vectors, scores = parts.head(cropped[0], training=False)
        vectors = vectors[:, 0, 0]
        logits = self.vertical([vectors, *self.horizontal(cropped)])
        return (
            tf.cast(logits[..., 0], tf.float32),
            tf.cast(scores[:, 0, 0, 0], tf.float32),
        )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor, serialized."""
        parts = [
            keras.saving.serialize_keras_object(part) for part in self.parts
        ]
        return {**super().get_config(), "deepmask": parts}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict | None = None
    ) -> Self:
        """Create a model from the result of `get_config`."""
        config = keras.saving.deserialize_keras_object(config, custom_objects)
        return cls(**{**config, "deepmask": MaskParts(*config["deepmask"])})
