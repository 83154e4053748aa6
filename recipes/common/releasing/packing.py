"""From the folder of a run to the file of a release."""

import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kcv.storage import write_whole
from kcv.text_files import read_object
from kcv.trained.compact import shrink
from kcv.trained.notes import read_notes
from recipes.common.releasing.assets import Asset
from recipes.common.releasing.cards import write_card


def pack(
    asset: Asset, runs: Path, out: Path, versions: Mapping[str, Any]
) -> Path:
    """Write the file of a trained model, and its card beside it.

    A file that was packed from the same run in the same way stays as it is.

    Args:
        asset: The model, whose run is finished.
        runs: Folder of all runs.
        out: Folder of the release.
        versions: Versions and commit of this process.

    Returns:
        Path of the file.

    Raises:
        ValueError: If the run had other options, or a file of it is damaged.
    """
    folder, file = asset.check_run(runs), out / asset.file
    content = (folder / "model.keras").read_bytes()
    source = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "digits": asset.digits,
        "ships": asset.ships,
    }
    if not file.is_file() or read_notes(file).get("source") != source:
        notes: dict[str, Any] = {
            "source": source,
            "serving": read_object(folder / "serving.json"),
        }
        packed = shrink(content, asset.digits, notes)
        measured = None
        if asset.measure is not None:
            with tempfile.TemporaryDirectory() as place:
                trial = Path(place) / asset.file
                trial.write_bytes(packed)
                measured = asset.measure(trial)
        card = write_card(
            asset,
            runs,
            read_object(folder / "config.json"),
            read_object(folder / "metrics.json"),
            measured,
            versions,
        )
        notes["card"] = card
        write_whole(file, shrink(content, asset.digits, notes))
    kept = str(read_notes(file)["card"])
    write_whole(file.with_suffix(".md"), kept.encode())
    return file


def write_checksums(out: Path) -> Path:
    """Write SHA256SUMS, as the command `sha256sum --check` reads it.

    Args:
        out: Folder of the release.

    Returns:
        Path of the file.
    """
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(out.glob("*.keras"))
    ]
    return write_whole(out / "SHA256SUMS", "".join(lines).encode())
