import pytest

from kcv.data.streams.ordering import visit


def test_without_seed_in_order_once():
    assert [int(i) for i in visit(5)] == [0, 1, 2, 3, 4]
    assert [int(i) for i in visit(5, start=3)] == [3, 4]
    assert [int(i) for i in visit(5, start=9)] == []


def test_every_epoch_is_another_permutation():
    order = [int(i) for i in visit(50, seed=1).take(150)]
    epochs = [tuple(order[k : k + 50]) for k in (0, 50, 100)]
    assert all(sorted(epoch) == list(range(50)) for epoch in epochs)
    assert len({*epochs, tuple(range(50))}) == 4
    assert order[:50] != [int(i) for i in visit(50, seed=2).take(50)]


@pytest.mark.parametrize("start", [1, 6, 7, 20])
def test_goes_on_where_it_stopped(start):
    whole = [int(i) for i in visit(7, seed=3).take(30)]
    assert [int(i) for i in visit(7, 3, start).take(30 - start)] == (
        whole[start:]
    )


def test_one_example():
    assert [int(i) for i in visit(1, seed=0).take(3)] == [0, 0, 0]


def test_negative_start():
    with pytest.raises(ValueError, match="`start` must be .*start=-1"):
        visit(3, start=-1)
