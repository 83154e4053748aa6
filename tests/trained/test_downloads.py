"""Models of the web, from a server of this process."""

import functools
import hashlib
import threading
from http.server import SimpleHTTPRequestHandler
from http.server import ThreadingHTTPServer

import pytest

import kcv
from kcv.trained import download_model


class Handler(SimpleHTTPRequestHandler):
    """Server of a folder that counts what it is asked for."""

    asked = []

    def log_message(self, *_):
        self.asked.append(self.path)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Address of a folder with a model, and the model's checksum."""
    folder = tmp_path_factory.mktemp("site")
    path = folder / "lenet.keras"
    kcv.classification.LeNet5().save(path)
    handler = functools.partial(Handler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        checksum = hashlib.sha256(path.read_bytes()).hexdigest()
        yield f"http://127.0.0.1:{server.server_port}/lenet.keras", checksum
        server.shutdown()
        thread.join()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    return tmp_path / "models" / "kcv"


def test_a_model_is_downloaded_once_and_loaded(site, cache):
    address, checksum = site
    Handler.asked.clear()
    for _ in range(2):
        model = kcv.load_model(address, sha256=checksum.upper())
        assert model.output_shape == (None, 10)
    assert Handler.asked == ["/lenet.keras"]
    (file,) = (path for path in cache.rglob("*") if path.is_file())
    assert file.name == "lenet.keras"


def test_a_file_of_the_cache_that_has_changed_is_replaced(site, cache):
    address, checksum = site
    file = download_model(address, checksum)
    content = file.read_bytes()
    file.write_bytes(content[:100])
    assert download_model(address, checksum) == file
    assert file.read_bytes() == content


def test_another_checksum_leaves_nothing(site, cache):
    address, checksum = site
    with pytest.raises(ValueError, match="must have the checksum") as error:
        download_model(address, "0" * 64)
    assert checksum in str(error.value)
    assert address in str(error.value)
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_a_file_that_is_not_there_is_an_error_with_its_address(site, cache):
    address = site[0].replace("lenet", "alexnet")
    with pytest.raises(OSError, match=r"alexnet\.keras cannot be downloaded"):
        download_model(address, "0" * 64)
    assert not [path for path in cache.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("address", "sha256", "message"),
    [
        ("http://a.org/b.keras", None, "`sha256` must be given"),
        ("https://a.org/b.zip", None, "must end in .keras"),
        ("ftp://a.org/b.keras", None, "must begin with https://"),
        ("https://a.org/b.keras", "12", "64 hexadecimal digits"),
    ],
)
def test_addresses_and_checksums_have_one_form(address, sha256, message):
    with pytest.raises(ValueError, match=message):
        download_model(address, sha256)


def test_no_code_of_the_web_is_run():
    with pytest.raises(ValueError, match="`safe_mode` must be True"):
        kcv.load_model("https://a.org/b.keras", safe_mode=False)
    with pytest.raises(ValueError, match="`sha256` must be left out"):
        kcv.load_model("model.keras", sha256="0" * 64)
