"""models.config of all models that are published below a folder."""

import pytest

from export import __main__ as command_line
from export.serve_config import serve_config


@pytest.fixture
def models(tmp_path):
    """Published models, and what is not one."""
    folder = tmp_path / "models"
    for name in (
        "style/2",
        "style/1",
        "teams/vision/détecteur/00000007",
        'a "b"/1',
        "unfinished/.tmp-host-1-version-1",
        "other/variables",
    ):
        (folder / name).mkdir(parents=True)
        (folder / name / "saved_model.pb").write_bytes(b"")
    (folder / "empty" / "1").mkdir(parents=True)
    return folder


def parse(file):
    management = pytest.importorskip(
        "tensorflow_serving.apis.model_management_pb2",
        reason="the official stubs (tensorflow-serving-api) are absent",
    )
    from google.protobuf import text_format

    config = management.ReloadConfigRequest().config
    text_format.Parse(file.read_text("utf-8"), config)
    return {
        model.name: model.base_path for model in config.model_config_list.config
    }


def test_all_published_models_are_listed(models):
    expected = {
        'a "b"': '/models/a "b"',
        "style": "/models/style",
        "détecteur": "/models/teams/vision/détecteur",
    }
    file = serve_config(models)
    assert file == models / "models.config"
    assert parse(file) == expected
    (models / "style" / "1").rename(models / "aside")
    (models / "style" / "2").rename(models / "teams" / "1")
    del expected["style"]
    expected = {k: v.replace("/models", "/m") for k, v in expected.items()}
    expected["teams"] = "/m/teams"
    assert parse(serve_config(models, "/m/")) == expected


def test_the_command_line(models, monkeypatch, capsys):
    words = ["export", f"--serve-config={models}"]
    monkeypatch.setattr("sys.argv", words)
    command_line.main()
    assert str(models / "models.config") in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", [*words[:1], "--serve-config", "none"])
    with pytest.raises(SystemExit) as end:
        command_line.main()
    assert end.value.code == 2
    expected = (
        "python -m export: error: `--serve-config` must be a folder of "
        "published models. Received: none, which does not exist\n"
    )
    assert capsys.readouterr().err == expected


def test_folders_without_a_list(models, tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"empty has no published .*out"
    ):
        serve_config(models / "empty")
    with pytest.raises(ValueError, match="style holds versions of a single"):
        serve_config(models / "style")
    for name in ("x/style", "a:b"):
        extra = models / name / "1"
        extra.mkdir(parents=True)
        (extra / "saved_model.pb").write_bytes(b"")
        with pytest.raises(ValueError, match="different names|not contain a c"):
            serve_config(models)
        (extra / "saved_model.pb").unlink()


def test_a_list_of_ones_own_is_kept(models):
    (models / "models.config").write_text("model_config_list { }")
    with pytest.raises(
        FileExistsError, match=r"models\.config was not written"
    ):
        serve_config(models)
    assert (models / "models.config").read_text() == "model_config_list { }"
