"""The proposals of a data set, computed on many machines by Apache Beam."""

import hashlib
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from kcv.data.streams.images import decode_image
from kcv.proposals.store.cache import KnownImages
from kcv.proposals.store.cache import ProposalCache
from kcv.proposals.store.shards import Computed
from kcv.proposals.store.shards import write_shard

try:
    import apache_beam as beam
except ImportError as error:
    raise ImportError(
        'kcv.proposals.beam needs the extra "beam": pip install "kcv[beam]" '
        f"({error})"
    ) from error


class ComputeProposals(beam.PTransform):
    """Compute what a `ProposalCache` does not have yet, in its folder.

    The folder must be one that all workers can write to. When the pipeline is
    done, a `ProposalCache` of the same settings reads what
    `ProposalCache.compute` would have made, box for box; a pipeline that was
    stopped is run again, and goes on after the shards that are whole.

    Args:
        cache: What there is, and by which method to go on.
        shards: Number of files that new proposals are divided into; some
            hundred images in each are a good size.

    Apply it to pairs (image_id, image): image (H, W, 3) uint8, or the bytes of
    a JPEG, PNG, GIF, BMP or WebP file. Gives the names of the shards.

    Raises:
        ImportError: Without `kcv[beam]`.
        ValueError: If an image occurs twice or is another one than when the
            cache was made.
        RuntimeError: If a method fails, naming the image.

    Example:

    ```python
    cache = kcv.proposals.ProposalCache("/nfs/voc/proposals", mode="fast")
    with beam.Pipeline(options=options) as pipeline:
        (
            pipeline
            | beam.Create(files)
            | beam.Map(lambda file: (file.stem, file.read_bytes()))
            | ComputeProposals(cache)
        )
    ```
    """

    def __init__(self, cache: ProposalCache, shards: int = 64):
        super().__init__()
        if int(shards) != shards or shards < 1:
            raise ValueError(
                f"shards must be a positive integer. Received: shards={shards}"
            )
        self.cache = cache
        self.shards = shards

    def expand(self, images):
        return (
            images
            | "Decode" >> beam.MapTuple(_decoded)
            | "LeaveOut" >> beam.Filter(_is_new, self.cache.known)
            | "Propose" >> beam.MapTuple(self.cache.proposing)
            | "Divide" >> beam.Map(_with_shard, self.shards)
            | "Gather" >> beam.GroupByKey()
            | "Write" >> beam.Map(_written, self.cache.folder)
        )


def _decoded(
    image_id: str, image: np.ndarray | bytes
) -> tuple[str, np.ndarray]:
    if isinstance(image, bytes):
        try:
            image = decode_image(image).numpy()
        except Exception as error:
            raise RuntimeError(
                f"image {image_id!r} cannot be decoded: {error}"
            ) from error
    return image_id, image


def _is_new(image: tuple[str, np.ndarray], known: KnownImages) -> bool:
    return not known.has(*image)


def _with_shard(computed: Computed, shards: int) -> tuple[int, Computed]:
    return zlib.crc32(computed.image_id.encode()) % shards, computed


def _written(shard: tuple[int, Iterable[Computed]], folder: Path) -> str:
    computed = sorted(shard[1], key=lambda image: image.image_id)
    ids = [image.image_id for image in computed]
    twice = [a for a, b in zip(ids, ids[1:], strict=False) if a == b]
    if twice:
        raise ValueError(f"image {twice[0]!r} occurs twice")
    # A worker that has to repeat its work writes the same file again.
    stem = hashlib.sha256("\n".join(ids).encode()).hexdigest()[:16]
    write_shard(folder, stem, computed)
    return stem
