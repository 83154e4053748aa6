"""The detector that the serving tests publish."""

import keras
import numpy as np

from kcv.classification import Preprocessing
from kcv.detection import CAFFE_MEAN
from kcv.detection import Anchors
from kcv.detection import FasterRCNN
from kcv.detection import custom_parts


def make_detector() -> FasterRCNN:
    """Build a Faster R-CNN of three classes and a few thousand weights."""
    keras.utils.set_random_seed(0)
    images = keras.Input((None, None, 3))
    x = images
    for filters in (8, 16, 16):  # stride 8
        x = keras.layers.Conv2D(filters, 3, 2, padding="same")(x)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.ReLU()(x)
    parts = custom_parts(
        keras.Model(images, x),
        Preprocessing(CAFFE_MEAN, 64.0),
        roi_size=3,
        units=(16,),
    )
    model = FasterRCNN(3, parts, anchors=Anchors(scales=(2, 4)), rpn_filters=16)
    # Decided, as after training: at random all regions score about alike, and
    # rounding alone would choose among them.
    random = np.random.default_rng(0)
    for layer in (model.head.cls_score, model.head.bbox_pred):
        layer.kernel.assign(random.normal(0, 0.5, layer.kernel.shape))
    return model
