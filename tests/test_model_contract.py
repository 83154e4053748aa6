"""One contract for every model: what docs/design.md promises of all of them.

`MODELS` lists every public model of every chapter at a tiny size. Each is built
once under float32 and once under mixed precision, and taken through all of the
contract.
"""

import gc
import inspect
import json
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
import pytest

import kcv
from kcv import classification
from kcv import detection
from kcv import faces
from kcv import masks
from kcv import segmentation
from kcv import style
from kcv.classification import Preprocessing
from kcv.classification import resnet_stages
from kcv.classification import vgg
from kcv.faces import cascade
from kcv.faces import facenet
from kcv.faces.verification import SiameseHead

CHAPTERS = (
    cascade,
    classification,
    detection,
    faces,
    masks,
    segmentation,
    style,
)
RNG = np.random.default_rng(0)


def images(height, width=None, channels=3):
    """Two images, RGB in 0..255."""
    shape = (2, height, width or height, channels)
    return RNG.uniform(0, 255, shape).astype("float32")


def detector_inputs(proposals=False):
    """Two images of different sizes, and regions of them if wanted."""
    x = {
        "images": images(64, 96),
        "image_sizes": np.array([[64, 96], [48, 80]], "int32"),
    }
    x["images"][1, 48:] = x["images"][1, :, 80:] = 0
    if proposals:
        corners = RNG.uniform(0, 30, (2, 12, 2))
        sides = RNG.uniform(12, 18, (2, 12, 2))
        regions = np.concatenate([corners, corners + sides], -1)
        x["proposals"] = regions.astype("float32")
    return x


class Case(NamedTuple):
    """A public model.

    Attributes:
        name: Name of its builder or class in the chapter.
        build: Function that builds it.
        inputs: Batch of two.
        own_losses: Whether it has losses of its own.
    """

    name: str
    build: Callable[[], keras.Model]
    inputs: np.ndarray | dict
    own_losses: bool = False


# === Small parts of models ===


def small_trunk(strides=(2, 2, 2, 2, 2)):
    """Convolutions conv1, conv2, ... and poolings of 2x2, pool1, ..."""
    x = pixels = keras.Input((None, None, 3))
    for number, stride in enumerate(strides, start=1):
        x = keras.layers.Conv2D(
            6, 3, padding="same", activation="relu", name=f"conv{number}"
        )(x)
        x = keras.layers.MaxPooling2D(
            stride, padding="same", name=f"pool{number}"
        )(x)
    return keras.Model(pixels, x, name="small")


def fcn(build):
    model = build(
        3, small_trunk(), preprocessing=Preprocessing(128.0, name="scale")
    )
    for layer in model.layers:
        if layer.name.startswith("score_"):  # all zero at first
            layer.kernel.assign(RNG.normal(size=layer.kernel.shape))
    return model


def detector_parts():
    return detection.custom_parts(
        small_trunk((2, 2, 2)),
        Preprocessing(128.0, 64.0, name="scale"),
        roi_size=3,
        units=(16, 12),
    )


PROPOSALS = {
    "anchors": detection.Anchors(scales=(2, 4)),
    "rpn_filters": 8,
    "seed": 0,
}
FEW = detection.ProposalSelection(100, 10, min_side=4)


def faster_rcnn():
    return detection.FasterRCNN(
        2, detector_parts(), test_proposals=FEW, **PROPOSALS
    )


def fast_rcnn():
    return detection.FastRCNN(2, detector_parts(), seed=0)


def region_proposals():
    return detection.RegionProposals(
        detector_parts(), proposals=FEW, **PROPOSALS
    )


def rcnn():
    x = windows = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(6, 3, 4, padding="same", activation="relu")(x)
    parts = detection.custom_parts(
        keras.Model(windows, x),
        Preprocessing(128.0, 64.0, name="scale"),
        roi_size=4,
        units=(16,),
    )
    return detection.RCNN(2, parts, context=2, chunk=5, seed=0)


def face_cascade():
    stages = [
        cascade.Stage(cascade.Net12(13), cascade.Calibration12()),
        cascade.Stage(cascade.Net24(), cascade.Calibration24()),
    ]
    scan = cascade.WindowScan(min_face=20, step=1.5)
    return cascade.FaceCascade(stages, scan=scan, max_detections=10)


def deepmask():
    search = masks.SceneSearch((0.5, 1), 4)
    return masks.DeepMask("small", search=search)


