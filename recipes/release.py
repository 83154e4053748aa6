r"""Files of trained models, with their cards, for a release.

    python -m recipes.release

writes the small models of the recipes into one folder: a `.keras` file of
each, which `kcv.load_model` loads, its card in Markdown, and SHA256SUMS. Runs
that are missing are trained first, by their recipes. The command says before
how long that takes, and resumes where it was stopped.

    python -m recipes.release --runs runs --no-train

packs the runs that exist, and lists the others. The figures of a card are those
of its run, and of the packed file where its weights were rounded.

    python -m recipes.release --wheel

also replaces the files that come with kcv, in kcv/trained/files.
"""

import dataclasses
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from kcv.environment import package_versions
from kcv.storage import make_folder
from kcv.storage import write_whole
from kcv.trained.catalog import FOLDER
from recipes.common.command import run_command
from recipes.common.releasing.assets import Asset
from recipes.common.releasing.packing import pack
from recipes.common.releasing.packing import write_checksums
from recipes.common.run import Folder
from recipes.released_models import ASSETS


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Folder):
    """Options of this command.

    Attributes:
        out: Folder of the files.
        runs: Folder of all runs, in which each has a folder of its own.
        models: Names of the models. Defaults to all.
        train: Train what is missing. With --no-train it is listed.
        downloads: Also train what needs a download.
        wheel: Also replace the files that come with kcv.
    """

    out: Path = Path("runs/release")
    runs: Path = Path("runs")
    models: tuple[str, ...] = tuple(asset.name for asset in ASSETS)
    train: bool = True
    downloads: bool = False
    wheel: bool = False


def main(run: Options) -> dict:
    """Train what is missing, and pack all models."""
    names = [asset.name for asset in ASSETS]
    if unknown := sorted({*run.models} - {*names}):
        raise ValueError(
            f"`models` must be among {', '.join(names)}. Received: "
            f"models={unknown}"
        )
    asked = [asset for asset in ASSETS if asset.name in run.models]
    versions = package_versions()

    # === Train ===
    missing = [x for x in asked if not x.result.file(run.runs).exists()]
    for asset in missing:
        needs = f", needs {asset.result.needs}" if asset.result.needs else ""
        print(f"missing: {asset.name}, {asset.result.minutes} minutes{needs}")
    if run.train:
        train_missing(
            [x for x in missing if run.downloads or not x.result.needs],
            run.runs,
        )

    # === Pack ===
    make_folder("out", run.out)
    done = [x for x in asked if x.result.file(run.runs).exists()]
    files = {x.name: pack(x, run.runs, run.out, versions) for x in done}
    write_checksums(run.out)
    for asset in done:
        file = files[asset.name]
        print(f"{asset.name}: {file}, {file.stat().st_size:,} bytes")
        if run.wheel and asset.ships:
            copy_to_wheel(file, asset.name)
    return {name: str(file) for name, file in files.items()}


def train_missing(assets: Sequence[Asset], runs: Path) -> None:
    """Train models by their recipes, one after another.

    Args:
        assets: Models without a finished run.
        runs: Folder of all runs.

    Raises:
        ChildProcessError: If a recipe fails. The runs before it are kept.
    """
    minutes = sum(asset.result.minutes or 0 for asset in assets)
    print(f"{len(assets)} runs, about {minutes} minutes on two CPU cores")
    for asset in assets:
        print(f"\n{asset.name}", flush=True)
        command = [sys.executable, *asset.command(runs)]
        if subprocess.run(command, check=False).returncode:
            raise ChildProcessError(
                f"The run of {asset.name} has failed. The same command resumes."
            )


def copy_to_wheel(file: Path, name: str) -> None:
    """Copy a file and its card to those that come with kcv."""
    place = FOLDER / f"{name}.keras"
    place.parent.mkdir(parents=True, exist_ok=True)
    write_whole(place, file.read_bytes())
    card = file.with_suffix(".md").read_bytes()
    write_whole(place.with_suffix(".md"), card)


if __name__ == "__main__":
    run_command(main, Options())
