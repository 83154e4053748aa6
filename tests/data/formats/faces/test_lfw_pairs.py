import pytest

from kcv.data import read_pairs

IDS = tuple(
    f"{name}/{name}_{number:04d}.jpg"
    for name in ("Ann_Lee", "Bo", "Cy_1")
    for number in (1, 2, 3)
)
LINES = (
    "2\t2",
    *("Ann_Lee\t1\t2", "Bo\t3\t1", "Ann_Lee\t1\tBo\t2", "Bo\t1\tCy_1\t3"),
    *("Cy_1\t2\t3", "Cy_1\t1\t3", "Cy_1\t1\tBo\t1", "Cy_1\t1\tBo\t2"),
)


@pytest.fixture
def write(tmp_path):
    def write(*lines):
        file = tmp_path / "pairs.txt"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return file

    return write


def test_pairs_are_positions_in_the_set(write):
    pairs = read_pairs(write(*LINES), IDS)
    assert pairs.first.tolist() == [0, 5, 0, 3, 7, 6, 6, 6]
    assert pairs.second.tolist() == [1, 3, 4, 8, 8, 8, 3, 4]
    assert pairs.same.tolist() == 2 * [True, True, False, False]
    assert pairs.folds.tolist() == 4 * [0] + 4 * [1]


def test_lists_without_folds_are_one_fold(write):
    lines = ("1", LINES[1], LINES[3])
    pairs = read_pairs(write(*lines), [name.split("/")[1] for name in IDS])
    assert pairs.first.tolist() == [0, 0]
    assert pairs.folds.tolist() == [0, 0]


def test_blanks_instead_of_tabs_and_a_byte_order_mark(write):
    lines = ["\ufeff" + LINES[0], *LINES[1:], ""]
    lines = [line.replace("\t", "  ") for line in lines]
    assert read_pairs(write(*lines), IDS).first[1] == 5


@pytest.mark.parametrize(
    ("line", "text", "message"),
    [
        (0, "ten\t300", "line 1: .*number of folds.*'ten 300'"),
        (0, "0\t2", "line 1: .*number of folds"),
        (0, "3\t2", "must be 12 pairs.*8 pairs"),
        (1, "Bo\t1", "line 2: there must be NAME i j.*'Bo 1'"),
        (3, "Bo\t1\t2", "line 4: there must be NAME i NAME j"),
        (1, "Bo\tone\t2", "line 2: the number of a photo .*'one'"),
        (2, "Bo\t1\t9", "line 3: the set has no photo Bo_0009"),
        (4, "Bo\t1\tDi\t3", "line 5: the set has no photo Di_0003"),
        (1, "Bo\t1\t1", "line 2: .*two different photos"),
        (3, "Bo\t1\tBo\t2", "line 4: .*two names.*'Bo' twice"),
    ],
)
def test_mistakes_are_named_with_file_and_line(write, line, text, message):
    lines = list(LINES)
    lines[line] = text
    with pytest.raises(ValueError, match=rf"pairs\.txt.*{message}"):
        read_pairs(write(*lines), IDS)


def test_missing_and_binary_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file .*nowhere.txt"):
        read_pairs(tmp_path / "nowhere.txt", IDS)
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(ValueError, match="binary.txt is not a text file"):
        read_pairs(tmp_path / "binary.txt", IDS)
    (tmp_path / "empty.txt").write_text("")
    with pytest.raises(ValueError, match="line 1: .*number of folds"):
        read_pairs(tmp_path / "empty.txt", IDS)
