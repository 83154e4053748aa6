"""The file `history.csv`: dropped rows, and several stages."""

import math

from recipes.common.history import keep_epochs
from recipes.common.history import read_history
from recipes.common.history import write_rows


def test_rows_read_back(tmp_path):
    write_rows(tmp_path / "history.csv", [("epoch", "a,b"), (0, 1.5)])
    assert read_history(tmp_path) == {"epoch": [0], "a,b": [1.5]}


def test_epochs_without_a_backup_are_dropped(tmp_path):
    file = tmp_path / "history.csv"
    keep_epochs(file, 0)  # There is none.
    assert not file.exists()
    file.write_text("epoch,loss\n0,2.0\n1,1.5\n2,1.0\n")
    keep_epochs(file, 2)
    assert file.read_text() == "epoch,loss\n0,2.0\n1,1.5\n"
    keep_epochs(file, 0)
    assert file.read_text() == "epoch,loss\n"


def test_stages_one_after_another(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    for folder, text in (
        (one, "epoch,loss\n0,2\n1,1\n"),
        # Keras makes a column of a validation that did not happen.
        (two, "epoch,loss,top1,val_loss\n0,5,0.5,NA\n"),
    ):
        folder.mkdir()
        (folder / "history.csv").write_text(text)
    history = read_history(one, two)
    assert history["epoch"] == [0, 1, 2]
    assert history["loss"] == [2, 1, 5]
    assert history["top1"][2] == 0.5
    assert math.isnan(history["top1"][0])
    assert "val_loss" not in history
