"""The logits of torchvision's own networks, and what may go wrong."""

import sys

import keras
import numpy as np
import pytest

from kcv.classification import VGG11
from kcv.classification import VGG16
from kcv.classification import VGG19
from kcv.classification import AlexNet
from kcv.classification import GoogLeNet
from kcv.classification import ResNet18
from kcv.classification import ResNet34
from kcv.classification import ResNet50
from kcv.classification import ResNet101
from kcv.weights import TORCHVISION_MEAN
from kcv.weights import TORCHVISION_STD
from kcv.weights import load_torchvision
from kcv.weights import load_weights

BUILDERS = {
    "alexnet": lambda **options: AlexNet(variant="one-tower", **options),
    "vgg16": VGG16,
    "vgg19": VGG19,
    "resnet18": ResNet18,
    "resnet34": ResNet34,
    "resnet50": lambda **options: ResNet50(stride_in="3x3", **options),
    "resnet101": lambda **options: ResNet101(stride_in="3x3", **options),
}


@pytest.fixture(scope="module")
def resnet18_state(golden_state):
    return golden_state("resnet18")


def relative_error(a, b):
    return np.abs(a - b).max() / np.abs(b).max()


@pytest.mark.usefixtures("zero_weights")
@pytest.mark.parametrize(
    "network",
    [
        pytest.param(name, marks=pytest.mark.slow) if name == "vgg19" else name
        for name in BUILDERS
    ],
)
def test_logits_are_torchvisions(
    network, golden_state, golden_logits, golden_image
):
    model = BUILDERS[network](
        classifier_activation=None, include_preprocessing=False
    )
    report = load_torchvision(model, golden_state(network))
    logits = np.asarray(model(golden_image))

    assert relative_error(logits, golden_logits[network]) < 1e-4
    assert len(report.matched) == len(model.weights)
    assert not report.missing
    assert not report.left_over


def test_logits_of_googlenet_and_its_heads_are_torchvisions(
    golden_googlenet, golden_image
):
    state, expected = golden_googlenet
    model = GoogLeNet(
        variant="torchvision",
        aux_heads=True,
        classifier_activation=None,
        include_preprocessing=False,
    )
    report = load_torchvision(model, state)
    assert len(report.matched) == len(model.weights)
    assert not report.left_over
    # In eval mode, as the golden logits: the graph itself, with its heads.
    graph = keras.Model(model.input, model.outputs)
    for logits, golden in zip(graph(golden_image), expected, strict=True):
        assert relative_error(np.asarray(logits), golden) < 1e-4


def test_googlenet_without_heads_takes_the_rest(golden_googlenet):
    state, _ = golden_googlenet
    options = {"variant": "torchvision", "include_top": False}
    plain = GoogLeNet(include_preprocessing=False, **options)
    folded = GoogLeNet(**options)
    load_torchvision(plain, state, skip=("loss1_", "loss2_", "loss3_"))
    load_torchvision(folded, state, skip=("loss1_", "loss2_", "loss3_"))
    pixels = np.random.default_rng(1).uniform(0, 255, (1, 64, 64, 3))
    expected = np.asarray(plain(pixels / 127.5 - 1))
    assert relative_error(folded(pixels), expected) < 1e-4


def test_googlenet_of_the_paper_is_refused(golden_googlenet):
    model = GoogLeNet(include_top=False)
    with pytest.raises(ValueError, match="conv1_7x7_s2/bias"):
        load_torchvision(model, golden_googlenet[0], skip="loss")


def test_folded_scaling_takes_pixels(resnet18_state):
    options = {
        "input_shape": (64, 64, 3),
        "classifier_activation": None,
        "include_preprocessing": False,
    }
    plain = ResNet18(**options)
    load_torchvision(plain, resnet18_state)
    folded = ResNet18(**options)
    load_torchvision(folded, resnet18_state, fold_scaling=True)
    pixels = np.random.default_rng(1).uniform(0, 255, (2, 64, 64, 3))
    mean, std = np.array(TORCHVISION_MEAN), np.array(TORCHVISION_STD)

    expected = plain((pixels / 255 - mean) / std)
    assert relative_error(folded(pixels - 255 * mean), expected) < 1e-4


def test_a_bottleneck_of_the_paper_is_refused():
    model = ResNet50(include_top=False, stride_in="1x1")
    state = {"layer1.0.conv3.weight": np.zeros((256, 64, 1, 1), "float32")}
    with pytest.raises(ValueError, match='build it with stride_in="3x3"'):
        load_torchvision(model, state)


