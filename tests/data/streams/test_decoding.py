import pytest
import tensorflow as tf
from PIL import Image

from kcv.data.streams.decoding import decode


@pytest.fixture
def folder(tmp_path):
    """Eleven files, of which two are truncated and one is absent."""
    files = []
    for number in range(11):
        file = tmp_path / f"{number:02d}.png"
        Image.new("RGB", (14, 9), (number, 0, 0)).save(file)
        if number in (3, 7):
            file.write_bytes(file.read_bytes()[:-30])
        elif number == 10:
            file.unlink()
        files.append(str(file))
    return files


def stream(files, **options):
    dataset = tf.data.Dataset.from_tensor_slices({"file": files})
    dataset = dataset.enumerate().map(lambda n, x: {**x, "number": n})
    return decode(dataset, lambda x: tf.io.read_file(x["file"]), **options)


def test_decode_raises_and_names_the_file(folder):
    steps = iter(stream(folder))
    assert [int(next(steps)["number"]) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"03\.png"):
        next(steps)


def test_decode_skips_in_order_and_counts(folder, caplog):
    skipped = []
    dataset = stream(folder, on_error="skip", skipped=skipped)
    for _ in range(2):
        numbers = [int(example["number"]) for example in dataset]
        assert numbers == [0, 1, 2, 4, 5, 6, 8, 9]
    assert skipped == [folder[3], folder[7], folder[10]]
    assert [r.args[0] for r in caplog.records] == skipped


def test_decode_knows_its_length(folder):
    assert len(stream(folder)) == 11


def test_decode_checks_on_error(folder):
    with pytest.raises(ValueError, match="'ignore'"):
        stream(folder, on_error="ignore")
