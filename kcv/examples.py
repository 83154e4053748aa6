"""The contract of an example, which every data set and every model keeps.

A data set of `kcv.data` gives single examples: dicts with

- `images`: (H, W, 3) uint8 RGB, 0 to 255; digits have one channel;
- `image_id`: () string, unique in its set;

for detection

- `bounding_boxes`: {`boxes`: (N, 4) float32, absolute xyxy in pixels, x2 and
  y2 being exclusive; `labels`: (N,) int32, counted from 0, without
  background}; N may be 0;
- `difficult`: (N,) bool, objects that do not count in evaluation;
- `is_crowd`: (N,) bool, regions with many objects of one class;
- `proposals`: (P, 4) float32 boxes, if `kcv.proposals.ProposalCache` added
  them;

for segmentation

- `segmentation_masks`: (H, W) uint8, the class of each pixel, where background
  is 0, or `VOID`;
- `instance_masks`: (N, H, W) uint8, 1 where a pixel belongs to the object;

for classification

- `labels`: () int32, counted from 0;

and for faces

- `labels`: () int32, the number of the person;
- `landmarks`: (5, 2) float32 xy in pixels: left eye, right eye, tip of the
  nose, left and right corner of the mouth, where left is the smaller x of an
  upright image. The center of the first pixel is (0, 0), as in files of
  landmarks, so (x, y) is the point (x + 0.5, y + 0.5) of box coordinates;
- `bounding_boxes`: one box with the label 0, if the set has boxes.

Scenes with several faces have `bounding_boxes` of N faces, with the label 0,
and `landmarks` (N, 5, 2).

`kcv.data.batch` stacks examples to batches, with float32 images. It pads images
with 0, boxes and proposals with 0, labels of boxes with `PADDING_LABEL`,
`segmentation_masks` with `VOID`, and everything else with 0 or False. It adds

- `image_sizes`: (B, 2) int32, height and width without padding;
- `scale`: (B,) float32, the size of the image over that of the original.
"""

import typing

if typing.TYPE_CHECKING:
    import tensorflow as tf

#: Label of pixels that belong to no class and count nowhere, as in PASCAL VOC.
VOID = 255

#: Label of rows that are not an object but fill up a batch.
PADDING_LABEL = -1


class DataSet(typing.NamedTuple):
    """A stream of examples, what its labels mean, and how long an epoch is.

    Attributes:
        dataset: Dataset of single examples.
        class_names: Names of the labels 0, 1, ...
        size: Number of examples in one epoch. None if it is not known or the
            dataset repeats forever.
    """

    dataset: "tf.data.Dataset"
    class_names: tuple[str, ...]
    size: int | None
