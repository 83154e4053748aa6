"""Contours between the parts of an image that normalized cuts find.

Shi and Malik, "Normalized cuts and image segmentation", PAMI 2000, as made
fast by Arbelaez, Pont-Tuset et al., "Multiscale combinatorial grouping", CVPR
2014, algorithm 1: the affinity matrix is decimated, its eigenvectors are
computed on the coarse grid, and interpolated along the affinities.
"""

import numba
import numpy as np
import scipy.sparse
import scipy.sparse.linalg

# Affinity of two pixels with a contour m between them: exp(-c / 0.12) + 0.001
# with c = 10 m in 0.076..1. The slope is the authors' setting, the range is
# fitted to what their code computes.
_SLOPE = 10 / 0.12
_MIN_CONTOUR, _MAX_CONTOUR = 0.0076, 0.1
_MIN_AFFINITY = 0.001
_DECIMATIONS = 2
_MAX_NODES = 16_000  # of the coarse grid, 12,000 for 500 x 375 pixels
_MIN_SIDE = 16  # of an image, in pixels
_SHIFT = -1e-4  # of the eigenvalues, below all of them
_POWER = 1 / np.sqrt(2)
_SCALE = 0.26 / 60  # the weight 1 / 60 is the authors', 0.26 is fitted
# Neighbors (down, right) of a pixel up to a distance of 2.
_OFFSETS = np.array(
    [
        (down, right)
        for down in range(-2, 3)
        for right in range(-2, 3)
        if down**2 + right**2 <= 4
    ]
)


def spectral_contours(contours: np.ndarray, vectors: int = 5) -> np.ndarray:
    """Compute the spectral part of the strength of contours.

    The affinity of pixels up to a distance of 2 depends on the strongest
    contour between them. The strength is the sum of the gradients of the first
    eigenvectors of the normalized Laplacian, each divided by the root of its
    eigenvalue, to the power of 1 / sqrt(2). The grid is decimated twice, and
    again while it has more than 16,000 nodes.

    Args:
        contours: Contours (2 H + 1, 2 W + 1), as `oriented_watershed` returns
            them.
        vectors: Number of eigenvectors after the constant one. Defaults to 5.

    Returns:
        Contours (2 H + 1, 2 W + 1) float32, to be added to the local ones.
        Cells that are corners of pixels are 0, as are all cells if a side of
        the image is shorter than 16 pixels.
    """
    height, width = contours.shape[0] // 2, contours.shape[1] // 2
    if min(height, width) < _MIN_SIDE:
        return np.zeros(contours.shape, np.float32)
    # Only affinities to pixels that are kept are needed.
    affinity = _affinity(np.ascontiguousarray(contours, np.float32))
    weights = []
    while len(weights) < _DECIMATIONS or height * width > _MAX_NODES:
        own, affinity = _decimate(affinity)
        weights.append(own)
        height, width = affinity.shape[:2]
    values, found = _eigenvectors(affinity, vectors)
    found = found.reshape(height, width, vectors)
    for own in reversed(weights):
        found = _interpolate(own, found)
    found -= found.mean((0, 1))
    found /= np.maximum(np.sqrt(np.square(found).mean((0, 1))), 1e-12)
    return _gradients(found / np.sqrt(np.maximum(values, 1e-12)))


def _eigenvectors(affinity, vectors):
    """Solve the generalized eigenproblem of normalized cuts.

    Returns eigenvalues (k,), without the first one, which is 0, and
    eigenvectors (h * w, k).
    """
    height, width = affinity.shape[:2]
    count = height * width
    rows, columns, values = _triplets(affinity)
    matrix = scipy.sparse.csr_matrix(
        (values, (rows, columns)), shape=(count, count)
    )
    root = np.sqrt(np.asarray(matrix.sum(1)).ravel())
    scaling = scipy.sparse.diags(1 / root)
    laplacian = scipy.sparse.identity(count) - scaling @ matrix @ scaling
    laplacian = ((laplacian + laplacian.T) / 2).tocsc()
    if count <= 400:
        values, found = np.linalg.eigh(laplacian.toarray())
    else:
        shifted = laplacian - _SHIFT * scipy.sparse.identity(count)
        factors = scipy.sparse.linalg.splu(
            shifted.tocsc(),
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.0,
            options={"SymmetricMode": True},
        )
        values, found = scipy.sparse.linalg.eigsh(
            laplacian,
            vectors + 1,
            sigma=_SHIFT,
            v0=np.random.default_rng(0).normal(size=count),
            tol=1e-3,
            OPinv=scipy.sparse.linalg.LinearOperator(
                laplacian.shape, factors.solve, dtype=laplacian.dtype
            ),
        )
    order = np.argsort(values)[1 : vectors + 1]
    return values[order], found[:, order] / root[:, np.newaxis]