def test_weights_of_another_network_are_refused(resnet18_state):
    model = ResNet34(include_top=False)
    before = model.get_layer("conv1").get_weights()[0]
    with pytest.raises(ValueError, match="missing in the source") as error:
        load_torchvision(model, resnet18_state, skip="fc1000")
    assert "res2c_branch2a/kernel" in str(error.value)
    after = model.get_layer("conv1").get_weights()[0]
    np.testing.assert_array_equal(after, before)


def test_a_family_kcv_has_not_is_refused():
    state = {
        "features.0.weight": np.zeros((64, 3, 3, 3), "float32"),
        "features.1.running_mean": np.zeros(64, "float32"),
    }
    with pytest.raises(ValueError, match="vgg16 or vgg19"):
        load_torchvision(VGG16(include_top=False), state)


def test_blocks_of_one_convolution_are_told_apart():
    channels = {0: 3, 3: 64, 6: 128, 8: 256, 11: 256, 13: 512, 16: 512, 18: 512}
    filters = [64, 128, 256, 256, 512, 512, 512, 512]
    state = {}
    for (place, inputs), outputs in zip(channels.items(), filters, strict=True):
        kernel = np.zeros((outputs, inputs, 3, 3), "float32")
        state[f"features.{place}.weight"] = kernel
        state[f"features.{place}.bias"] = np.zeros(outputs, "float32")
    model = VGG11(include_top=False)
    assert len(load_torchvision(model, state).matched) == len(model.weights)


def test_other_classes_are_named(resnet18_state):
    model = ResNet18(input_shape=(64, 64, 3), classes=20)
    with pytest.raises(ValueError, match="1000 units would take it") as error:
        load_torchvision(model, resnet18_state)
    message = str(error.value)
    assert "fc1000/kernel: the model has (512, 20)" in message
    assert "(512, 1000) (fc.weight)" in message
    # A weight of another shape is never overlooked.
    with pytest.raises(ValueError, match="fc1000/bias"):
        load_torchvision(model, resnet18_state, strict=False)
    report = load_torchvision(model, resnet18_state, skip="fc1000")
    assert set(report.skipped) == {"fc1000/kernel", "fc1000/bias"}


def test_a_whole_checkpoint_is_explained(resnet18_state):
    model = ResNet18(include_top=False)
    with pytest.raises(TypeError, match="'model' is a dict"):
        load_torchvision(model, {"model": resnet18_state, "epoch": 3})


def test_files_give_what_dicts_give(resnet18_state, tmp_path):
    torch = pytest.importorskip("torch")
    tensors = {
        k: torch.nn.Parameter(torch.from_numpy(v), requires_grad=False)
        for k, v in resnet18_state.items()
    }
    path = tmp_path / "resnet18.pth"
    torch.save(tensors, path)
    model = ResNet18(include_top=False, include_preprocessing=False)
    load_torchvision(model, path, skip="fc1000")
    np.testing.assert_array_equal(
        model.get_layer("res4b_branch2a").get_weights()[0],
        resnet18_state["layer3.1.conv1.weight"].transpose(2, 3, 1, 0),
    )
    # Through a builder, in kcv's own convention for the input.
    built = ResNet18(include_top=False, weights=path)
    np.testing.assert_allclose(
        built.get_layer("conv1").get_weights()[0][:, :, 0],
        model.get_layer("conv1").get_weights()[0][:, :, 0] / (255 * 0.229),
        rtol=1e-6,
    )

    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(ValueError, match=r"resnet18.pth .*truncated"):
        load_torchvision(model, path)


def test_safetensors(resnet18_state, tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "resnet18.safetensors"
    safetensors.save_file(resnet18_state, path)
    model = ResNet18(include_top=False)
    report = load_weights(model, path, skip="fc1000")
    assert len(report.matched) == len(model.weights)

    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(ValueError, match=r"resnet18.safetensors .*truncated"):
        load_torchvision(model, path)


@pytest.mark.parametrize(
    ("library", "ending", "package"),
    [("torch", "pth", "torch"), ("safetensors", "safetensors", r"\[weights\]")],
)
def test_a_missing_library_is_named(
    monkeypatch, tmp_path, library, ending, package
):
    for name in (library, f"{library}.numpy"):
        monkeypatch.setitem(sys.modules, name, None)
    path = tmp_path / f"weights.{ending}"
    path.write_bytes(b"weights")
    with pytest.raises(ImportError, match=f"pip install .*{package}"):
        load_torchvision(keras.Sequential(), path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.pth"):
        load_torchvision(keras.Sequential(), tmp_path / "nowhere.pth")
    with pytest.raises(ValueError, match=r"a\.txt is not a file of torch"):
        load_torchvision(keras.Sequential(), tmp_path / "a.txt")