def mask_head():
    pixels = keras.Input((None, None, 4))
    trunk = keras.Model(pixels, [keras.layers.ReLU()(pixels)])
    return masks.shared_head(trunk, masks.PatchGeometry(64), 3, 5, 4)


def auxiliary_classifier():
    pixels = keras.Input((4,))
    hidden = keras.layers.Dense(3)(pixels)
    late = keras.layers.Softmax()(keras.layers.Dense(3)(hidden))
    return classification.AuxiliaryClassifier(
        pixels, [late, keras.layers.Softmax()(hidden)], auxiliary_weight=0.4
    )


def face_embedder():
    x = images = keras.Input((8, 8, 3))
    x = keras.layers.Dense(4)(keras.layers.Flatten()(x))
    return faces.FaceEmbedder.from_network(
        keras.Model(images, x), faces.Triplets()
    )


def every_level():
    return faces.IdentificationVerification(3, every_level=True)


def faces_with_landmarks():
    points = [[12, 14], [24, 14], [18, 20], [13, 28], [23, 28]]
    landmarks = np.float32([points, np.add(points, [[2, -1]])])
    return {"images": images(40, 36), "landmarks": landmarks}


def loss_network():
    return style.loss_network(["conv1", "conv2"], small_trunk((2, 2)))


def perceptual_model():
    return style.PerceptualModel(
        style.StyleTransformNet(widths=(4, 4, 8)),
        loss_network(),
        style=images(16)[0],
        content_layer="conv2",
        style_layers=["conv1", "conv2"],
    )


# === The table ===

