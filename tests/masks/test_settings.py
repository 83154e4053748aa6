import pytest

from kcv.masks import PatchGeometry
from kcv.masks import SceneSearch
from kcv.masks import octaves


@pytest.mark.parametrize(
    ("size", "context", "canonical"),
    [(160, 16, 92), (224, 0, 128), (64, 16, 37)],
)
def test_canonical_objects(size, context, canonical):
    geometry = PatchGeometry(size, context)
    assert geometry.object_size == canonical
    assert geometry.input_size == size + 2 * context
    assert geometry.cells == size // 16


def test_scales_of_the_code():
    assert SceneSearch().scales == octaves(-2.5, 0.5)
    assert len(octaves(-2, 1)) == 7


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        (PatchGeometry, {"size": 100}),
        (PatchGeometry, {"context": 8}),
        (PatchGeometry, {"stride": 0}),
        (SceneSearch, {"scales": ()}),
        (SceneSearch, {"scales": (1, -1)}),
        (SceneSearch, {"max_proposals": 0}),
        (SceneSearch, {"mask_threshold": 1.0}),
    ],
)
def test_numbers_out_of_range(settings, options):
    (name,) = options
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        settings(**options)
