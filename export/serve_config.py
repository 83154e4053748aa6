"""The list of models that a server reads, made from what is published."""

import json
import posixpath
from pathlib import Path

from kcv.storage import write_whole
from kcv.text_files import check_name
from kcv.text_files import path_text

FILE = "models.config"
_HEADER = """\
# Written by `python -m export --serve-config`, which replaces this file.
"""
_NOTES = """\
#
# One `config` per model. base_path holds the numbered versions, as the server
# sees them. The newest is served, and a new one is taken up within a second.
#
# To serve two versions of a model and name them, so that clients can ask for
# version="stable", copy this file and add to its `config`:
#
#   model_version_policy { specific { versions: 1 versions: 2 } }
#   version_labels { key: "stable" value: 1 }
#   version_labels { key: "canary" value: 2 }
#
# Both must be loaded, or the server refuses the labels
# (--allow_version_labels_for_unavailable_models at the first start).
"""
_CONFIG = """\
  config {{
    name: {name}
    base_path: {base_path}
    model_platform: "tensorflow"
  }}
"""


def serve_config(serve_config: Path, base_path: str = "/models") -> Path:
    """Write models.config for all models that are published below a folder.

    A server that is started with --model_config_file=models.config serves
    them by the names of their folders.

    Args:
        serve_config: Folder of published models, such as models, which has
            models/faster_rcnn/1 in it. The file is written there.
        base_path: The same folder as the server sees it. The default is the one
            of export/server/compose.yaml.

    Returns:
        Path of the file.

    Raises:
        FileNotFoundError: If the folder does not exist or has no published
            model below it.
        FileExistsError: If there is a models.config that was written by hand.
        ValueError: If two models have the same name, a name cannot be part of
            an address, or the folder is that of a single model.
    """
    folder = serve_config
    if not folder.is_dir():
        raise FileNotFoundError(
            "`--serve-config` must be a folder of published models. Received: "
            f"{folder}, which does not exist"
        )
    file = folder / FILE
    if file.exists() and not file.read_bytes().startswith(_HEADER.encode()):
        raise FileExistsError(
            f"{file} was not written by this command, which does not replace "
            "it. Move it away first."
        )
    models = _find_models(folder)
    configs = [
        _CONFIG.format(
            name=_quote(name),
            base_path=_quote(posixpath.join(base_path, path_text(place))),
        )
        for name, place in models.items()
    ]
    text = f"{_HEADER}{_NOTES}model_config_list {{\n{''.join(configs)}}}\n"
    write_whole(file, text.encode())
    print(f"Models: {', '.join(models)}")
    print(f"Written: {file}")
    return file


def _find_models(folder: Path) -> dict[str, Path]:
    """Find the folders that have versions, by their names."""
    models: dict[str, Path] = {}
    places = {
        # A server ignores folders of other names, such as unfinished ones.
        file.parent.parent.relative_to(folder)
        for file in folder.rglob("saved_model.pb")
        if file.parent.name.isdecimal()
    }
    for place in sorted(places):
        if not place.name:
            raise ValueError(
                f"{folder} holds versions of a single model. Give the folder "
                "above it."
            )
        name = check_name(place.name, str(folder / place))
        if ":" in name:
            raise ValueError(
                f"{folder / place}: the name of a model must not contain a "
                "colon, which ends it in an address"
            )
        if name in models:
            raise ValueError(
                f"{folder / models[name]} and {folder / place} must have "
                "different names, by which they are served"
            )
        models[name] = place
    if not models:
        raise FileNotFoundError(
            f"{folder} has no published model. `python -m export --model "
            f"MODEL --out {folder / 'NAME'}` publishes one."
        )
    return models


def _quote(text: str) -> str:
    """Write a string of the text format of protocol buffers."""
    return json.dumps(text, ensure_ascii=False)
