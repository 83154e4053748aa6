"""What a user installs: the content of the wheel and its metadata."""

import ast
import email.parser
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import kcv

ROOT = Path(__file__).resolve().parents[1]

# Distributions whose name differs from that of the module.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "ai_edge_litert": "ai-edge-litert",
    "apache_beam": "apache-beam",
    "cv2": "opencv-contrib-python-headless",
    "google": "protobuf",
    "grpc": "grpcio",
    "keras_cv": "keras-cv",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "tensorflow_datasets": "tensorflow-datasets",
}
# Used where the user has them: faster-coco-eval replaces pycocotools, and
# PyTorch reads its own weight files.
OPTIONAL = {"faster_coco_eval", "torch"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel from a copy, which leaves nothing in the checkout."""
    source = tmp_path_factory.mktemp("source")
    for name in ("LICENSE", "README.md", "pyproject.toml", "setup.py"):
        shutil.copy(ROOT / name, source)
    for name in ("kcv", "export", "recipes"):
        shutil.copytree(
            ROOT / name,
            source / name,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    subprocess.run(
        [sys.executable, "setup.py", "-q", "bdist_wheel", "-d", "dist"],
        cwd=source,
        check=True,
        capture_output=True,
    )
    with zipfile.ZipFile(*(source / "dist").iterdir()) as file:
        yield file


@pytest.fixture(scope="module")
def metadata(wheel):
    name = f"kcv-{kcv.__version__}.dist-info/METADATA"
    return email.parser.Parser().parsestr(wheel.read(name).decode())


def test_wheel_holds_kcv_alone(wheel):
    names = set(wheel.namelist())
    info = f"kcv-{kcv.__version__}.dist-info"
    assert {name.split("/")[0] for name in names} == {"kcv", info}
    assert any(name.endswith("/LICENSE") for name in names)
    assert "kcv/py.typed" in names
    raw = "kcv/data/embedded/raw/"
    assert {f"{raw}PROVENANCE.md", f"{raw}strokes.npz"} <= names
    assert "kcv/visualize/letters.npz" in names
    files = {
        str(file.relative_to(ROOT)) for file in (ROOT / "kcv").rglob("*.py")
    }
    # The program that makes the raw data is of use in a checkout only.
    assert files - names == {f"{raw}make.py"}


def test_trained_models_are_in_the_wheel_and_small(wheel):
    folder = "kcv/trained/files/"
    sizes = {
        info.filename: info.file_size
        for info in wheel.infolist()
        if info.filename.startswith(folder)
    }
    files = {
        str(file.relative_to(ROOT))
        for file in (ROOT / folder).rglob("*")
        if file.is_file()
    }
    assert {*sizes} == files
    assert f"{folder}faster_rcnn/digit_scenes.keras" in files
    assert sum(sizes.values()) < 1_500_000


def test_description_stands_alone(metadata):
    text = metadata.get_payload()
    links = re.findall(r"\]\(([^)]*)\)", text)
    assert links
    assert all(link.startswith(("https://", "http://")) for link in links)


def test_everything_imported_is_declared(metadata):
    declared = {
        re.match(r"[\w.-]+", line)[0].lower()
        for line in metadata.get_all("Requires-Dist")
    }
    imported = set()
    for package in ("kcv", "recipes", "export"):
        for file in (ROOT / package).rglob("*.py"):
            if file.name == "make.py":
                continue
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Import):
                    imported |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom):
                    imported.add(node.module)
    imported = {name.split(".")[0] for name in imported}
    imported -= {*sys.stdlib_module_names, *OPTIONAL}
    imported -= {"kcv", "recipes", "export", "benchmarks"}
    needed = {DISTRIBUTIONS.get(name, name) for name in imported}
    assert needed <= declared, needed - declared
