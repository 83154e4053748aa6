"""Files of arrays, and what is refused of them."""

import io
import zipfile

import numpy as np
import pytest

from kcv.faces.verification.array_files import read_arrays
from kcv.faces.verification.array_files import write_arrays

NAMES = {"mean": 1, "whiten": 0}


@pytest.fixture
def path(tmp_path):
    write_arrays(
        tmp_path / "x.npz",
        "PCA",
        {"mean": np.arange(3.0), "whiten": np.array(True)},
    )
    return tmp_path / "x.npz"


def test_arrays_come_back(path):
    arrays = read_arrays(path, "PCA", NAMES)
    assert arrays["mean"].tolist() == [0, 1, 2]
    assert arrays["whiten"]
    assert list(path.parent.iterdir()) == [path]


def test_other_kinds_and_shapes_are_refused(path):
    for kind, names, message in (
        ("JointBayesian", NAMES, "is not a JointBayesian"),
        ("PCA", {"variances": 1}, "is not a PCA.*variances"),
        ("PCA", {"mean": 2}, "`mean` must have 2 dimensions"),
    ):
        with pytest.raises(ValueError, match=f"x.npz: .*{message}"):
            read_arrays(path, kind, names)
    with pytest.raises(FileNotFoundError):
        read_arrays(path.with_name("y.npz"), "PCA", NAMES)


def test_damaged_files_are_refused(path):
    content = path.read_bytes()
    for damaged in (b"", b"text", content[:200], content[:-30]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="x.npz: The file is not a PCA"):
            read_arrays(path, "PCA", NAMES)


def test_numbers_that_are_not_finite_are_refused(path):
    write_arrays(
        path, "PCA", {"mean": np.array([np.nan]), "whiten": np.array(1)}
    )
    with pytest.raises(ValueError, match="`mean` must be finite"):
        read_arrays(path, "PCA", NAMES)


def test_python_objects_are_neither_written_nor_read(path):
    with pytest.raises(ValueError, match="Object arrays"):
        write_arrays(path, "PCA", {"mean": np.array([{}], object)})
    assert read_arrays(path, "PCA", NAMES)
    np.savez(path, kind="PCA", mean=np.array([{}], object), whiten=True)
    with pytest.raises(ValueError, match="is not a PCA"):
        read_arrays(path, "PCA", NAMES)


def test_a_claimed_size_is_compared_with_the_bytes(path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header,
        {"descr": "<f8", "fortran_order": False, "shape": (2**40, 2**40)},
    )
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("mean.npy", header.getvalue() + bytes(8))
    with pytest.raises(ValueError, match="has another size than it claims"):
        read_arrays(path, "PCA", NAMES)
