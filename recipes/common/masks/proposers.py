"""What the recipes of mask proposals share: options, patches and evaluation."""

import dataclasses
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any
from typing import Literal

import keras
import numpy as np
import tensorflow as tf

import kcv
from kcv.data import PatchSampling
from kcv.masks import PatchGeometry
from kcv.masks import SceneSearch
from kcv.masks import octaves
from kcv.serving import ServingConfig
from kcv.visualize import segmentation_gallery
from kcv.visualize.report import Published
from recipes.common.evaluate_and_report import Evaluation
from recipes.common.masks.comparing import cover_objects
from recipes.common.plan import Plan
from recipes.common.starting import StartOptions
from recipes.common.training_images import TrainingImages
from recipes.common.training_images import open_training_images

# Patches of an image that are cut out at once.
PATCHES = 8
# Scales of digit scenes, whose objects have 24 to 96 pixels.
SCENE_SCALES = octaves(-1.5, 1)
# Images of the report.
_SHOWN = 6


@dataclasses.dataclass(frozen=True, kw_only=True)
class MaskOptions(StartOptions):
    """Options that the recipes of mask proposals have.

    Attributes:
        data: digit_scenes, voc:FOLDER, coco:ANNOTATIONS.json:IMAGES or
            coco:TRAIN.json:IMAGES:HELD_OUT.json. VOC's folder has
            SegmentationObject, COCO's annotations have masks.
        preset: Small is a network that learns from random weights in minutes.
            paper has the network of 2016, the solver and the schedule of the
            authors' code.
        scenes: Number of digit scenes to train on.
        test_images: Number of held-out images that the model is measured on.
            Defaults to all of them.
        max_proposals: Number of proposals of an image when the model is
            measured. Defaults to 100 for preset small, 1000 for preset paper.
    """

    data: str = "digit_scenes"
    preset: Literal["small", "paper"] = "small"
    scenes: int = 2048
    test_images: int | None = None
    max_proposals: int | None = None

    def search(self, mask_threshold: float) -> SceneSearch:
        """Return how images are searched.

        Args:
            mask_threshold: Probability above which a pixel belongs to a mask.
        """
        scales, count = SceneSearch().scales, 1000
        if self.preset == "small":
            scales, count = SCENE_SCALES, 100
        if self.max_proposals is not None:
            count = self.max_proposals
        return SceneSearch(scales, count, mask_threshold)


def published_recall(
    segm: tuple[float, ...],
    boxes: tuple[float, ...],
    network: str,
    box_network: str | None = None,
) -> list[Published]:
    """List published recalls on COCO.

    Args:
        segm: Average recall of masks with 10, 100 and 1000 proposals, and the
            area under it.
        boxes: Average recall of boxes and the area under it.
        network: Name of the network.
        box_network: Name of the network that the recall of boxes is of.
            Defaults to None, which is the same.
    """
    data = "COCO 2014, the first 5,000 images of val"
    source = "Pinheiro et al. 2016, table 2"
    return [
        Published(f"{kind}_{name}", value, f"{data}; {of}", source)
        for kind, values, of in (
            ("segm", segm, network),
            ("bbox", boxes, box_network or network),
        )
        for name, value in zip(
            ("ar10", "ar100", "ar1000", "auc"), values, strict=True
        )
    ]


def open_images(run: MaskOptions) -> tuple[TrainingImages, tf.data.Dataset]:
    """Open the training images, and the held-out single examples."""
    images = open_training_images(
        run.data,
        run.scenes,
        run.seed,
        run.on_error,
        kcv.data.load_instances,
        run.validation_part,
        run.augment,
        boxes=run.boxes,
    )
    test = kcv.data.load_instances(
        run.data, "test", on_error=run.on_error, boxes=run.boxes
    )
    return images, test.dataset.take(run.test_images or -1)


