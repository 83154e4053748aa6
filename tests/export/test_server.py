"""The server's configuration files, read by the parsers that there are."""

import re
from pathlib import Path

import pytest

SERVER = Path(__file__).parents[2] / "export" / "server"


@pytest.fixture(scope="module")
def service():
    yaml = pytest.importorskip("yaml", reason="PyYAML is absent")
    compose = yaml.safe_load((SERVER / "compose.yaml").read_text())
    return compose["services"]["serving"]


def test_compose_mounts_files_that_exist(service):
    for argument in service["command"]:
        name, _, value = argument.partition("=")
        if value.startswith("/config/"):
            assert (SERVER / value.removeprefix("/config/")).is_file()
    assert "--model_config_file=/models/models.config" in service["command"]
    assert all(volume.endswith(":ro") for volume in service["volumes"])
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_compose_bounds_the_server(service):
    assert re.fullmatch(r"tensorflow/serving:\d+\.\d+\.\d+", service["image"])
    user, group = map(int, service["user"].split(":"))
    assert min(user, group) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["pids_limit"] > 0
    assert service["cpus"] > 0
    assert service["mem_limit"] == service["memswap_limit"]
