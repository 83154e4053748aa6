"""Packaging of kcv. The wheel holds `kcv` alone."""

from pathlib import Path

from setuptools import find_packages
from setuptools import setup

EXTRAS = {
    "beam": ["apache-beam>=2.65"],
    "cuda": ["tensorflow[and-cuda]>=2.20"],
    # tensorflow-datasets imports importlib_resources without asking for it.
    "data": ["tensorflow-datasets>=4.9.7", "importlib_resources"],
    "eval": ["pycocotools>=2.0.8"],
    "keras-cv": ["keras-cv>=0.9"],
    "proposals": ["opencv-contrib-python-headless>=4.10", "numba>=0.60"],
    "rcnn": ["scikit-learn>=1.5"],
    "segmentation": ["pillow>=10", "scipy>=1.13"],
    "serving": ["grpcio>=1.62", "protobuf>=4.25"],
    "style": ["scipy>=1.13"],
    "visualize": ["matplotlib>=3.8"],
    "weights": ["safetensors>=0.4", "protobuf>=4.25"],
}
EXTRAS["recipes"] = [
    "tyro>=0.9",
    "tensorboard>=2.20",
    *EXTRAS["data"],
    *EXTRAS["eval"],
    *EXTRAS["proposals"],
    *EXTRAS["rcnn"],
    *EXTRAS["segmentation"],
    *EXTRAS["serving"],
    *EXTRAS["style"],
    *EXTRAS["visualize"],
]
EXTRAS["test"] = [
    "pytest>=8",
    "pytest-xdist>=3.5",
    "ruff>=0.6",
    "scikit-image>=0.24",
    "tensorflow-serving-api>=2.18",
    *EXTRAS["beam"],
    *EXTRAS["recipes"],
    *EXTRAS["weights"],
]

setup(
    name="kcv",
    version="0.1.0",
    description="The classic line of CNN computer vision, in Keras",
    long_description=Path(__file__).with_name("README.md").read_text("utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    packages=find_packages(include=["kcv", "kcv.*"]),
    package_data={"kcv.data.embedded": ["raw/*.jpg", "raw/*.npz", "raw/*.md"]},
    install_requires=["tensorflow>=2.20", "keras>=3.12", "numpy>=1.26"],
    extras_require=EXTRAS,
)
