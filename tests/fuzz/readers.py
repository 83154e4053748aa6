"""All readers that are fuzzed, by name."""

from tests.fuzz.harness import Reader

NAMES = (
    *("image", "voc", "coco", "idx", "idx.gz", "png", "mat", "cache"),
    *("h5", "keras", "caffemodel", "safetensors", "t7", "pb"),
)


def open_reader(name: str) -> Reader:
    """Return the reader of a name."""
    # Not above, where the names would wait for TensorFlow.
    from tests.fuzz.annotation_readers import annotation_readers
    from tests.fuzz.image_readers import image_readers
    from tests.fuzz.weight_readers import weight_readers

    for readers in (annotation_readers, image_readers, weight_readers):
        found = readers()
        if name in found:
            return found[name]
    raise KeyError(name)