CLASSIFIERS = [
    Case("AlexNet", lambda: classification.AlexNet(False), images(39)),
    Case(
        "AlexNet",
        lambda: classification.AlexNet(
            input_shape=(63, 63, 3), classes=3, variant="one-tower"
        ),
        images(63),
    ),
    Case(
        "CIFARResNet",
        lambda: classification.CIFARResNet(8, input_shape=(16, 16, 3)),
        images(16),
    ),
    Case(
        "GoogLeNet",
        lambda: classification.GoogLeNet(
            input_shape=(79, 79, 3), classes=3, aux_heads=True
        ),
        images(79),
    ),
    *(
        Case(
            "LeNet5",
            lambda variant=variant: classification.LeNet5(variant=variant),
            images(32 if variant == "1998" else 28, channels=1),
        )
        for variant in ("modern", "1998", "caffe")
    ),
    Case(
        "NetworkInNetwork",
        lambda: classification.NetworkInNetwork(input_shape=(8, 8, 3)),
        images(8),
    ),
    *(
        Case(
            name,
            lambda name=name: getattr(classification, name)(
                input_shape=(32, 32, 3), classes=3
            ),
            images(32),
        )
        for name in (
            *("ResNet18", "ResNet34", "ResNet50", "ResNet101", "ResNet152"),
            "VGG11",
        )
    ),
    Case("VGG16", lambda: classification.VGG16(False), images(32)),
    Case("VGG19", lambda: classification.VGG19(False), images(32)),
    Case("ZFNet", lambda: classification.ZFNet(False), images(47)),
]
OTHERS = [
    Case(
        "AuxiliaryClassifier",
        auxiliary_classifier,
        RNG.uniform(0, 255, (2, 4)).astype("float32"),
    ),
    Case(
        "fully_convolutional",
        lambda: classification.fully_convolutional(
            classification.LeNet5(variant="caffe")
        ),
        images(32, 36, channels=1),
    ),
    # === Detection ===
    Case("FasterRCNN", faster_rcnn, detector_inputs(), own_losses=True),
    Case("FastRCNN", fast_rcnn, detector_inputs(True), own_losses=True),
    Case(
        "RegionProposals", region_proposals, detector_inputs(), own_losses=True
    ),
    Case("RCNN", rcnn, detector_inputs(True), own_losses=True),
    Case(
        "truncated_svd",
        lambda: detection.truncated_svd(fast_rcnn(), 4, 3),
        detector_inputs(True),
        own_losses=True,
    ),
    Case(
        "combine_unshared",
        lambda: detection.combine_unshared(
            region_proposals(), fast_rcnn(), FEW
        ),
        detector_inputs(),
    ),
    # === Faces ===
    *(
        Case(name, getattr(cascade, name), images(size))
        for name, size in {
            "Net12": 12,
            "Calibration12": 12,
            "Net24": 24,
            "Calibration24": 24,
            "Net48": 48,
            "Calibration48": 48,
            "PNet": 16,
            "RNet": 24,
            "ONet": 48,
        }.items()
    ),
    Case("FaceCascade", face_cascade, detector_inputs(), own_losses=True),
    Case("MTCNN", cascade.MTCNN, detector_inputs(), own_losses=True),
    Case(
        "SiameseHead",
        lambda: SiameseHead(6),
        {name: images(6)[:, 0, :, 0] for name in ("first", "second")},
    ),
    # === Masks ===
    Case("DeepMask", deepmask, images(48, 37), own_losses=True),
    Case(
        "SharpMask",
        lambda: masks.SharpMask(deepmask()),
        images(48, 37),
        own_losses=True,
    ),
    Case("shared_head", mask_head, images(5, 6, channels=4)),
    # === Segmentation ===
    *(
        Case(
            name,
            lambda name=name: fcn(getattr(segmentation, name)),
            images(40, 33),
        )
        for name in ("FCN", "FCN8s", "FCN16s", "FCN32s")
    ),
    Case(
        "SegNet",
        lambda: segmentation.SegNet(3, blocks=((1, 4), (2, 6))),
        images(21, 18),
    ),
    Case(
        "SegNetBasic",
        lambda: segmentation.SegNetBasic(3, filters=4, depth=2),
        images(21, 18),
    ),
    Case(
        "DeconvNet",
        lambda: segmentation.DeconvNet(
            3, (16, 12, 3), ((1, 4), (1, 6)), units=8
        ),
        images(16, 12),
    ),
    Case(
        "resize_inputs",
        lambda: segmentation.resize_inputs(
            segmentation.SegNet(3, blocks=((1, 4),)), 16
        ),
        images(20, 30),
    ),
    Case(
        "label_by_windows",
        lambda: segmentation.label_by_windows(
            segmentation.SegNet(3, (16, 12, 3), ((1, 4),)), certainty=0.3
        ),
        {
            "images": images(40, 32),
            "proposals": np.float32(
                [[[2, 3, 20, 30], [10, 8, 30, 36]], [[0, 0, 32, 40], 4 * [0]]]
            ),
        },
    ),
    Case(
        "EDeconvNet",
        lambda: segmentation.EDeconvNet(
            segmentation.label_by_windows(
                segmentation.SegNet(3, (16, 12, 3), ((1, 4),)),
                min_side=11,
                max_windows=1,
            ),
            segmentation.SegNet(3, blocks=((1, 4),)),
        ),
        {
            "images": images(40, 32),
            "proposals": np.float32(
                [[[2, 3, 20, 30], [10, 8, 30, 36]], [[0, 0, 8, 9], 4 * [0]]]
            ),
        },
    ),
    # === Style ===
    Case(
        "StyleTransformNet",
        lambda: style.StyleTransformNet(widths=(4, 4, 8)),
        images(48, 44),
    ),
    Case(
        "SuperResolutionNet",
        lambda: style.SuperResolutionNet(2, blocks=1),
        images(12, 10),
    ),
    Case("loss_network", loss_network, images(16, 12)),
    Case("PerceptualModel", perceptual_model, images(48), own_losses=True),
    # === Faces ===
    Case(
        "DeepFace",
        lambda: faces.DeepFace(
            faces.Identification(3), "small", (48, 48, 3), embedding_size=8
        ),
        images(48),
        own_losses=True,
    ),
    *(
        Case(
            "DeepID",
            lambda local=local: faces.DeepID(
                faces.Identification(3, scale=24, margin=0.15),
                local_sharing=local,
            ),
            images(39, 31),
            own_losses=True,
        )
        for local in (True, False)
    ),
    Case(
        "DeepID2",
        lambda: faces.DeepID2(faces.IdentificationVerification(3, every=10)),
        images(55, 47),
        own_losses=True,
    ),
    Case(
        "DeepID2Plus",
        lambda: faces.DeepID2Plus(
            every_level(), "small", (38, 36, 3), embedding_size=8
        ),
        images(38, 36),
        own_losses=True,
    ),
    *(
        Case(
            "DeepID3",
            lambda net=net: faces.DeepID3(
                every_level(), net, "small", (24, 20, 3), embedding_size=8
            ),
            images(24, 20),
            own_losses=True,
        )
        for net in (1, 2)
    ),
    *(
        Case(
            name,
            lambda name=name: getattr(faces, name)(
                faces.Triplets(), "small", (32, 40, 3)
            ),
            images(32, 40),
            own_losses=True,
        )
        for name in ("FaceNetNN1", "FaceNetNN2", "FaceNetNN3", "FaceNetNN4")
    ),
    Case("FaceEmbedder", face_embedder, images(8), own_losses=True),
    Case(
        "align_inputs",
        lambda: faces.align_inputs(faces.FaceNetNN1(size="small")),
        faces_with_landmarks(),
    ),
]
MODELS = [*CLASSIFIERS, *OTHERS]
IDS = [
    f"{case.name}{sum(c.name == case.name for c in MODELS[:number]) or ''}"
    for number, case in enumerate(MODELS)
]


