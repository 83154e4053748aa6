"""Packaging of kcv. The wheel holds the package `kcv` alone."""

import re
import tomllib
from pathlib import Path

from setuptools import find_packages
from setuptools import setup

HERE = Path(__file__).parent

EXTRAS = {
    "beam": ["apache-beam>=2.65"],
    "commands": [
        "matplotlib>=3.8",
        "pillow>=10",
        "pycocotools>=2.0.8",
    ],
    "convert": [
        "ai-edge-litert>=2.0",
        "onnxruntime>=1.20",
        "tf2onnx>=1.17",
    ],
    "cuda": ["tensorflow[and-cuda]>=2.20"],
    # tensorflow-datasets imports importlib_resources without requiring it.
    "data": ["tensorflow-datasets>=4.9.7", "importlib_resources"],
    "eval": ["pycocotools>=2.0.8"],
    "faces": ["scikit-image>=0.24", "scikit-learn>=1.5", "scipy>=1.13"],
    "keras-cv": ["keras-cv>=0.9"],
    "mtcnn": ["mtcnn>=1.0", "joblib>=1.4"],
    "proposals": [
        "opencv-contrib-python-headless>=4.10",
        "numba>=0.60",
        "scipy>=1.13",
    ],
    "rcnn": ["scikit-learn>=1.5"],
    "segmentation": ["pillow>=10", "scipy>=1.13"],
    "serving": ["grpcio>=1.62", "protobuf>=4.25"],
    "style": ["scipy>=1.13"],
    "visualize": ["matplotlib>=3.8"],
    "weights": ["safetensors>=0.4", "protobuf>=4.25"],
}
# What the recipes need on embedded data and on the user's own images. The
# public datasets of TFDS need the extra "data", which is large.
EXTRAS["recipes"] = [
    "tyro>=0.9",
    "tensorboard>=2.20",
    "threadpoolctl>=3",
    *EXTRAS["eval"],
    *EXTRAS["faces"],
    *EXTRAS["proposals"],
    *EXTRAS["rcnn"],
    *EXTRAS["segmentation"],
    *EXTRAS["serving"],
    *EXTRAS["style"],
    *EXTRAS["visualize"],
    *EXTRAS["weights"],
]
EXTRAS["test"] = [
    "pytest>=8",
    "scikit-image>=0.24",
    "pyyaml>=6",
    "setuptools>=77",
    "tensorflow-serving-api>=2.18",
    *EXTRAS["beam"],
    *EXTRAS["convert"],
    *EXTRAS["data"],
    *EXTRAS["keras-cv"],
    *EXTRAS["mtcnn"],
    *EXTRAS["recipes"],
]
# What `make docs` needs to build the site and the pictures of its gallery.
EXTRAS["docs"] = [
    "furo>=2025.7",
    "myst-parser>=4",
    "sphinx>=8.1",
    "sphinx-gallery>=0.19",
    *EXTRAS["mtcnn"],
    *EXTRAS["recipes"],
]
with open(HERE / "pyproject.toml", "rb") as file:
    EXTRAS["lint"] = tomllib.load(file)["dependency-groups"]["lint"]


def read_version() -> str:
    """Read `kcv.__version__` without importing kcv."""
    text = (HERE / "kcv" / "__init__.py").read_text("utf-8")
    return re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)[1]


def describe() -> str:
    """Make a description for a package index from README.md.

    Pictures, and links to files of the repository, lead nowhere on the page of
    an index. Pictures are removed, and of a link its text remains.

    Returns:
        The text, in Markdown.
    """
    text = (HERE / "README.md").read_text("utf-8")
    text = re.sub(r"!\[[^]]*\]\((?!https?:)[^)]*\)\n*", "", text)
    return re.sub(r"\[([^]]*)\]\((?!https?:)[^)]*\)", r"\1", text)


setup(
    name="kcv",
    version=read_version(),
    description="The classic line of CNN computer vision, in Keras",
    long_description=describe(),
    long_description_content_type="text/markdown",
    author="kcv developers",
    license="Apache-2.0",
    license_files=["LICENSE"],
    keywords=[
        "keras",
        "tensorflow",
        "computer vision",
        "image classification",
        "object detection",
        "semantic segmentation",
        "style transfer",
        "region proposals",
    ],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Education",
        "Intended Audience :: Science/Research",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Image Recognition",
        "Typing :: Typed",
    ],
    python_requires=">=3.11",
    entry_points={"console_scripts": ["kcv = kcv.commands:main"]},
    packages=find_packages(include=["kcv", "kcv.*"]),
    package_data={
        "kcv": ["py.typed"],
        "kcv.data.embedded": ["raw/*.jpg", "raw/*.npz", "raw/*.md"],
        "kcv.proposals.learned": ["*.npz", "*.md"],
        "kcv.trained": ["files/*/*.keras", "files/*/*.md"],
        "kcv.visualize": ["*.html", "*.npz"],
    },
    install_requires=[
        "tensorflow>=2.20",
        "keras>=3.12",
        "numpy>=1.26",
        "h5py>=3.11",
    ],
    extras_require=EXTRAS,
)
