"""The camera that takes a rendered photo: tones, blur and noise."""

import functools

import numpy as np

from kcv.data.embedded.faces.photo import Camera

# Numbers in the store of noise. To draw new ones for each photo takes longer
# than all else that the camera does.
_STORE = 2**18
_GRAY = np.array([0.299, 0.587, 0.114], np.float32)
_SHOULDER = 0.75  # brightness from which tones are compressed


def expose(image: np.ndarray, camera: Camera) -> np.ndarray:
    """Take a photo of a scene.

    Args:
        image: Light from the scene, (3, H, W) float32, 0 is black and 1 white.
        camera: Settings of the camera.

    Returns:
        The image before compression, (H, W, 3) uint8 RGB.
    """
    image = image * np.float32(camera.gain)
    np.maximum(image, 1e-4, out=image)
    image **= np.float32(camera.gamma)
    image += np.float32(camera.offset)
    if camera.saturation != 1:
        gray = np.tensordot(_GRAY, image, 1)
        image = gray + np.float32(camera.saturation) * (image - gray)
    mix = np.float32(camera.blur / 4)
    for axis in (1, 2):
        for _ in range(2):
            image = _soften(image, axis, mix)
    noise = _noise(max(_STORE, 2 * image.size))
    start = int(camera.noise_offset * (noise.size - image.size))
    noise = noise[start : start + image.size].reshape(image.shape)
    image += noise * np.float32(camera.noise)
    return to_uint8(image)


def to_uint8(image: np.ndarray) -> np.ndarray:
    """Compress the highlights, and round.

    Args:
        image: Image (3, H, W) float32, 0 is black.

    Returns:
        The image, (H, W, 3) uint8 RGB.
    """
    # The shoulder x / (1 + x) has slope 1 where it begins.
    room = np.float32(1 - _SHOULDER)
    over = np.maximum(image - np.float32(_SHOULDER), 0)
    image = np.minimum(image, np.float32(_SHOULDER))
    over /= 1 + over * (1 / room)
    image += over
    image *= 255
    image += 0.5
    np.maximum(image, 0, out=image)
    return np.ascontiguousarray(np.moveaxis(image.astype(np.uint8), 0, 2))


def _soften(image, axis, mix):
    """Convolve with (mix, 1 - 2 mix, mix); the borders are repeated."""
    part = image * mix
    image = image - 2 * part
    first = [slice(None)] * 3
    last = [slice(None)] * 3
    first[axis], last[axis] = slice(1, None), slice(None, -1)
    image[tuple(first)] += part[tuple(last)]
    image[tuple(last)] += part[tuple(first)]
    first[axis], last[axis] = 0, -1
    image[tuple(first)] += part[tuple(first)]
    image[tuple(last)] += part[tuple(last)]
    return image


@functools.lru_cache(2)
def _noise(count: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(count, np.float32)