@numba.njit(cache=True, nogil=True)
def _affinity(contours):
    """Compute the affinities (H, W, offsets) with pixels that are kept.

    These have odd rows and columns. All other affinities are 0.
    """
    height, width = contours.shape[0] // 2, contours.shape[1] // 2
    found = np.zeros((height, width, len(_OFFSETS)), np.float32)
    for y in range(height):
        for x in range(width):
            for k in range(len(_OFFSETS)):
                down, right = _OFFSETS[k]
                if not (0 <= y + down < height and 0 <= x + right < width):
                    continue
                if (y + down) % 2 == 0 or (x + right) % 2 == 0:
                    continue
                # Cells of the grid on the way from pixel to pixel.
                steps = 2 * max(abs(down), abs(right))
                strongest = np.float32(_MIN_CONTOUR)
                for step in range(1, steps):
                    v = 2 * y + 1 + 2 * down * step // steps
                    u = 2 * x + 1 + 2 * right * step // steps
                    strongest = max(strongest, contours[v, u])
                if k == len(_OFFSETS) // 2:
                    found[y, x, k] = 1 + _MIN_AFFINITY
                else:
                    strongest = min(strongest, _MAX_CONTOUR)
                    found[y, x, k] = np.exp(-_SLOPE * strongest)
                    found[y, x, k] += _MIN_AFFINITY
    return found


@numba.njit(cache=True, nogil=True)
def _decimate(affinity):
    """Keep every other pixel in both directions.

    Returns the shares of the kept neighbors in each pixel, and the affinities
    of the kept pixels by way of all pixels.
    """
    height, width, offsets = affinity.shape
    shares = np.zeros_like(affinity)
    coarse = np.zeros((height // 2, width // 2, offsets), np.float32)
    place = np.full((5, 5), -1, np.int64)
    for k in range(offsets):
        place[_OFFSETS[k, 0] + 2, _OFFSETS[k, 1] + 2] = k
    kept = np.empty(offsets, np.int64)
    for y in range(height):
        for x in range(width):
            count, total = 0, np.float32(0)
            for k in range(offsets):
                v, u = y + _OFFSETS[k, 0], x + _OFFSETS[k, 1]
                if v % 2 == 1 and u % 2 == 1 and affinity[y, x, k] > 0:
                    kept[count] = k
                    count += 1
                    total += affinity[y, x, k]
            for i in range(count):
                k = kept[i]
                shares[y, x, k] = affinity[y, x, k] / total
                v, u = y + _OFFSETS[k, 0], x + _OFFSETS[k, 1]
                for j in range(count):
                    other = kept[j]
                    down = (_OFFSETS[other, 0] - _OFFSETS[k, 0]) // 2
                    right = (_OFFSETS[other, 1] - _OFFSETS[k, 1]) // 2
                    coarse[v // 2, u // 2, place[down + 2, right + 2]] += (
                        shares[y, x, k] * affinity[y, x, other]
                    )
    return shares, coarse


@numba.njit(cache=True, nogil=True)
def _interpolate(shares, values):
    """Spread values (h, w, k) of the kept pixels to all pixels."""
    height, width, offsets = shares.shape
    found = np.zeros((height, width, values.shape[2]))
    for y in range(height):
        for x in range(width):
            for k in range(offsets):
                share = shares[y, x, k]
                if share > 0:
                    v = (y + _OFFSETS[k, 0]) // 2
                    u = (x + _OFFSETS[k, 1]) // 2
                    for i in range(values.shape[2]):
                        found[y, x, i] += share * values[v, u, i]
    return found


@numba.njit(cache=True, nogil=True)
def _triplets(affinity):
    height, width, offsets = affinity.shape
    rows = np.empty(affinity.size, np.int32)
    columns = np.empty(affinity.size, np.int32)
    values = np.empty(affinity.size)
    count = 0
    for y in range(height):
        for x in range(width):
            for k in range(offsets):
                if affinity[y, x, k] > 0:
                    v, u = y + _OFFSETS[k, 0], x + _OFFSETS[k, 1]
                    rows[count], columns[count] = y * width + x, v * width + u
                    values[count] = affinity[y, x, k]
                    count += 1
    return rows[:count], columns[:count], values[:count]


@numba.njit(cache=True, nogil=True)
def _gradients(vectors):
    height, width, count = vectors.shape
    contours = np.zeros((2 * height + 1, 2 * width + 1), np.float32)
    for y in range(height):
        for x in range(width):
            for down, right in ((0, 1), (1, 0)):
                v, u = y + down, x + right
                if v < height and u < width:
                    total = 0.0
                    for k in range(count):
                        total += abs(vectors[v, u, k] - vectors[y, x, k])
                    contours[y + v + 1, x + u + 1] = _SCALE * total**_POWER
    return contours
