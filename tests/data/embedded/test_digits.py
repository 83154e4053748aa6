import numpy as np
import pytest

from kcv.data import digits
from kcv.data.embedded.scenes.material import digit_indices


@pytest.mark.parametrize("split", ["train", "test"])
def test_are_those_of_scikit_learn(split):
    datasets = pytest.importorskip("sklearn.datasets")
    found = list(digits(split))
    chosen = digit_indices(split)
    assert len(found) == len(chosen) == {"train": 1433, "test": 364}[split]
    source = datasets.load_digits()
    images = np.stack([example["images"] for example in found])
    assert images.dtype == np.uint8
    assert images.shape[1:] == (8, 8, 1)
    np.testing.assert_allclose(
        images[..., 0] / 255, source.images[chosen] / 16, atol=0.5 / 255
    )
    labels = np.stack([example["labels"] for example in found])
    np.testing.assert_array_equal(labels, source.target[chosen])
    assert labels.dtype == np.int32
    assert len({example["image_id"].numpy() for example in found}) == len(found)


def test_shuffled_stream_goes_on_where_it_stopped():
    def ids(start, count, seed=3):
        dataset = digits("test", seed=seed, start=start).take(count)
        return [example["image_id"].numpy() for example in dataset]

    whole = ids(0, 2 * 364)
    assert sorted(whole[:364]) == sorted(whole[364:])
    assert whole[:364] != whole[364:]
    assert ids(500, 100) == whole[500:600]
    assert ids(0, 100, seed=4) != whole[:100]
    assert whole[0].startswith(b"digits/test/")


def test_unknown_split():
    with pytest.raises(ValueError, match="'val'"):
        digits("val")
