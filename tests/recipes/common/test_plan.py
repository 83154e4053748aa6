"""Plans, and how options change them."""

from pathlib import Path

import pytest

from recipes.common.plan import Plan
from recipes.common.plan import make_adamw
from recipes.common.plan import make_muon
from recipes.common.plan import plan_epochs
from recipes.common.run import Run

PLAN = Plan(batch_size=4, steps=4096, epochs=8, learning_rate=1e-3)


def changed(**options) -> Plan:
    return PLAN.with_options(Run(out=Path("run"), **options))


def test_without_options_a_plan_stays():
    assert changed() == PLAN
    assert PLAN.steps_per_epoch == 512
    assert PLAN.images_per_epoch == 2048


@pytest.mark.parametrize("batch_size", [1, 3, 4, 8, 100, 5000])
def test_an_epoch_shows_as_many_images_as_whole_groups_allow(batch_size):
    plan = changed(batch_size=batch_size, epochs=3)
    assert plan.steps_per_epoch % 8 == 0
    assert plan.steps == 3 * plan.steps_per_epoch
    assert plan.steps_per_epoch == 8 or (
        abs(plan.images_per_epoch - 2048) <= 4 * batch_size
    )


def test_options_come_first():
    plan = changed(epochs=2, steps_per_epoch=16, learning_rate=0.5)
    assert plan == Plan(4, 32, 2, 0.5)


def test_an_epoch_that_cannot_be_resumed_exactly_is_refused():
    with pytest.raises(ValueError, match="multiple of 8, .*steps_per_epoch=12"):
        changed(steps_per_epoch=12)


@pytest.mark.parametrize(
    ("images", "steps_per_epoch"),
    # Of 16,384 images, 100 times each of few, in whole groups of 8 updates.
    [(None, 512), (164, 512), (163, 512), (82, 256), (24, 72), (1, 8)],
)
def test_few_images_shorten_the_epochs(images, steps_per_epoch, caplog):
    run = Run(out=Path("run"))
    plan = PLAN.with_options(run, images=images)
    assert plan.steps_per_epoch == steps_per_epoch
    assert plan.epochs == 8
    few = images is not None and images < 164
    assert len(caplog.records) == few
    if images == 24:
        assert caplog.messages == [
            "24 training images are few for a plan of 16,384. Its 8 epochs "
            "show 2,304, each image about 96 times. --epochs and "
            "--steps-per-epoch change it."
        ]


def test_options_set_other_numbers_for_few_images():
    run = Run(out=Path("run"), epochs=3, batch_size=2)
    assert PLAN.with_options(run, images=24)[:3] == (2, 3 * 152, 3)
    run = Run(out=Path("run"), steps_per_epoch=800)
    assert PLAN.with_options(run, images=24).steps == 6400


@pytest.mark.parametrize(
    ("options", "steps_per_epoch"),
    [
        ({}, 390),
        ({"batch_size": 60}, 833),
        ({"batch_size": 60_000}, 1),
        ({"steps_per_epoch": 5}, 5),
    ],
)
def test_epochs_of_a_set(options, steps_per_epoch):
    run = Run(out=Path("run"), epochs=2, **options)
    plan = plan_epochs(run, 50_000, 128, epochs=164, learning_rate=0.1)
    assert plan.steps_per_epoch == steps_per_epoch
    assert plan.epochs == 2
    assert plan.learning_rate == 0.1


@pytest.mark.parametrize("make", [make_adamw, make_muon])
def test_optimizers_follow_the_plan(make):
    optimizer = make(PLAN)
    assert float(optimizer.learning_rate) == 0  # It is warmed up.
    optimizer.iterations.assign(PLAN.steps // 16)
    assert float(optimizer.learning_rate) == pytest.approx(1e-3)
    optimizer.iterations.assign(PLAN.steps)
    assert float(optimizer.learning_rate) == pytest.approx(0, abs=1e-9)
