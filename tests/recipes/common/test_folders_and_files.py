"""Output folders that are files, and run files that are not of a run."""

import dataclasses

import pytest

from recipes.common.kept import keep_result
from recipes.common.run import Run
from recipes.common.run import begin


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Run):
    depth: int = 20


def test_an_output_folder_that_is_a_file(tmp_path):
    file = tmp_path / "other"
    file.touch()
    for out in (file, file / "run"):
        with pytest.raises(ValueError, match="`out` must be a folder.*other"):
            begin(Options(out=out))


@pytest.mark.parametrize(
    "text", ["[]", "7", "null", '{"options": []}', '{"options": null}', "{}"]
)
def test_a_configuration_that_is_not_of_a_run(tmp_path, text):
    options = Options(out=tmp_path / "run")
    begin(options)
    options.backup.mkdir()
    (options.backup / "epoch-1.weights.h5").touch()
    (options.out / "config.json").write_text(text)
    with pytest.raises(ValueError, match=r"config\.json: .* a JSON object"):
        begin(options)


def test_a_kept_result_that_is_none(tmp_path):
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(ValueError, match=r"a\.json: the file must be a JSON"):
        keep_result(tmp_path / "a.json", {}, dict)
