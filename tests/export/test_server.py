"""The server's configuration files, read by the parsers that there are."""

from pathlib import Path

import pytest
from google.protobuf import text_format

SERVER = Path(__file__).parents[2] / "export" / "server"


def test_models_config():
    management = pytest.importorskip(
        "tensorflow_serving.apis.model_management_pb2",
        reason="the official stubs (tensorflow-serving-api) are absent",
    )
    config = management.ReloadConfigRequest().config
    text_format.Parse((SERVER / "models.config").read_text(), config)
    [model] = config.model_config_list.config
    assert model.base_path == f"/models/{model.name}"


def test_compose_mounts_files_that_exist():
    yaml = pytest.importorskip("yaml", reason="PyYAML is absent")
    compose = yaml.safe_load((SERVER / "compose.yaml").read_text())
    service = compose["services"]["serving"]
    for argument in service["command"]:
        _, path = argument.split("=/config/")
        assert (SERVER / path).is_file()
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
