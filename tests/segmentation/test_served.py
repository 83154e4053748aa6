"""Segmenters saved, exported, and run in C++ as they predict in Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kcv
from export import native
from kcv.segmentation import FCN
from kcv.segmentation import DeconvNet
from kcv.segmentation import SegNet
from kcv.segmentation import SegNetBasic
from kcv.segmentation import label_by_windows
from kcv.segmentation import resize_inputs
from recipes.common.trunks import small_strided

CLASSES = 4


def with_own_weights(model):
    """Scores that are zero say nothing of what came before them."""
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if layer.name.startswith("score_"):
            kernel, bias = layer.get_weights()
            layer.set_weights([rng.normal(size=kernel.shape), bias])
    return model


def fcn(stride, **options):
    return with_own_weights(
        FCN(
            CLASSES,
            small_strided(),
            stride,
            preprocessing=kcv.classification.Preprocessing.caffe(),
            **options,
        )
    )


BUILDERS = {
    "fcn32s": lambda: fcn(32),
    "fcn16s": lambda: fcn(16),
    "fcn8s": lambda: fcn(8, upsampling="learned"),
    "segnet": lambda: SegNet(CLASSES, blocks=((1, 6), (2, 8), (1, 12))),
    "segnet_basic": lambda: SegNetBasic(CLASSES, filters=6, depth=3),
    "resize_inputs": lambda: resize_inputs(fcn(8), 32, 64),
}


# What the others show, too.
SLOW = ("fcn32s", "fcn16s", "segnet_basic", "resize_inputs")


@pytest.fixture(
    params=[
        pytest.param(name, marks=pytest.mark.slow if name in SLOW else ())
        for name in BUILDERS
    ]
)
def model(request):
    keras.utils.set_random_seed(1)
    return BUILDERS[request.param]()


def picture(height, width, seed=0):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3))
    image = np.kron(coarse, np.ones((8, 8, 1), int))[:height, :width]
    return image.astype(np.uint8)


def test_saved_and_served_at_another_size(model, program, tmp_path):
    # Trained at one size ...
    model.compile("sgd", kcv.losses.PixelwiseCrossEntropy())
    x = np.stack([picture(48, 64, seed) for seed in range(2)])
    y = np.random.default_rng(0).integers(0, CLASSES, (2, 48, 64), np.uint8)
    model.fit(x.astype("float32"), y, verbose=0)

    # ... and asked at another, that is odd.
    image = picture(51, 39, seed=5)
    expected = model.predict(image[None].astype("float32"), verbose=0)
    assert expected.shape == (1, 51, 39, CLASSES)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    found = again.predict(image[None].astype("float32"), verbose=0)
    np.testing.assert_allclose(found, expected, atol=1e-5)

    names = ["background", "a", "b", "c"]
    version = kcv.serving.publish(
        model,
        tmp_path / "served",
        outputs=kcv.serving.label_maps,
        class_names=names,
    )
    for signature, inputs in (
        ("serving_bytes", {"image_bytes": [tf.io.encode_png(image).numpy()]}),
        ("serving_default", {"images": image[None].astype("float32")}),
    ):
        answer = native.run(program, version, signature, inputs)
        assert answer["labels"].dtype == np.uint8
        np.testing.assert_array_equal(answer["labels"], expected.argmax(-1))
        shares = tf.nn.softmax(expected).numpy()
        np.testing.assert_allclose(answer["scores"], shares.max(-1), atol=1e-5)
        np.testing.assert_allclose(
            answer["class_scores"], shares.max((1, 2)), atol=1e-5
        )
        assert answer["class_names"].astype(str).tolist() == [names]


def test_windows_are_served_with_their_proposals(program, tmp_path):
    keras.utils.set_random_seed(2)
    small = DeconvNet(CLASSES, (16, 16, 3), ((1, 6), (1, 8)), units=12)
    model = label_by_windows(small)
    image = picture(45, 61)
    proposals = np.float32([[[3, 4, 30, 40], [20, 10, 60, 44], [0, 0, 0, 0]]])
    expected = model.predict(
        {"images": image[None].astype("float32"), "proposals": proposals},
        verbose=0,
    )
    version = kcv.serving.publish(
        model, tmp_path, outputs=kcv.serving.label_maps
    )
    answer = native.run(
        program,
        version,
        "serving_bytes",
        {
            "image_bytes": [tf.io.encode_png(image).numpy()],
            "proposals": proposals,
        },
    )
    np.testing.assert_array_equal(answer["labels"], expected.argmax(-1))


def test_resized_sees_the_image_at_its_size():
    keras.utils.set_random_seed(3)
    inner = fcn(8)
    whole = resize_inputs(inner, 64, 128)
    image = picture(32, 48)[None].astype("float32")
    logits = inner.predict(
        np.round(tf.image.resize(image, (64, 96))), verbose=0
    )
    np.testing.assert_allclose(
        whole.predict(image, verbose=0),
        tf.image.resize(logits, (32, 48)),
        atol=1e-4,
    )
    with pytest.raises(ValueError, match="short_side=64, long_side=32"):
        resize_inputs(inner, 64, 32)
