"""The proposals of a dataset, computed on many machines by Apache Beam."""

import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from kcv.data.streams.images import decode_image
from kcv.extras import describe_installation
from kcv.proposals.store.cache import KnownImages
from kcv.proposals.store.cache import ProposalCache
from kcv.proposals.store.shards import Computed
from kcv.proposals.store.shards import write_shard

try:
    import apache_beam as beam
except ImportError as error:
    raise ImportError(
        f"kcv.proposals.beam needs apache-beam ({error}). "
        + describe_installation("beam")
    ) from error


class ComputeProposals(beam.PTransform):
    """Compute what a `ProposalCache` does not have yet, in its folder.

    The folder must be one that all workers can write to. After the pipeline, a
    `ProposalCache` of the same settings reads exactly the boxes that
    `ProposalCache.compute` would have computed. A pipeline that was stopped can
    be run again, and computes only the shards that are missing.

    The input are pairs (image_id, image), where the image is an array (H, W, 3)
    uint8 or the bytes of a JPEG, PNG, GIF, BMP or WebP file. The output are the
    names of the shards.

    Args:
        cache: Cache to extend.
        shards: Number of files that new proposals are divided into. A file of
            several hundred images has a good size. Defaults to 64.

    Raises:
        ImportError: If `kcv[beam]` is not installed.
        ValueError: If an image occurs twice or is another one than when the
            cache was made.
        RuntimeError: If a method fails. The message names the image.

    Example:

    ```python
    import apache_beam as beam

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
                "`shards` must be a positive integer. Received: "
                f"shards={shards}"
            )
        self.cache = cache
        self.shards = shards

    def expand(self, images: beam.PCollection) -> beam.PCollection:
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
    if isinstance(image, np.ndarray):
        return image_id, image
    try:
        return image_id, decode_image(image).numpy()
    except Exception as error:
        raise RuntimeError(
            f"image {image_id!r} cannot be decoded: {error}"
        ) from error


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
    return write_shard(folder, computed)
