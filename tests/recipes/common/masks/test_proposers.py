"""Validation patches are the same in every epoch, and are not kept."""

import numpy as np
import tensorflow as tf

import kcv
from kcv.masks import PatchGeometry
from recipes.common.masks.proposers import MaskOptions
from recipes.common.masks.proposers import watch_loss
from recipes.common.training_images import TrainingImages


def test_validation_images_are_read_again_in_every_epoch(tmp_path):
    read = []

    def note(image_id):
        read.append(image_id)
        return image_id

    def noted(example):
        name = tf.numpy_function(note, [example["image_id"]], tf.string)
        name.set_shape(())
        return {**example, "image_id": name}

    scenes = kcv.data.digit_scenes("test", size=3, masks="instance").cache()
    images = TrainingImages(
        scenes, lambda _: scenes.repeat(), (), True, 3, scenes.map(noted)
    )
    run = MaskOptions(out=tmp_path)
    watched = watch_loss(run, images, PatchGeometry(32, 0), 32, 16)
    assert not read
    batches = watched["validation_data"]
    first, second = (
        [(x.numpy(), y["masks"].numpy()) for x, y in batches] for _ in range(2)
    )
    # Three scenes with eight patches each, twice.
    assert [len(x) for x, _ in first] == [16, 8]
    assert len(read) == 6
    for one, other in zip(first, second, strict=True):
        for values, others in zip(one, other, strict=True):
            np.testing.assert_array_equal(values, others)
    assert watch_loss(run, images._replace(validation=None), None, 0, 0) == {}
