"""Parts of work on Beam's local runner."""

import dataclasses
import json

import pytest

from kcv.parts import PartFiles
from kcv.parts import do_parts
from kcv.parts import keep_settings
from kcv.parts import read_options

pytest.importorskip("apache_beam")
TASKS = [b"a", b"b", b"c"]


@dataclasses.dataclass
class Work:
    """Double a task, and note each call."""

    files: PartFiles

    def __call__(self, number, task):
        with open(self.files.folder / f"calls-{number}", "ab") as file:
            file.write(b".")
        return task * 2


class FailingOnce(Work):
    """The first call for part 1 fails, after another worker did part 0."""

    def __call__(self, number, task):
        content = super().__call__(number, task)
        calls = (self.files.folder / f"calls-{number}").read_bytes()
        if number == 1 and calls == b".":
            self.files.file(0).write_bytes(b"aa")
            raise ValueError("a worker is gone")
        return content


class Failing(Work):
    """Part 1 always fails."""

    def __call__(self, number, task):
        if number == 1:
            raise ValueError("odd part")
        return super().__call__(number, task)


@pytest.fixture
def files(tmp_path):
    return PartFiles(tmp_path, 3, ".txt")


def contents(files):
    return [files.file(number).read_bytes() for number in range(files.count)]


def test_parts_are_done_once(files):
    for _ in range(2):
        do_parts(Work(files), TASKS, files, read_options([]))
    assert contents(files) == [b"aa", b"bb", b"cc"]
    names = {f"results-0000{k}-of-00003.txt" for k in range(3)}
    names |= {f"calls-{k}" for k in range(3)}
    assert {file.name for file in files.folder.iterdir()} == names
    assert (files.folder / "calls-0").read_bytes() == b"."


def test_a_pipeline_starts_again_if_parts_were_done(files, caplog):
    do_parts(FailingOnce(files), TASKS, files, read_options([]))
    assert contents(files) == [b"aa", b"bb", b"cc"]
    assert "started again" in caplog.text
    assert "a worker is gone" in caplog.text


def test_an_error_of_the_work_ends_it(files):
    files.file(0).write_bytes(b"aa")
    files.file(2).write_bytes(b"cc")
    with pytest.raises(Exception, match="odd part"):
        do_parts(Failing(files), TASKS, files, read_options([]))
    assert files.missing() == [1]


def test_settings_must_be_those_of_the_folder(tmp_path):
    keep_settings(tmp_path, {"model": "a", "sizes": (1, 2)})
    keep_settings(tmp_path, {"model": "a", "sizes": (1, 2)})
    with pytest.raises(ValueError, match="model='a'.*Received: model='b'"):
        keep_settings(tmp_path, {"model": "b", "sizes": (1, 2)})
    found = json.loads((tmp_path / "settings.json").read_text())
    assert found["sizes"] == [1, 2]


def test_options_are_those_of_beam():
    with pytest.raises(ValueError, match="options of Apache Beam"):
        read_options(["--direct_num_workers=many"])
