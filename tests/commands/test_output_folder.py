import json
from pathlib import Path

import pytest

from kcv.commands.output_folder import OutputFolder
from kcv.commands.output_folder import check_folder


def test_a_folder_with_files_is_not_written_into(tmp_path):
    check_folder(tmp_path)
    check_folder(tmp_path / "new")
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError, match="--overwrite"):
        check_folder(tmp_path)
    check_folder(tmp_path, overwrite=True)
    with pytest.raises(NotADirectoryError, match="is a file"):
        check_folder(tmp_path / "file")


def test_the_folder_is_made_at_the_first_file(tmp_path):
    folder = OutputFolder(tmp_path / "out")
    folder.close()
    assert not (tmp_path / "out").exists()
    folder.add_file("images/a.jpg", b"1")
    folder.add_records([{"name": "é"}])
    folder.add_summary({"done": 1})
    folder.close()
    assert (tmp_path / "out/images/a.jpg").read_bytes() == b"1"
    line = (tmp_path / "out/predictions.jsonl").read_text("utf-8")
    assert json.loads(line) == {"name": "é"}


class FullDisk:
    """A file on a disk with room for some bytes."""

    def __init__(self, file, room):
        self.file, self.room = file, room

    def __getattr__(self, name):
        return getattr(self.file, name)

    def write(self, text):
        if not self.room:
            raise OSError(28, "No space left on device")
        written = self.file.write(text[: self.room])
        self.room -= written
        return written


def test_a_full_disk_leaves_whole_lines(tmp_path):
    folder = OutputFolder(tmp_path)
    folder.add_records([{"number": 1}])
    folder._records = FullDisk(folder._records, 20)
    folder.add_records([{"number": 2}])
    with pytest.raises(OSError, match=r"No space left.*predictions\.jsonl"):
        folder.add_records([{"number": 3}])
    folder.close()
    lines = (tmp_path / "predictions.jsonl").read_text().splitlines()
    assert [json.loads(line)["number"] for line in lines] == [1, 2]


def test_a_full_disk_leaves_no_half_file(tmp_path, monkeypatch):
    folder = OutputFolder(tmp_path)
    folder.add_file("images/a.jpg", b"whole")

    def write_some(path, content):
        with open(path, "wb") as file:
            file.write(content[:2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write_some)
    for name in ("a.jpg", "b.jpg"):
        with pytest.raises(OSError, match=rf"No space left.*{name}"):
            folder.add_file(f"images/{name}", b"other")
    assert [*(tmp_path / "images").iterdir()] == [tmp_path / "images/a.jpg"]
    assert (tmp_path / "images/a.jpg").read_bytes() == b"whole"
