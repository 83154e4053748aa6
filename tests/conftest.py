"""Fixtures that every test may use."""

import os
from pathlib import Path

import pytest

# Deterministic and quiet, before anything imports TensorFlow.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Golden values and data of independent origin, beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip("the folder `shared` with golden data is not here")
    return SHARED


@pytest.fixture(scope="session")
def program(tmp_path_factory) -> Path:
    """The native C++ loader, built once."""
    from export import native

    try:
        return native.build(tmp_path_factory.mktemp("native") / "loader")
    except FileNotFoundError as error:
        pytest.skip(f"no native loader: {error}")
