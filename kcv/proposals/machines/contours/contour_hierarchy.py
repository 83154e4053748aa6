"""Hierarchies of regions from the strength of the contours between them.

Arbelaez, Maire, Fowlkes and Malik, "Contour detection and hierarchical image
segmentation", PAMI 2011 (oriented watershed transform and ultrametric contour
map), and Arbelaez, Pont-Tuset et al., "Multiscale combinatorial grouping",
CVPR 2014 (alignment of scales).

Contours of an image (H, W) are stored in a grid (2 H + 1, 2 W + 1). Pixel
(y, x) is the cell (2 y + 1, 2 x + 1). The cell between two pixels, for example
(2 y + 1, 2 x + 2), has the strength of the contour between them, 0 if there is
none. Cells whose coordinates are both even are the corners of pixels.
"""

import heapq
from typing import NamedTuple

import numba
import numpy as np

from kcv.proposals.machines.regions.region_graph import Borders
from kcv.proposals.machines.regions.region_graph import find_borders
from kcv.proposals.machines.regions.region_graph import reduce_borders
from kcv.proposals.machines.superpixels.watershed import watershed

_MAX_DISTANCE = 2.0  # of a contour from its chord, in pixels
_WEAKEST = np.float32(1e-6)  # contours separate regions even across an edge
_DOWN = np.array([-1, 0, 1, 0])
_RIGHT = np.array([0, -1, 0, 1])


class Hierarchy(NamedTuple):
    """Tree whose n leaves are the superpixels of an image.

    Nodes that are not leaves have numbers from n on, by rising height. The
    last node is the root.

    Attributes:
        labels: Array (H, W) int32, the leaf of each pixel.
        parents: Array (N,) int32, the parent of each node, -1 for the root.
        heights: Array (N,) float64, the strength at which a node comes into
            being, 0 for leaves. A parent is higher than its children that are
            not leaves.
    """

    labels: np.ndarray
    parents: np.ndarray
    heights: np.ndarray

    @property
    def num_leaves(self) -> int:
        """Number of leaves."""
        return int(self.labels.max()) + 1


def oriented_watershed(
    strength: np.ndarray, orientation: np.ndarray
) -> np.ndarray:
    """Find closed contours, weighted by how well edges lie along them.

    Contours are the lines of the watershed transform. Each is divided into
    segments that are at most 2 pixels away from their chords. The strength of
    a pixel is multiplied by the absolute cosine of the angle between the edge
    and the chord. Where contours meet, the strongest one counts.

    Args:
        strength: Strength of edges (H, W) float, not thinned.
        orientation: Direction of the normals of edges (H, W) float, in
            radians.

    Returns:
        Contours (2 H + 1, 2 W + 1) float32.
    """
    lines = watershed(strength, lines=True, connectivity=8) < 0
    return weigh_lines(lines, strength, orientation)


def weigh_lines(
    lines: np.ndarray, strength: np.ndarray, orientation: np.ndarray
) -> np.ndarray:
    """Weigh lines between basins by how well edges lie along them.

    Args:
        lines: Array (H, W) of bool, the lines of a watershed transform.
        strength: Strength of edges (H, W) float.
        orientation: Direction of the normals of edges (H, W) float, in
            radians.

    Returns:
        Contours (2 H + 1, 2 W + 1) float32, as `oriented_watershed` returns
        them.
    """
    values = _line_strengths(
        np.ascontiguousarray(lines, bool),
        np.ascontiguousarray(strength, np.float32),
        np.ascontiguousarray(orientation, np.float32),
    )
    return _contour_grid(lines, values)


def border_values(borders: Borders, contours: np.ndarray) -> np.ndarray:
    """Look up the contours between the pixel pairs of borders.

    Args:
        borders: Borders with pixel pairs (K,) of an image (H, W), as
            `find_borders` with 4 neighbors returns them.
        contours: Contours (2 H + 1, 2 W + 1).

    Returns:
        Array (K,) of the dtype of `contours`.
    """
    width = contours.shape[1] // 2
    first_y, first_x = np.divmod(borders.first, width)
    second_y, second_x = np.divmod(borders.second, width)
    return contours[first_y + second_y + 1, first_x + second_x + 1]


