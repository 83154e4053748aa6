"""Mask models as a server runs them, at two sizes."""

import keras
import numpy as np
import pytest

import kcv
from export import native
from kcv.masks import DeepMask
from kcv.masks import SceneSearch
from kcv.masks import SharpMask
from kcv.serving import publish


@pytest.fixture(
    scope="module",
    params=[pytest.param("run_length", marks=pytest.mark.slow), "sharpmask"],
)
def model(request):
    keras.utils.set_random_seed(0)
    run_length = request.param == "run_length"
    search = SceneSearch((0.5, 1), 6, 0.5, run_length)
    deepmask = DeepMask("small", search=search)
    if run_length:
        return deepmask
    sharpmask = SharpMask(deepmask)
    # One map for the object, and one against it.
    kernel = np.ones((3, 3, 2, 1)) * [[1], [-1]]
    sharpmask.vertical.get_layer("final").kernel.assign(kernel)
    return sharpmask


def test_the_native_loader_answers_to_the_bit(model, tmp_path, program):
    version = publish(model, tmp_path / "served")
    model.save(tmp_path / "model.keras")
    loaded = kcv.load_model(tmp_path / "model.keras")
    random = np.random.default_rng(0)
    for size in ((50, 67), (96, 41)):
        images = random.uniform(0, 255, (1, *size, 3)).astype("float32")
        expected = model.predict(images, verbose=0)
        assert expected["masks"].any()
        again = loaded.predict(images, verbose=0)
        answer = native.run(
            program, version, "serving_default", {"images": images}
        )
        assert {*answer} == {*expected}
        for name, value in expected.items():
            np.testing.assert_array_equal(again[name], value)
            np.testing.assert_array_equal(answer[name], value)
