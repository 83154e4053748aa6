"""DeepMask: masks of objects, and scores of patches.

P. O. Pinheiro, R. Collobert and P. Dollar, "Learning to Segment Object
Candidates", NIPS 2015; and P. O. Pinheiro, T.-Y. Lin, R. Collobert and P.
Dollar, "Learning to Refine Object Segments", ECCV 2016, for the network of
2016.

    image -> scales -> trunk -> head -> scores of all patches
                                     -> best N -> masks -> pasted, thresholded

Shapes: B images of H x W pixels or B patches of P x P, N masks of an image, M
rows and columns of a mask.
"""

import os
from collections.abc import Callable
from typing import Any
from typing import Self

import keras
import tensorflow as tf

from kcv.layers import Interpolation2D
from kcv.masks.best_patches import BestPatches
from kcv.masks.parts import MaskParts
from kcv.masks.parts import resnet50_mask_parts
from kcv.masks.parts import small_mask_parts
from kcv.masks.parts import vgg11_mask_parts
from kcv.masks.pasting import PasteMasks
from kcv.masks.patch_training import PatchTraining
from kcv.masks.pyramid_level import PyramidLevel
from kcv.masks.settings import SceneSearch
from kcv.weights import load_trained
from kcv.weights import load_weights
from kcv.weights.trained import is_trained

# Layers that a classifier lacks, and those that only a classifier has.
_HEAD = ("reduce", "vector", "mask", "score")
_CLASSIFIER = ("res5", "bn5", "fc")
_BACKBONES: dict[str, Callable[[], MaskParts]] = {
    "resnet50": resnet50_mask_parts,
    "vgg11": vgg11_mask_parts,
    "small": small_mask_parts,
}
# Sizes of the masks that the networks learn from.
_TARGETS = {"resnet50": 112, "vgg11": 224, "small": 64}


