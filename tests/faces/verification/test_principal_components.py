"""PCA against scikit-learn."""

import numpy as np
import pytest

from kcv.faces.verification import PCA

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(60, 12), (12, 60)])
@pytest.mark.parametrize("whiten", [False, True])
def test_components_are_those_of_scikit_learn(shape, whiten):
    from sklearn.decomposition import PCA as Reference

    x = RNG.standard_normal(shape) @ np.diag(np.linspace(0.3, 4, shape[1])) + 2
    own = PCA(components=5, whiten=whiten).fit(x)
    reference = Reference(5, whiten=whiten, svd_solver="full").fit(x)
    np.testing.assert_allclose(
        own.variances, reference.explained_variance_, rtol=1e-10
    )
    fresh = RNG.standard_normal((7, shape[1]))
    signs = np.sign((own.directions * reference.components_).sum(1))
    np.testing.assert_allclose(
        own.transform(fresh), reference.transform(fresh) * signs, atol=1e-9
    )
    assert (np.abs(own.directions).max(1) == own.directions.max(1)).all()


def test_a_saved_projection_is_the_same(tmp_path):
    x = RNG.standard_normal((20, 6))
    pca = PCA(3, whiten=True).fit(x)
    pca.save(tmp_path / "pca.npz")
    loaded = PCA.load(tmp_path / "pca.npz")
    np.testing.assert_array_equal(loaded.transform(x), pca.transform(x))
    assert loaded.components == 3


def test_components_without_variance_are_refused():
    x = RNG.standard_normal((20, 2)) @ RNG.standard_normal((2, 6))
    with pytest.raises(ValueError, match="20 features of rank 2"):
        PCA(3).fit(x)
    with pytest.raises(ValueError, match="of rank 0"):
        PCA(1).fit(np.ones((4, 3)))
    with pytest.raises(ValueError, match="`components` must be a positive"):
        PCA(0)
    with pytest.raises(ValueError, match=r"the shape \(images, 6\)"):
        PCA(2).fit(x).transform(x[:, :5])
    with pytest.raises(ValueError, match="PCA must be fitted first"):
        PCA(2).transform(x)