def group_contours(contours: np.ndarray) -> Hierarchy:
    """Merge the regions that contours enclose, the weakest contour first.

    The strength of the contour between two regions is its mean over the pixel
    pairs of the border. Merges of neighbors at one height are one node.

    Args:
        contours: Contours (2 H + 1, 2 W + 1). Regions are the connected
            components where they are 0, in reading order.

    Returns:
        The `Hierarchy`.

    Example:

    >>> contours = np.zeros((3, 7))
    >>> contours[1, [2, 4]] = 0.7, 0.2
    >>> hierarchy = group_contours(contours)
    >>> hierarchy.labels.tolist(), hierarchy.parents.tolist()
    ([[0, 1, 2]], [4, 3, 3, 4, -1])
    >>> hierarchy.heights.tolist()
    [0.0, 0.0, 0.0, 0.2, 0.7]
    """
    labels = _components(
        contours[1::2, 2:-1:2] == 0, contours[2:-1:2, 1::2] == 0
    )
    borders = find_borders(labels)
    values = border_values(borders, contours)
    return group_regions(
        labels,
        borders.pairs,
        reduce_borders(borders, values),
        np.diff(borders.starts),
    )


def group_regions(
    labels: np.ndarray,
    pairs: np.ndarray,
    strengths: np.ndarray,
    lengths: np.ndarray,
) -> Hierarchy:
    """Merge regions, the weakest border first.

    The strength of the border of two unions is the mean over its length.
    Merges of neighbors at one height are one node.

    Args:
        labels: Array (H, W) of int32, the region of each pixel, from 0.
        pairs: Array (m, 2) of int, the pairs of neighbors. They connect all
            regions.
        strengths: Array (m,) of float, the mean strengths of the borders.
        lengths: Array (m,), the lengths of the borders.

    Returns:
        The `Hierarchy`.
    """
    count = int(labels.max()) + 1
    children, heights = _merge(
        count,
        np.asarray(pairs, np.int32),
        np.asarray(strengths * lengths, np.float64),
        np.asarray(lengths, np.float64),
    )
    return Hierarchy(labels, *_join_levels(children, heights))


def border_heights(hierarchy: Hierarchy, pairs: np.ndarray) -> np.ndarray:
    """Find the heights at which pairs of nodes are united.

    Args:
        hierarchy: A `Hierarchy`.
        pairs: Array (m, 2) of int, numbers of nodes.

    Returns:
        Array (m,) float64.
    """
    return hierarchy.heights[
        _common_ancestors(hierarchy.parents, np.asarray(pairs, np.int32))
    ]


def ultrametric_map(hierarchy: Hierarchy) -> np.ndarray:
    """Draw the ultrametric contour map of a hierarchy.

    The strength of a contour is the height at which its two sides are united.
    The regions that contours above a threshold enclose are the nodes that
    exist at this height.

    Args:
        hierarchy: A `Hierarchy` of an image (H, W).

    Returns:
        Contours (2 H + 1, 2 W + 1) float32. A corner has the strength of the
        strongest contour that ends there.
    """
    borders = find_borders(hierarchy.labels)
    heights = border_heights(hierarchy, borders.pairs)
    return draw_contours(borders, heights, hierarchy.labels.shape)


