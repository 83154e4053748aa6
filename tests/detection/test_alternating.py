import keras
import numpy as np
import pytest

from kcv.detection import BoxNormalization
from kcv.detection import DetectionSelection
from kcv.detection import FasterRCNN
from kcv.detection import ProposalSelection
from kcv.detection import RegionProposals
from kcv.detection import combine_unshared
from kcv.detection import copy_head
from kcv.detection import custom_parts
from kcv.detection import share_features
from kcv.detection import with_fixed_trunk


def equal(a, b):
    return [np.array_equal(x, y) for x, y in zip(a, b, strict=True)]


@pytest.fixture
def stages(make_proposer, make_fast, proposed):
    """The four models after a little training, on proposals as given."""
    x, y = proposed
    rng = np.random.default_rng(0)
    std = rng.uniform(0.1, 0.3, (3, 4))
    mean = rng.normal(0, 0.05, (3, 4))
    options = {
        "box_normalization": BoxNormalization(mean, std),
        "detections": DetectionSelection(0.02),
    }

    def fit(model):
        # So few steps are quicker than tracing them.
        model.compile(keras.optimizers.Adam(3e-3), run_eagerly=True)
        model.fit(x, y, batch_size=2, epochs=3, verbose=0)
        return model

    first = fit(make_proposer())
    second = fit(make_fast(**options))
    third = fit(make_proposer(with_fixed_trunk(second.parts)))
    fourth = make_fast(parts=with_fixed_trunk(second.parts), **options)
    copy_head(fourth, second)
    return first, second, third, fit(fourth)


def test_steps_3_and_4_leave_every_convolution_alone(stages):
    first, second, third, fourth = stages
    shared = second.parts.trunk.get_weights()
    assert all(equal(third.parts.trunk.get_weights(), shared))
    assert all(equal(fourth.parts.trunk.get_weights(), shared))
    assert not any(equal(first.parts.trunk.get_weights(), shared))
    # Their own layers have learned, and no others.
    assert {v.path.split("/")[-2] for v in third.trainable_variables} == {
        "rpn_conv_3x3",
        "rpn_cls_score",
        "rpn_bbox_pred",
    }
    assert {v.path.split("/")[-2] for v in fourth.trainable_variables} == {
        "fc6",
        "cls_score",
        "bbox_pred",
    }
    assert not any(
        equal(fourth.parts.head.get_weights(), second.parts.head.get_weights())
    )
    # Step 2 can still be trained.
    assert second.parts.trunk.trainable


def test_a_fixed_trunk_keeps_its_statistics(make_proposer, batch):
    images = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, 8, padding="same")(images)
    x = keras.layers.BatchNormalization()(x)
    parts = custom_parts(
        keras.Model(images, x), keras.layers.Identity(), roi_size=3, units=(8,)
    )
    model = make_proposer(with_fixed_trunk(parts))
    model.compile("sgd")
    model.fit(*batch, batch_size=2, verbose=0)
    assert all(
        equal(model.parts.trunk.get_weights(), parts.trunk.get_weights())
    )


def test_one_model_detects_what_the_two_do(stages, make_detector, proposed):
    """Boxes too, though the detector's box targets are normalized."""
    x, y = proposed
    _, _, third, fourth = stages
    model = make_detector(
        detections=DetectionSelection(0.02),
        test_proposals=ProposalSelection(400, 20, min_side=4),
    )
    share_features(model, third, fourth)
    found = model.predict(x, verbose=0)
    proposed = RegionProposals(
        third.parts, **{**third.settings(), "proposals": model.test_proposals}
    )
    proposed.set_weights(third.get_weights())
    proposals = proposed.predict(x, verbose=0)["proposals"]
    expected = fourth.predict({**x, "proposals": proposals}, verbose=0)
    assert expected["num_detections"].min() > 0
    for key, value in expected.items():
        np.testing.assert_allclose(
            found[key], value, rtol=1e-4, atol=1e-3, err_msg=key
        )
    # And it can go on learning jointly.
    assert model.parts.trunk.trainable
    model.compile("sgd")
    model.fit(x, y, batch_size=2, verbose=0)


def test_a_copied_head_finds_the_same(stages, make_fast, proposed):
    """Whatever the box targets are normalized by."""
    x, _ = proposed
    _, second, _, _ = stages
    rng = np.random.default_rng(1)
    model = make_fast(
        parts=with_fixed_trunk(second.parts),
        box_normalization=BoxNormalization(
            rng.normal(0, 0.05, (3, 4)), rng.uniform(0.1, 0.3, (3, 4))
        ),
        detections=DetectionSelection(0.02),
    )
    copy_head(model, second)
    expected = second.predict(x, verbose=0)
    assert expected["num_detections"].min() > 0
    for key, value in model.predict(x, verbose=0).items():
        np.testing.assert_allclose(value, expected[key], atol=1e-3)


def test_unshared_is_a_model_of_two(stages, proposed, tmp_path):
    x, _ = proposed
    first, second, _, _ = stages
    selection = ProposalSelection(400, 20, min_side=4)
    model = combine_unshared(first, second, selection)
    inputs = {key: x[key] for key in ("images", "image_sizes")}
    found = model.predict(inputs, verbose=0)
    quick = RegionProposals(
        first.parts, **{**first.settings(), "proposals": selection}
    )
    quick.set_weights(first.get_weights())
    proposals = quick.predict(inputs, verbose=0)["proposals"]
    expected = second.predict({**x, "proposals": proposals}, verbose=0)
    assert expected["num_detections"].min() > 0
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, atol=1e-3, err_msg=key)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for key, value in again.predict(inputs, verbose=0).items():
        np.testing.assert_array_equal(value, found[key])


def test_two_trunks_are_not_shared(stages):
    first, second, _, fourth = stages
    model = FasterRCNN(3, second.parts)
    with pytest.raises(ValueError, match="kcv.detection.combine_unshared"):
        share_features(model, first, fourth)
