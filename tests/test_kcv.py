import subprocess
import sys

import pytest

import kcv


def test_import_brings_no_tensorflow():
    code = (
        "import sys, kcv, kcv.serving; kcv.serving.Client; "
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_keras_loads_what_was_saved_after_import_kcv(tmp_path):
    net = kcv.style.StyleTransformNet(widths=(4, 4, 8))
    net.compile(kcv.optimizers.Muon(1e-3))
    net.save(tmp_path / "painter.keras")
    model = kcv.detection.FasterRCNN(2, "resnet18")
    model.save(tmp_path / "detector.keras")
    code = (
        "import keras, kcv, sys; "
        "[keras.saving.load_model(file) for file in sys.argv[1:]]"
    )
    files = [str(file) for file in tmp_path.iterdir()]
    assert len(files) == 2
    subprocess.run([sys.executable, "-c", code, *files], check=True)
    code = "import kcv, sys; [kcv.load_model(file) for file in sys.argv[1:]]"
    subprocess.run([sys.executable, "-c", code, *files], check=True)


def test_every_subpackage_loads():
    for name in set(kcv.__all__) - {"load_model"}:
        assert getattr(kcv, name).__name__ == f"kcv.{name}"
    assert set(kcv.__all__) <= set(dir(kcv))


def test_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        kcv.nothing  # noqa: B018
