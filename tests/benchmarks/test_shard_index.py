import pytest

from benchmarks.shard_index import measure
from benchmarks.shard_index import write_shards


@pytest.mark.slow
def test_many_images_are_read_from_one(tmp_path):
    folder = write_shards(tmp_path / "many", 2000)
    opened, first, grown = measure(folder)
    assert 0 <= opened <= first
    assert grown >= 0