def draw_contours(
    borders: Borders, strengths: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    """Draw borders of regions with one strength each.

    Args:
        borders: The m borders, as `find_borders` returns them.
        strengths: Array (m,) of float.
        shape: Height and width of the image.

    Returns:
        Contours (2 H + 1, 2 W + 1) float32. A corner has the strength of the
        strongest contour that ends there.
    """
    height, width = shape
    contours = np.zeros((2 * height + 1, 2 * width + 1), np.float32)
    first_y, first_x = np.divmod(borders.first, width)
    second_y, second_x = np.divmod(borders.second, width)
    contours[first_y + second_y + 1, first_x + second_x + 1] = np.repeat(
        strengths, np.diff(borders.starts)
    )
    contours[2:-2:2, 2:-2:2] = np.maximum.reduce(
        [
            contours[1:-2:2, 2:-2:2],
            contours[3::2, 2:-2:2],
            contours[2:-2:2, 1:-2:2],
            contours[2:-2:2, 3::2],
        ]
    )
    return contours


def resize_labels(labels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Scale labels, and divide segments into connected ones.

    Args:
        labels: Array (h, w) of int32, the segment of each pixel.
        shape: Height and width of the result.

    Returns:
        Labels (H, W) int32, from 0 in reading order. Each pixel lies in the
        segment at its center. Parts of a segment that are not connected have
        labels of their own.
    """
    labels = _at_centers(labels, shape)
    return _components(
        labels[:, 1:] == labels[:, :-1], labels[1:] == labels[:-1]
    )


def align(
    hierarchy: Hierarchy, labels: np.ndarray
) -> tuple[Hierarchy, np.ndarray]:
    """Snap a hierarchy to the segments of an image.

    A segment belongs to the child of the root that covers most of it, then to
    the child of this node that covers most of it, and so on to a leaf. Leaves
    and nodes without segments are dropped.

    Args:
        hierarchy: A `Hierarchy` of an image of any size. Its pixels are scaled
            to the size of `labels`.
        labels: Array (H, W) of int32, the segment of each pixel, from 0.

    Returns:
        Tuple (hierarchy, leaves), the `Hierarchy` of an image (H, W), and the
        leaf of each segment, (S,) int32.
    """
    own = _at_centers(hierarchy.labels, labels.shape).ravel()
    count = int(labels.max()) + 1
    key = labels.ravel().astype(np.int64) * hierarchy.num_leaves + own
    keys, sizes = np.unique(key, return_counts=True)
    segments, own = np.divmod(keys, hierarchy.num_leaves)
    starts = np.searchsorted(segments, np.arange(count + 1))
    leaves = _follow_majority(
        hierarchy.parents, starts, own.astype(np.int32), sizes
    )
    used = np.zeros(len(hierarchy.parents), bool)
    used[leaves] = True
    number, parents = _restrict(hierarchy.parents, used)
    leaves = number[leaves]
    heights = hierarchy.heights[number >= 0]
    return Hierarchy(leaves[labels], parents, heights), leaves


def _at_centers(labels, shape):
    """Look up the labels at the centers of the pixels of another size."""
    rows, columns = (
        (2 * np.arange(size) + 1) * own // (2 * size)
        for size, own in zip(shape, labels.shape, strict=True)
    )
    return labels[np.ix_(rows, columns)]


@numba.njit(cache=True, nogil=True)
def leaf_ranges(
    parents: np.ndarray, num_leaves: int
) -> tuple[np.ndarray, np.ndarray]:
    """Give consecutive numbers to the leaves of each node.

    Args:
        parents: Array (N,) of int32, the parent of each node, as in
            `Hierarchy`.
        num_leaves: Number of leaves.

    Returns:
        Tuple (lowest, highest) of arrays (N,) int32, the first leaf of each
        node in this numbering, and the one after the last.
    """
    nodes = len(parents)
    size = np.zeros(nodes, np.int32)
    size[:num_leaves] = 1
    for node in range(nodes - 1):
        size[parents[node]] += size[node]
    lowest = np.zeros(nodes, np.int32)
    used = np.zeros(nodes, np.int32)
    for node in range(nodes - 2, -1, -1):
        parent = parents[node]
        lowest[node] = lowest[parent] + used[parent]
        used[parent] += size[node]
    return lowest, lowest + size


@numba.njit(cache=True, nogil=True)
def _line_strengths(lines, strength, orientation):
    """Weight the strength of the pixels of lines by their direction."""
    height, width = lines.shape
    values = np.zeros((height, width), np.float32)
    flat_values = values.ravel()
    flat_strength, flat_orientation = strength.ravel(), orientation.ravel()
    ends = np.zeros(height * width, np.bool_)  # where arcs meet or end
    seen = np.zeros(height * width, np.bool_)
    for y in range(height):
        for x in range(width):
            if lines[y, x]:
                around = 0
                for n in range(4):
                    v, u = y + _DOWN[n], x + _RIGHT[n]
                    if 0 <= v < height and 0 <= u < width and lines[v, u]:
                        around += 1
                ends[y * width + x] = around != 2
    arc = np.empty(height * width + 1, np.int64)
    stack = np.empty((height * width + 1, 2), np.int64)
    links = [(np.int64(0), np.int64(0))]  # ends of arcs, in order
    # The second round finds closed arcs, which begin at any pixel.
    for closed in (False, True):
        for start in range(height * width):
            y, x = start // width, start % width
            if not lines[y, x] or seen[start] or closed == ends[start]:
                continue
            for n in range(4):
                size = _trace(lines, ends, seen, start, n, arc)
                if size == 0:
                    continue
                if closed:
                    ends[start] = True
                if size > 2:
                    _split_arc(arc, size, width, ends, stack)
                first = 0
                for last in range(1, size):
                    if not ends[arc[last]]:
                        continue
                    links.append((arc[first], arc[last]))
                    down = arc[last] // width - arc[first] // width
                    right = arc[last] % width - arc[first] % width
                    chord = np.arctan2(down, right) + np.pi / 2
                    for i in range(first + 1, last):
                        pixel = arc[i]
                        along = np.cos(flat_orientation[pixel] - chord)
                        value = flat_strength[pixel] * abs(along)
                        flat_values[pixel] = max(value, _WEAKEST)
                    first = last
    for link in links[1:]:
        for pixel in link:
            flat_values[pixel] = _strongest(values, pixel)
    return values


@numba.njit(cache=True, nogil=True)
def _strongest(values, pixel):
    """Find the largest value of a pixel and its four neighbors."""
    height, width = values.shape
    y, x = pixel // width, pixel % width
    strongest = values[y, x]
    for n in range(4):
        v, u = y + _DOWN[n], x + _RIGHT[n]
        if 0 <= v < height and 0 <= u < width:
            strongest = max(strongest, values[v, u])
    return strongest


@numba.njit(cache=True, nogil=True)
def _trace(lines, ends, seen, start, direction, arc):
    """Follow an arc from a pixel in a direction, and return its length."""
    height, width = lines.shape
    y, x = start // width + _DOWN[direction], start % width + _RIGHT[direction]
    if not (0 <= y < height and 0 <= x < width) or not lines[y, x]:
        return 0
    if seen[y * width + x]:
        return 0
    arc[0], arc[1] = start, y * width + x
    size = 2
    if ends[arc[1]]:  # two ends side by side are linked once
        return size if arc[1] > start else 0
    while arc[size - 1] != start and not ends[arc[size - 1]]:
        pixel, before = arc[size - 1], arc[size - 2]
        seen[pixel] = True
        y, x = pixel // width, pixel % width
        for n in range(4):
            v, u = y + _DOWN[n], x + _RIGHT[n]
            if not (0 <= v < height and 0 <= u < width) or not lines[v, u]:
                continue
            if v * width + u != before:
                arc[size] = v * width + u
                size += 1
                break
    return size


@numba.njit(cache=True, nogil=True)
def _split_arc(arc, size, width, ends, stack):
    """Mark the pixels at which an arc is divided, until it is straight."""
    stack[0, 0], stack[0, 1] = 0, size - 1
    waiting = 1
    while waiting > 0:
        waiting -= 1
        first, last = stack[waiting, 0], stack[waiting, 1]
        y, x = arc[first] // width, arc[first] % width
        down, right = arc[last] // width - y, arc[last] % width - x
        length = np.hypot(down, right)
        farthest, distance = first, 0.0
        for i in range(first + 1, last):
            v, u = arc[i] // width - y, arc[i] % width - x
            if length > 0:
                away = abs(down * u - right * v) / length
            else:
                away = np.hypot(v, u)
            if away > distance:
                farthest, distance = i, away
        if distance > _MAX_DISTANCE:
            ends[arc[farthest]] = True
            stack[waiting, 0], stack[waiting, 1] = farthest, last
            stack[waiting + 1, 0], stack[waiting + 1, 1] = first, farthest
            waiting += 2


@numba.njit(cache=True, nogil=True)
def _contour_grid(lines, values):
    """Move pixels of lines to the corners between pixels.

    Pixel (y, x) becomes the upper left corner of pixel (y, x). A contour
    between two corners has the strength of the weaker one.
    """
    height, width = lines.shape
    values = values.copy()
    # Where four pixels of lines are a square, they would enclose a region of
    # one pixel. The end with the weakest arc outside takes its strength, and
    # the square is opened on the side to which this arc goes.
    opened = [(0, 0)]
    for y in range(height - 1):
        for x in range(width - 1):
            if not (lines[y, x] and lines[y, x + 1]):
                continue
            if not (lines[y + 1, x] and lines[y + 1, x + 1]):
                continue
            weakest_y, weakest_x, weakest = -1, -1, np.inf
            cell = (0, 0)
            for corner in range(4):
                down, right = corner // 2, corner % 2
                v, u = y + 3 * down - 1, x + 3 * right - 1
                above = 0 <= v < height and lines[v, x + right]
                if above and values[v, x + right] < weakest:
                    weakest_y, weakest_x = y + down, x + right
                    weakest = values[v, x + right]
                    cell = (2 * (y + down), 2 * x + 1)
                beside = 0 <= u < width and lines[y + down, u]
                if beside and values[y + down, u] < weakest:
                    weakest_y, weakest_x = y + down, x + right
                    weakest = values[y + down, u]
                    cell = (2 * y + 1, 2 * (x + right))
            if weakest_y >= 0:
                values[weakest_y, weakest_x] = weakest
                opened.append(cell)
    grid = np.zeros((2 * height + 1, 2 * width + 1), np.float32)
    for y in range(height):
        for x in range(width):
            grid[2 * y, 2 * x] = values[y, x]
            if x + 1 < width:
                grid[2 * y, 2 * x + 1] = min(values[y, x], values[y, x + 1])
            if y + 1 < height:
                grid[2 * y + 1, 2 * x] = min(values[y, x], values[y + 1, x])
    for v, u in opened[1:]:
        grid[v, u] = 0
    grid[2 * height - 1] = grid[2 * height - 2]
    grid[2 * height] = grid[2 * height - 2]
    grid[:, 2 * width - 1] = grid[:, 2 * width - 2]
    grid[:, 2 * width] = grid[:, 2 * width - 2]
    return grid


@numba.njit(cache=True, nogil=True)
def _components(right, down):
    """Label connected pixels in reading order.

    `right` (H, W - 1) and `down` (H - 1, W) tell which neighbors are joined.
    """
    height, width = right.shape[0], down.shape[1]
    labels = np.full((height, width), -1, np.int32)
    region = np.empty(height * width, np.int64)
    count = 0
    for start in range(height * width):
        if labels[start // width, start % width] >= 0:
            continue
        labels[start // width, start % width] = count
        region[0], size = start, 1
        while size > 0:
            size -= 1
            y, x = region[size] // width, region[size] % width
            for n in range(4):
                v, u = y + _DOWN[n], x + _RIGHT[n]
                if not (0 <= v < height and 0 <= u < width):
                    continue
                joined = right[y, min(x, u)] if v == y else down[min(y, v), x]
                if joined and labels[v, u] < 0:
                    labels[v, u] = count
                    region[size] = v * width + u
                    size += 1
        count += 1
    return labels


@numba.njit(cache=True, nogil=True)
def _merge(count, pairs, sums, lengths):
    """Merge the pair with the smallest mean, count - 1 times.

    The borders of a region are a linked list. When two regions are merged,
    the border of the union with a common neighbor keeps the number of one of
    the two borders, and the other one is dropped.
    """
    borders = len(pairs)
    nodes = 2 * count - 1
    ends = pairs.copy()
    head = np.full(nodes, -1, np.int32)
    following = np.empty(2 * borders, np.int32)
    version = np.zeros(borders, np.int32)
    heap = []
    for border in range(borders):
        for side in range(2):
            own = ends[border, side]
            following[2 * border + side] = head[own]
            head[own] = 2 * border + side
        heap.append(
            (sums[border] / lengths[border], np.int32(border), np.int32(0))
        )
    heapq.heapify(heap)
    children = np.empty((count - 1, 2), np.int32)
    heights = np.zeros(nodes)
    place = np.full(nodes, -1, np.int32)  # border of the union with a node
    seen = np.full(nodes, -1, np.int32)
    highest = 0.0
    union = count
    while union < nodes:
        mean, border, own_version = heapq.heappop(heap)
        if version[border] != own_version:
            continue
        version[border] = -1
        a, b = ends[border, 0], ends[border, 1]
        children[union - count, 0] = min(a, b)
        children[union - count, 1] = max(a, b)
        # Means never fall, except by rounding.
        highest = max(highest, mean)
        heights[union] = highest
        for part in (a, b):
            link = head[part]
            while link >= 0:
                after = following[link]
                other_border, side = link // 2, link % 2
                link_used = link
                link = after
                if version[other_border] < 0:
                    continue
                other = ends[other_border, 1 - side]
                if seen[other] == union:
                    kept = place[other]
                    sums[kept] += sums[other_border]
                    lengths[kept] += lengths[other_border]
                    version[other_border] = -1
                    version[kept] += 1
                    heapq.heappush(
                        heap, (sums[kept] / lengths[kept], kept, version[kept])
                    )
                    continue
                seen[other] = union
                place[other] = other_border
                ends[other_border, side] = union
                following[link_used] = head[union]
                head[union] = link_used
        union += 1
    return children, heights


@numba.njit(cache=True, nogil=True)
def _join_levels(children, heights):
    """Replace binary nodes by nodes with all merges at one height."""
    nodes = len(heights)
    count = nodes - len(children)
    parents = np.full(nodes, -1, np.int32)
    for union in range(count, nodes):
        parents[children[union - count, 0]] = union
        parents[children[union - count, 1]] = union
    number = np.full(nodes, -1, np.int32)
    kept = 0
    for node in range(nodes):
        above = parents[node]
        if node < count or above < 0 or heights[above] > heights[node]:
            number[node] = kept
            kept += 1
    own_parents = np.full(kept, -1, np.int32)
    own_heights = np.empty(kept)
    for node in range(nodes):
        if number[node] < 0:
            continue
        own_heights[number[node]] = heights[node]
        above = parents[node]
        while above >= 0 and number[above] < 0:
            above = parents[above]
        if above >= 0:
            own_parents[number[node]] = number[above]
    return own_parents, own_heights


@numba.njit(cache=True, nogil=True)
def _common_ancestors(parents, pairs):
    found = np.empty(len(pairs), np.int32)
    for i in range(len(pairs)):
        a, b = pairs[i, 0], pairs[i, 1]
        while a != b:  # a parent has a larger number than its children
            if a < b:
                a = parents[a]
            else:
                b = parents[b]
        found[i] = a
    return found


@numba.njit(cache=True, nogil=True)
def _follow_majority(parents, starts, leaves, sizes):
    """Leaf of each segment, from the pixels that it shares with leaves.

    The nodes above these leaves are visited from the bottom. Each keeps its
    size and the leaf below its largest child.
    """
    segments = len(starts) - 1
    found = np.empty(segments, np.int32)
    for segment in range(segments):
        first, last = starts[segment], starts[segment + 1]
        count = last - first
        nodes = leaves[first:last].copy()
        total = sizes[first:last].copy()
        largest = total.copy()
        winner = nodes.copy()
        while count > 1:
            lowest = 0
            for i in range(1, count):
                if nodes[i] < nodes[lowest]:
                    lowest = i
            nodes[lowest] = parents[nodes[lowest]]
            largest[lowest] = total[lowest]
            for i in range(count):
                if i != lowest and nodes[i] == nodes[lowest]:
                    total[i] += total[lowest]
                    if largest[lowest] > largest[i]:
                        largest[i] = largest[lowest]
                        winner[i] = winner[lowest]
                    count -= 1
                    nodes[lowest] = nodes[count]
                    total[lowest] = total[count]
                    largest[lowest] = largest[count]
                    winner[lowest] = winner[count]
                    break
        found[segment] = winner[0]
    return found


@numba.njit(cache=True, nogil=True)
def _restrict(parents, used):
    """Drop leaves that are not used, and nodes with less than two children.

    Returns the new number of each node, -1 for those that are dropped, and the
    new parents.
    """
    nodes = len(parents)
    children = np.zeros(nodes, np.int32)
    kept = used.copy()
    for node in range(nodes):
        if children[node] >= 2:
            kept[node] = True
        if node < nodes - 1 and (kept[node] or children[node] == 1):
            children[parents[node]] += 1
    number = np.full(nodes, -1, np.int32)
    count = 0
    for node in range(nodes):
        if kept[node]:
            number[node] = count
            count += 1
    own = np.full(count, -1, np.int32)
    for node in range(nodes):
        if kept[node]:
            above = parents[node]
            while above >= 0 and not kept[above]:
                above = parents[above]
            if above >= 0:
                own[number[node]] = number[above]
    return number, own