@keras.saving.register_keras_serializable("kcv")
class DeepMask(PatchTraining):
    """Propose masks of objects of any class, with scores.

    Train with `compile(optimizer)` and `fit` on batches `(patches, {"masks",
    "labels"})` as `kcv.data.mask_patches` makes them. The loss is that of the
    paper, a sum over the patches of a batch. `predict` searches images of any
    size at several scales inside the graph. The defaults are the network of
    2016 and the numbers of the authors' code.

    Args:
        backbone: "resnet50" for the network of 2016 with 17,363,713
            parameters, "vgg11" for that of 2015 with 75,844,545, "small" for
            one that learns digit scenes in minutes, or `MaskParts`. Defaults
            to "resnet50".
        weights: Pretrained weights of the trunk: None for random ones, or the
            path of a file that `kcv.weights.load_weights` reads. Defaults to
            None.
        search: `SceneSearch`, which sets the scales of the search, the number
            of masks of an image and the threshold of their pixels. Defaults to
            `SceneSearch()`.
        score_weight: Factor lambda of the loss of a score. None divides the
            losses of the scores by their number, as the authors' code does,
            which is the same for batches of 32 scores. Defaults to 1/32.
        target_size: Rows and columns of the masks that the model learns from.
            Masks are enlarged to it bilinearly. Defaults to None, which is 112
            for "resnet50", 224 for "vgg11", 64 for "small", and for
            `MaskParts` the size of their masks.
        align_corners: Whether bilinear interpolation aligns the centers of the
            corner pixels, as in Torch, and not the corners of the images, as
            in TensorFlow. It holds for the enlarged masks of training, the
            scales of an image and the masks in it. Defaults to True.
        name: Name of the model. Defaults to "deepmask".

    Call with images (B, H, W, 3), RGB in 0..255. `predict` returns a dict by
    decreasing score: `masks` (B, N, H, W) uint8, or with `search.run_length`
    (B, N, R) int32, see `PasteMasks` and `kcv.masks.decode_runs`; `boxes` (B,
    N, 4) float32 xyxy of the masks, in pixels and half-open; `scores` (B, N)
    float32 in [0, 1]; and `num_detections` (B,) int32. A mask without a pixel
    above the threshold has the box (0, 0, 0, 0).

    Raises:
        ValueError: If an argument is out of its range, or weights do not fit.

    Example:

    >>> import numpy as np
    >>> model = DeepMask("small", search=SceneSearch((0.5, 1), 10))
    >>> found = model.predict(np.zeros((1, 48, 80, 3), "float32"), verbose=0)
    >>> found["masks"].shape, found["boxes"].shape
    ((1, 10, 48, 80), (1, 10, 4))
    """

    def __init__(
        self,
        backbone: str | MaskParts = "resnet50",
        weights: str | os.PathLike | None = None,
        *,
        search: SceneSearch = SceneSearch(),
        score_weight: float | None = 1 / 32,
        target_size: int | None = None,
        align_corners: bool = True,
        name: str = "deepmask",
    ):
        parts = _parts(backbone)
        if target_size is None:
            target_size = parts.mask_size
            if isinstance(backbone, str):
                target_size = _TARGETS[backbone]
        if target_size % parts.mask_size:
            raise ValueError(
                "`target_size` must be a multiple of the size of the masks, "
                f"{parts.mask_size}. Received: target_size={target_size}"
            )
        if score_weight is not None and not score_weight >= 0:
            raise ValueError(
                "`score_weight` must be None or at least 0. Received: "
                f"score_weight={score_weight}"
            )
        images, best, _ = search_scales(parts, search, align_corners)
        vectors, scores, places, count = best
        mask: Any = parts.mask  # A DeepMask has one.
        logits = square(mask(vectors))
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
            target_size,
            ("mask_loss", "score_loss"),
            name,
            search=search,
            score_weight=score_weight,
            align_corners=align_corners,
        )
        cells = parts.geometry.context // parts.geometry.stride
        self.crop = keras.layers.Cropping2D(cells, name="crop")
        self.enlarge = Interpolation2D(
            target_size // parts.mask_size,
            align_corners=align_corners,
            dtype="float32",
            name="enlarge",
        )
        if weights is not None:
            _load_trunk(self, weights)

    def patch_logits(
        self, images: tf.Tensor, training: bool | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Compute the mask and the score of each patch.

        Args:
            images: Patches with their context, (B, P, P, 3), RGB in 0..255.
            training: Whether dropout and batch normalization are in training
                mode. Defaults to None, which means no.

        Returns:
            Logits of masks (B, M, M) with M = `target_size`, and of scores
            (B,), both float32.
        """
        parts = self.parts
        levels = parts.trunk(parts.preprocessing(images), training=training)
        vectors, scores = parts.head(self.crop(levels[-1]), training=training)
        mask: Any = parts.mask  # A DeepMask has one.
        logits = square(mask(vectors[:, 0, 0]))
        logits = self.enlarge(tf.cast(logits, tf.float32)[..., None])[..., 0]
        return logits, tf.cast(scores[:, 0, 0, 0], tf.float32)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor, serialized."""
        return {
            **super().get_config(),
            "target_size": self.target_size,
            "backbone": [
                keras.saving.serialize_keras_object(part) for part in self.parts
            ],
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict | None = None
    ) -> Self:
        """Create a model from the result of `get_config`."""
        config = keras.saving.deserialize_keras_object(config, custom_objects)
        return cls(**{**config, "backbone": MaskParts(*config["backbone"])})


def search_scales(
    parts: MaskParts, search: SceneSearch, align_corners: bool
) -> tuple[keras.KerasTensor, tuple, list]:
    """Score all patches of an image, and keep the best.

    Args:
        parts: `MaskParts` that look at the patches.
        search: `SceneSearch`.
        align_corners: Whether corners are aligned when maps are resized, as in
            the authors' code. See `DeepMask`.

    Returns:
        Symbolic images, the outputs of `BestPatches`, and for each scale the
        levels of the trunk.
    """
    images = keras.Input((None, None, 3), name="images")
    outputs, levels = [], []
    for number, scale in enumerate(search.scales):
        scaled = PyramidLevel(
            scale,
            parts.geometry.size // 2,
            align_corners,
            name=f"scale_{number}",
        )(images)
        levels.append(parts.trunk(parts.preprocessing(scaled)))
        outputs += parts.head(levels[-1][-1])
    best = BestPatches(
        search.max_proposals, dtype=parts.dtype_policy, name="best_patches"
    )
    return images, best(outputs), levels


def paste_layer(
    parts: MaskParts, search: SceneSearch, align_corners: bool
) -> PasteMasks:
    """Make the layer that puts masks into their image.

    Args:
        parts: `MaskParts`, of which the geometry matters.
        search: `SceneSearch`.
        align_corners: Whether corners are aligned when maps are resized, as in
            the authors' code. See `DeepMask`.

    Returns:
        The layer.
    """
    return PasteMasks(
        search.scales,
        parts.geometry.size,
        parts.geometry.stride,
        search.mask_threshold,
        search.run_length,
        align_corners,
        name="paste_masks",
    )


def square(logits: tf.Tensor) -> tf.Tensor:
    """Arrange flat masks in rows and columns.

    Args:
        logits: Flat square masks (..., M * M).

    Returns:
        Masks (..., M, M).
    """
    side = round(logits.shape[-1] ** 0.5)
    before = [-1 if n is None else n for n in logits.shape[:-1]]
    return keras.ops.reshape(logits, (*before, side, side))


def _load_trunk(model: DeepMask, weights: str | os.PathLike) -> None:
    """Load a classifier's weights, or those of a whole mask model."""
    if is_trained(weights):
        load_trained(model, weights, "|".join(_HEAD))
        return
    report = load_weights(model, weights, strict=False, skip=_CLASSIFIER)
    missing = [x for x in report.missing if not x.startswith(_HEAD)]
    if missing or report.left_over:
        raise ValueError(
            "`weights` must be of the same network as `backbone`. Received: "
            f"weights={str(weights)!r}\n{report}"
        )


def _parts(backbone: str | MaskParts) -> MaskParts:
    if isinstance(backbone, MaskParts):
        return backbone
    if backbone not in _BACKBONES:
        raise ValueError(
            f"`backbone` must be one of {[*_BACKBONES]} or `MaskParts`. "
            f"Received: backbone={backbone!r}"
        )
    return _BACKBONES[backbone]()