def stream_patches(
    run: MaskOptions,
    images: TrainingImages,
    geometry: PatchGeometry,
    mask_size: int,
    batch_size: int,
    remainder: bool = False,
) -> Callable[[int], tf.data.Dataset]:
    """Make the stream of batches that a mask model is trained on.

    Args:
        run: Options of the recipe.
        images: Training images.
        geometry: Patch of the model.
        mask_size: Rows and columns of the masks that the model learns from.
        batch_size: Patches per batch, a multiple of 8.
        remainder: Whether the last batch of a stream that ends may have fewer
            patches. Defaults to False.

    Returns:
        Function from the position of the first patch to the stream of batches
        (x, y) that begins there, as long as that of the images.

    Raises:
        ValueError: If the batch size is not a multiple of 8.
    """
    if batch_size % PATCHES:
        raise ValueError(
            f"`batch_size` must be a multiple of {PATCHES}, the number of "
            f"patches of an image. Received: batch_size={batch_size}"
        )
    # The published numbers are those of a patch of 160 pixels.
    part = geometry.size / 160
    sampling = PatchSampling(shift=16 * part, flip=images.mirror)
    small = run.preset == "small"
    if small:
        search = np.log2(SCENE_SCALES)
        sampling = dataclasses.replace(
            sampling,
            negative_shift=32 * geometry.size / 224,
            scales=(search[0], search[-1]),
        )

    def batches(start):
        patches = kcv.data.mask_patches(
            images.stream(start // PATCHES),
            run.seed,
            start // PATCHES,
            size=geometry.size,
            context=geometry.context,
            mask_size=mask_size,
            count=PATCHES,
            sampling=sampling,
        )
        if small and run.augment:
            patches = kcv.data.photometric(
                patches, run.seed, start, saturation=0.0, hue=0.0
            )
        batched = patches.batch(batch_size, drop_remainder=not remainder)
        return batched.map(kcv.data.mask_inputs).prefetch(4)

    return batches


def choose_plan(run: MaskOptions, plan: Plan, images: TrainingImages) -> Plan:
    """Change the plan of a preset as the options of a run ask for.

    Args:
        run: Options of the recipe.
        plan: Plan of the preset.
        images: Training images, by whose number preset small is shortened.

    Returns:
        The plan.
    """
    count = None
    if run.preset == "small" and images.size is not None:
        count = images.size * PATCHES
    return plan.with_options(run, images=count)


def watch_loss(
    run: MaskOptions,
    images: TrainingImages,
    geometry: PatchGeometry,
    mask_size: int,
    batch_size: int,
) -> dict[str, Any]:
    """Choose that the loss of epochs is measured, if there is data for it.

    Args:
        run: Options of the recipe.
        images: Training images, perhaps with a validation part. Its images are
            read again in every epoch, and their patches are the same.
        geometry: Patch of the model.
        mask_size: Rows and columns of the masks that the model learns from.
        batch_size: Patches per batch, a multiple of 8.

    Returns:
        Arguments for `train`.
    """
    if images.validation is None:
        return {}
    batches = stream_patches(
        dataclasses.replace(run, augment=False),
        images._replace(stream=lambda _: images.validation, mirror=False),
        geometry,
        mask_size,
        batch_size,
        remainder=True,
    )
    return {"validation_data": batches(0)}


def evaluate_proposer(
    model: keras.Model, test: tf.data.Dataset, source: str
) -> Evaluation:
    """Measure a mask model on held-out images.

    Args:
        model: Trained mask model.
        test: Held-out single examples, one pass.
        source: Name of the data.

    Returns:
        Average recall of masks and boxes, and a gallery of the best masks.
    """
    truth, found = kcv.metrics.collect_masks(model, test)
    largest = model.search.max_proposals
    counts = [count for count in (1, 10, 100, 1000) if count <= largest]
    measures = kcv.metrics.mask_average_recall(truth, found, counts)
    headline = ", ".join(
        f"{kind}_ar{count} {measures[f'{kind}_ar{count}']:.3f}"
        for kind in ("segm", "bbox")
        for count in counts[1:]
    )
    metrics: dict[str, Any] = {
        **measures,
        "split": f"{source}, {len(truth)} held-out images",
    }
    caption = (
        "Objects, and for each the proposal that covers it best, on held-out "
        "images"
    )
    gallery = segmentation_gallery(_examples(test, found))
    return Evaluation(metrics, {caption: gallery}, headline)


def serve_proposer() -> ServingConfig:
    """Return how a mask model is served: images in their own size."""
    return ServingConfig("masks")


def _examples(
    test: tf.data.Dataset, found: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, np.ndarray]]:
    """Lay the objects of some images, and what covers them, into maps."""
    examples = []
    for example in test.filter(_has_objects).take(_SHOWN):
        truth = example["instance_masks"].numpy()
        masks = found[example["image_id"].numpy().decode()]["masks"]
        examples.append(
            {
                "image": example["images"].numpy(),
                "objects": cover_objects(truth, truth),
                "proposals": cover_objects(
                    truth, kcv.metrics.decode_masks(masks)
                ),
            }
        )
    return examples


def _has_objects(example):
    return tf.shape(example["instance_masks"])[0] > 0
