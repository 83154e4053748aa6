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


def test_every_subpackage_loads():
    for name in kcv.__all__:
        assert getattr(kcv, name).__name__ == f"kcv.{name}"
    assert set(kcv.__all__) <= set(dir(kcv))


def test_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        kcv.nothing  # noqa: B018
