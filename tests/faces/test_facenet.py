import keras
import numpy as np
import pytest

from kcv.faces import FaceNetNN2
from kcv.faces import FaceNetNN3
from kcv.faces import FaceNetNN4
from kcv.faces.inception import PADDINGS
from kcv.faces.inception import Module
from kcv.faces.inception import inception
from kcv.layers import L2Pooling2D
from tests.faces.conftest import assert_agree
from tests.faces.conftest import golden_input

PARTS = {
    "1x1": "b1",
    "3x3_reduce": "r3",
    "3x3": "b3",
    "5x5_reduce": "r5",
    "5x5": "b5",
    "pool_proj": "pp",
}


def golden_name(layer, form):
    """Translate the name of a layer of NN2."""
    name = layer.name.removesuffix("_bn")
    if name == "fc":
        return f"nn2.{form}.fc"
    kind = "conv" if name == layer.name else "bn"
    if name.startswith("inception"):
        _, module, part = name.split("_", 2)
        name = f"inc.{module}.{PARTS[part]}"
    return f"nn2.{form}.{name}.{kind}"


@pytest.mark.parametrize(
    ("form", "padding"),
    [("plain", "symmetric"), ("bn", "symmetric"), ("bn", "same")],
)
def test_nn2_agrees_with_torch(form, padding, golden, set_golden):
    with np.load(golden / "networks" / "facenet_nn2.npz") as file:
        expected = dict(file)
    model = FaceNetNN2(
        padding=padding, batch_norm=form == "bn", include_preprocessing=False
    )
    for layer in model.network.layers:
        if layer.weights:
            set_golden(layer, golden_name(layer, form))
    key = f"{form}_{'sym' if padding == 'symmetric' else padding}"
    stages = {
        name.removeprefix(f"{key}_").removesuffix("_mean")
        for name in expected
        if name.startswith(key) and name.endswith("_mean")
    }
    network = model.network
    outputs = {
        stage: network.get_layer(
            stage.replace("inc", "inception_") + "_output" * ("inc" in stage)
        ).output
        for stage in stages
    }
    both = keras.Model(network.input, {**outputs, "fc": network.output})
    found = both(golden_input("facenet_nn2/input", (2, 224, 224, 3)))
    assert_agree(found["fc"], expected[f"{key}_fc"])
    for stage in stages:
        means = np.mean(found[stage], (1, 2))
        assert_agree(means, expected[f"{key}_{stage}_mean"])
    vectors = model.layers[-1](found["fc"])
    assert_agree(vectors, expected[f"{key}_embedding"])
    trainable = sum(np.prod(v.shape) for v in model.trainable_weights)
    assert trainable == expected[f"params_{form}"]


@pytest.mark.parametrize(
    ("build", "options", "count"),
    [
        (FaceNetNN2, {}, 7_456_304),
        (FaceNetNN2, {"batch_norm": True}, 7_472_144),
        (FaceNetNN3, {}, 7_456_304),
        (FaceNetNN4, {"batch_norm": True}, 6_959_088),
        (FaceNetNN4, {"size": "openface-small1"}, 5_579_520),
        (FaceNetNN4, {"size": "openface-small2"}, 3_733_968),
    ],
)
def test_published_parameter_counts(build, options, count, shapes_only):
    model = build(**options)
    assert sum(np.prod(v.shape) for v in model.trainable_weights) == count
    assert model.output_shape == (None, 128)


def test_maps_of_nn4_have_openfaces_sizes(shapes_only):
    network = FaceNetNN4(size="openface-small2", padding="openface").network
    shapes = {
        module: network.get_layer(f"inception_{module}_output").output.shape[1:]
        for module in ("3a", "3b", "3c", "4a", "4e", "5a", "5b")
    }
    assert shapes == {
        "3a": (12, 12, 256),
        "3b": (12, 12, 320),
        "3c": (6, 6, 640),
        "4a": (6, 6, 640),
        "4e": (3, 3, 1024),
        "5a": (3, 3, 736),
        "5b": (3, 3, 736),
    }
    pool = network.get_layer("inception_3b_pool")
    assert isinstance(pool, L2Pooling2D)
    assert (pool.strides, pool.padding) == (3, "valid")


def test_facenet_padding_has_maxima_and_no_normalization(shapes_only):
    network = FaceNetNN2(padding="facenet", size="small").network
    names = {layer.name for layer in network.layers}
    assert not names & {"norm1", "norm2"}
    assert not any(isinstance(x, L2Pooling2D) for x in network.layers)


def test_pooled_maps_are_padded_around_to_the_size_of_the_others():
    x = keras.Input((12, 12, 4))
    module = Module(2, 2, 2, 2, 2, "max", 3)
    model = keras.Model(x, inception(x, module, "3a", PADDINGS["openface"]))
    maps = model(np.ones((1, 12, 12, 4))).numpy()
    assert maps.shape == (1, 12, 12, 9)
    pooled = maps[0, :, :, 6:]  # 5 x 5, with 3 rows above and 4 below
    inside = np.zeros((12, 12), bool)
    inside[3:8, 3:8] = True
    assert not pooled[~inside].any()


@pytest.mark.parametrize(
    ("build", "options", "argument"),
    [
        (FaceNetNN2, {"size": "openface-small1"}, "size"),
        (FaceNetNN3, {"padding": "valid"}, "padding"),
        (FaceNetNN4, {"size": "tiny"}, "size"),
    ],
)
def test_arguments_are_checked(build, options, argument):
    with pytest.raises(ValueError, match=f"`{argument}` must be one of"):
        build(**options)