def gives_a_model(item):
    """Whether a public name is a model's class, or a function's that builds."""
    if inspect.isclass(item):
        return issubclass(item, keras.Model)
    if getattr(item, "__name__", "").startswith("train_"):
        return False  # It returns a model of the table, trained.
    returned = getattr(item, "__annotations__", {}).get("return")
    return inspect.isclass(returned) and issubclass(returned, keras.Model)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda x: x.__name__)
def test_the_table_has_every_model_of_the_chapter(chapter):
    models = {n for n in chapter.__all__ if gives_a_model(getattr(chapter, n))}
    listed = {case.name for case in MODELS} & set(chapter.__all__)
    assert models == listed


def shrink_networks(monkeypatch):
    """Build classic networks with as many kinds of layers, fewer of each."""
    blocks = dict.fromkeys(resnet_stages._BLOCKS, (1, 1, 1, 1))
    monkeypatch.setattr(resnet_stages, "_BLOCKS", blocks)
    monkeypatch.setattr(vgg, "_FILTERS", (4, 6, 8, 8, 8))
    for table in ("_NN2", "_NN4"):
        modules = getattr(facenet, table)
        few = {name: modules[name] for name in ("3a", "3b", "3c", "5b")}
        monkeypatch.setattr(facenet, table, few)


@pytest.fixture(autouse=True)
def few_weights(monkeypatch):
    shrink_networks(monkeypatch)
    yield
    keras.backend.clear_session()
    gc.collect()


@pytest.mark.parametrize("case", MODELS, ids=IDS)
def test_contract(case, tmp_path):
    keras.utils.set_random_seed(0)
    model = case.build()
    outputs = model(case.inputs)

    # A batch of two images gives what two batches of one give.
    assert_close(model.predict(case.inputs, batch_size=1, verbose=0), outputs)
    check_configs(model)

    model.save(tmp_path / "model.keras")
    loaded = kcv.load_model(tmp_path / "model.keras")
    assert type(loaded) is type(model)
    assert_same(loaded(case.inputs), outputs)

    model.save_weights(tmp_path / "model.weights.h5")
    clone = keras.models.clone_model(model)
    clone.load_weights(tmp_path / "model.weights.h5")
    assert_same(clone(case.inputs), outputs)

    if case.own_losses:
        for refused in ("loss", "loss_weights", "metrics", "weighted_metrics"):
            with pytest.raises(ValueError, match=f"`{refused}` must be None"):
                model.compile("sgd", **{refused: ["mse"]})

    del model, loaded, clone
    check_policies(case, tmp_path / "mixed.keras")


@pytest.mark.parametrize("case", CLASSIFIERS, ids=IDS[: len(CLASSIFIERS)])
def test_classifiers_scale_images_by_default(case):
    build = getattr(classification, case.name)
    argument = inspect.signature(build).parameters["include_preprocessing"]
    assert argument.default is True


def check_configs(model):
    """Every layer can be made again from what it says of itself."""
    for layer in model._flatten_layers():
        if not isinstance(layer, keras.Model):
            again = type(layer).from_config(layer.get_config())
            assert as_text(again.get_config()) == as_text(layer.get_config())
            registered = keras.saving.get_registered_name(type(layer))
            assert registered.startswith("kcv>") or (
                type(layer).__module__.startswith("keras.")
            )


def as_text(config):
    return json.dumps(
        keras.saving.serialize_keras_object(config), sort_keys=True
    )


def check_policies(case, path):
    """A model that was saved under one policy loads under any other."""
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        mixed = case.build()
        outputs = mixed(case.inputs)
        mixed.save(path)
    finally:
        keras.config.set_dtype_policy("float32")
    assert_same(kcv.load_model(path)(case.inputs), outputs)


def assert_same(found, expected):
    for one, other in zip(
        *map(keras.tree.flatten, (found, expected)), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def assert_close(found, expected):
    for one, other in zip(
        *map(keras.tree.flatten, (found, expected)), strict=True
    ):
        one, other = np.asarray(one), np.asarray(other)
        assert one.shape == other.shape
        scale = max(np.abs(other).max(initial=0), 1e-6)
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4 * scale)
