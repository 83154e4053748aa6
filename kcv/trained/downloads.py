"""Trained models at an address of the web."""

import hashlib
import os
import re
import urllib.parse
from pathlib import Path

from kcv.storage import remove_leftovers
from kcv.storage import temporary_folder

_ADDRESS = re.compile(r"(?P<scheme>https?)://", re.IGNORECASE)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.IGNORECASE)


def is_address(model: str | os.PathLike) -> bool:
    """Tell whether a model is given by an address of the web.

    Args:
        model: Argument of `kcv.load_model`.

    Returns:
        True for a text that begins with https:// or http://.

    Example:

    >>> is_address("https://example.org/lenet.keras"), is_address("a.keras")
    (True, False)
    """
    return isinstance(model, str) and _ADDRESS.match(model) is not None


def download_model(
    address: str,
    sha256: str | None = None,
    cache: str | os.PathLike | None = None,
) -> Path:
    """Download a `.keras` file, unless it is in the cache.

    The file gets its name in the cache when it is whole and its checksum is
    right, so that a stopped download leaves nothing behind. A file in the cache
    is not asked for again, even if another one is at the address meanwhile.

    Args:
        address: Address that begins with https:// and whose path ends in
            .keras. http:// is allowed with `sha256` alone, since anybody on the
            way could exchange the file.
        sha256: SHA-256 checksum of the file, 64 hexadecimal digits. If None,
            the file is not checked. Defaults to None.
        cache: Folder for the file. Defaults to models/kcv in Keras's folder,
            which is ~/.keras or the value of the environment variable
            KERAS_HOME.

    Returns:
        Path of the file.

    Raises:
        ValueError: If the address or the checksum has another form, or the
            file has another checksum.
        OSError: If the file cannot be downloaded.

    Example:

    ```python
    path = download_model("https://example.org/lenet.keras")
    model = kcv.load_model(path)
    ```
    """
    place = urllib.parse.urlsplit(address)
    if not is_address(address) or not place.path.lower().endswith(".keras"):
        raise ValueError(
            "`address` must begin with https:// and its path must end in "
            f".keras. Received: address={address!r}"
        )
    if sha256 is not None and not _SHA256.fullmatch(sha256):
        raise ValueError(
            "`sha256` must be a checksum of 64 hexadecimal digits. Received: "
            f"sha256={sha256!r}"
        )
    if place.scheme.lower() == "http" and sha256 is None:
        raise ValueError(
            "`sha256` must be given for an address without https, since "
            "anybody on the way could exchange the file. Received: "
            f"address={address!r}, sha256=None"
        )
    folder = Path(cache) if cache is not None else _keras_folder()
    name = Path(urllib.parse.unquote(place.path)).name
    # Files of one name at several addresses do not replace one another.
    number = hashlib.sha256(address.encode()).hexdigest()[:16]
    path = folder / number / name
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        _download(address, path, sha256)
    elif sha256 is not None and _checksum(path) != sha256.lower():
        _download(address, path, sha256)
    return path


def _keras_folder() -> Path:
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    return Path(home) / "models" / "kcv"


def _checksum(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(address: str, path: Path, sha256: str | None) -> None:
    import keras

    remove_leftovers(path.parent)
    folder = temporary_folder(path.parent, "download")
    try:
        try:
            # Keras shows the progress.
            got = keras.utils.get_file(
                "model.keras", address, cache_dir=folder, cache_subdir="."
            )
        except Exception as error:  # Keras raises Exception itself
            raise OSError(f"{address} cannot be downloaded: {error}") from error
        found = _checksum(Path(got))
        if sha256 is not None and found != sha256.lower():
            raise ValueError(
                f"{address} must have the checksum `sha256`. Received: "
                f"sha256={sha256!r}, and a file of {found!r}"
            )
        os.replace(got, path)
    finally:
        for left in folder.iterdir():
            left.unlink()
        folder.rmdir()
