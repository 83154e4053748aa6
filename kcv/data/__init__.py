"""Data sets and pipelines, as `tf.data.Dataset`s."""

from kcv.data.digit_scenes import digit_scenes
from kcv.data.scenes.material import DIGIT_CLASSES

__all__ = [
    "DIGIT_CLASSES",
    "digit_scenes",
]
