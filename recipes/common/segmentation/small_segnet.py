"""The small SegNet, whose encoder begins by classifying windows."""

from recipes.common.plan import Plan
from recipes.common.segmentation.windows import Windows

# Convolutions and filters of its blocks.
BLOCKS = ((1, 32), (1, 64), (2, 96), (3, 128))
# Name of the layer that the last pooling of the encoder pools.
LAST_OF_ENCODER = f"conv{len(BLOCKS)}_{BLOCKS[-1][0]}_relu"
# What the encoder classifies, and for how long.
WINDOWS = Windows(side=48, cut=54, count=2)
CLASSES = Plan(batch_size=64, steps=384, epochs=2, learning_rate=4e-3)
