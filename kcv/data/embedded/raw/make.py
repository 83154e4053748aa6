"""Make the raw material of this folder from the sources again.

    python -m kcv.data.embedded.raw.make

The program needs scikit-learn, scikit-image and Pillow, which kcv itself does
not need. The files are committed, because other versions of those packages may
write other bytes, and the test scenes never change. PROVENANCE.md names the
sources.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import skimage.data
import sklearn.datasets
from PIL import Image

HERE = Path(__file__).parent
SHORT_SIDE = 384  # twice the default canvas: a crop may fill it and stay sharp
QUALITY = 88
SKIMAGE_PHOTOGRAPHS = (
    "astronaut.png",
    "brick.png",
    "chelsea.png",
    "coffee.png",
    "coins.png",
    "grass.png",
    "gravel.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "retina.jpg",
    "rocket.jpg",
)
SKLEARN_PHOTOGRAPHS = ("china.jpg", "flower.jpg")

# Stroke figures that are not digits, as pen paths in the unit square. None of
# them is a straight line (a 1), a plain ring (a 0), an S (a 5) or a Z (a 2).
FIGURES = (
    [[(0.1, 0.1), (0.9, 0.9)], [(0.9, 0.1), (0.1, 0.9)]],  # cross
    [[(0.5, 0.0), (0.5, 1.0)], [(0.0, 0.5), (1.0, 0.5)]],  # plus
    [[(0.5, 0.0), (1.0, 0.9), (0.0, 0.9), (0.5, 0.0)]],  # triangle
    [[(0.0, 0.2), (0.25, 0.9), (0.5, 0.2), (0.75, 0.9), (1.0, 0.2)]],  # W
    [[(0.0, 1.0), (0.1, 0.1), (0.5, 0.6), (0.9, 0.1), (1.0, 1.0)]],  # M
    [
        [(0.1, 0.0), (0.1, 1.0)],
        [(0.9, 0.0), (0.9, 1.0)],
        [(0.1, 0.5), (0.9, 0.5)],
    ],
    [[(0.0, 1.0), (0.5, 0.0), (1.0, 1.0)], [(0.25, 0.6), (0.75, 0.6)]],  # A
    [[(0.1, 0.0), (0.1, 1.0)], [(0.9, 0.0), (0.1, 0.5), (0.9, 1.0)]],  # K
    [[(0.1, 1.0), (0.1, 0.0), (0.9, 1.0), (0.9, 0.0)]],  # N
    [
        [(0.9, 0.0), (0.1, 0.0), (0.1, 1.0), (0.9, 1.0)],
        [(0.1, 0.5), (0.7, 0.5)],
    ],
    [[(0.1, 0.0), (0.1, 1.0), (0.9, 1.0)]],  # L
    [[(0.1, 0.0), (0.1, 0.8), (0.5, 1.0), (0.9, 0.8), (0.9, 0.0)]],  # U
    [[(0.0, 0.1), (0.5, 1.0), (1.0, 0.1)]],  # V
    [[(0.0, 0.0), (0.5, 0.5), (1.0, 0.0)], [(0.5, 0.5), (0.5, 1.0)]],  # Y
    [
        [(0.9, 0.0), (0.1, 0.0), (0.1, 1.0)],
        [(0.1, 0.5), (0.7, 0.5)],
    ],  # F
    [[(0.0, 0.6), (0.35, 1.0), (1.0, 0.0)]],  # tick
    [[(0.0, 0.5), (1.0, 0.5)], [(0.6, 0.15), (1.0, 0.5), (0.6, 0.85)]],  # arrow
    [
        [(0.5, 0.0), (0.5, 1.0)],
        [(0.05, 0.25), (0.95, 0.75)],
        [(0.95, 0.25), (0.05, 0.75)],
    ],  # asterisk
    [
        [(0.3, 0.0), (0.3, 1.0)],
        [(0.7, 0.0), (0.7, 1.0)],
        [(0.0, 0.3), (1.0, 0.3)],
        [(0.0, 0.7), (1.0, 0.7)],
    ],  # hash
    [[(0.0, 0.3), (1.0, 0.3)], [(0.0, 0.7), (1.0, 0.7)]],  # equals sign
)
VARIANTS = 25  # of each figure, so 500 strokes in all


def stroke(paths: Sequence, rng: np.random.Generator) -> np.ndarray:
    """Draw a figure with a shaky pen, digitized as the digits were.

    A bitmap of 32 x 32 pixels is divided into blocks of 4 x 4, whose inked
    pixels are counted.

    Args:
        paths: Sequence of paths, each a sequence of points (x, y) in 0..1.
        rng: Generator of random numbers.

    Returns:
        Figure (8, 8) uint8 in [0, 16].
    """
    grid = np.stack(np.meshgrid(np.arange(32), np.arange(32)), -1) + 0.5
    radius = rng.uniform(1.6, 2.6)
    low, high = radius + 1, 31 - radius
    ink = np.zeros((32, 32), bool)
    for path in paths:
        points = np.asarray(path) + rng.normal(0, 0.05, (len(path), 2))
        points = low + np.clip(points, 0, 1) * (high - low)
        for start, end in zip(points[:-1], points[1:], strict=True):
            along = end - start
            share = (grid - start) @ along / max(along @ along, 1e-6)
            nearest = start + np.clip(share, 0, 1)[..., None] * along
            ink |= np.linalg.norm(grid - nearest, axis=-1) < radius
    return ink.reshape(8, 4, 8, 4).sum((1, 3)).astype(np.uint8)


def main() -> None:
    """Write strokes.npz and the photographs beside this file."""
    digits = sklearn.datasets.load_digits()
    rng = np.random.default_rng(2015)
    strokes = [stroke(f, rng) for _ in range(VARIANTS) for f in FIGURES]
    np.savez_compressed(
        HERE / "strokes.npz",
        digits=digits.images.astype(np.uint8),
        labels=digits.target.astype(np.uint8),
        distractors=np.stack(strokes),
    )

    skimage_folder = Path(skimage.data.__file__).parent
    sklearn_folder = Path(sklearn.datasets.__file__).parent / "images"
    sources = [skimage_folder / name for name in SKIMAGE_PHOTOGRAPHS]
    sources += [sklearn_folder / name for name in SKLEARN_PHOTOGRAPHS]
    for source in sources:
        image = Image.open(source)
        image = image if image.mode == "L" else image.convert("RGB")
        scale = min(1.0, SHORT_SIDE / min(image.size))
        size = [round(side * scale) for side in image.size]
        image = image.resize(size, Image.Resampling.LANCZOS)
        image.save(HERE / f"{source.stem}.jpg", quality=QUALITY, optimize=True)


if __name__ == "__main__":
    main()
