"""Options that are read from a JSON file, as arguments of a command line."""

import argparse
import dataclasses
import difflib
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from kcv.text_files import read_object

# Options that belong to one run. Its config.json does not hand them on.
_OWN = {"out", "resume", "export", "config"}


def add_file(arguments: Sequence[str], options: type) -> list[str]:
    """Add the options of a file to those of a command line.

    Args:
        arguments: Arguments of the command line, among them `--config FILE` if
            there is a file. It holds a JSON object of options by name. Or it
            has that object under the key "options", as the config.json of a
            run, whose folder, `resume` and `export` are then left out.
        options: Dataclass of the options.

    Returns:
        All arguments. What the command line has is not taken from the file.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is not such an object, or has an option that
            the dataclass does not have. The message names the nearest one.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config", nargs="?")
    file = parser.parse_known_args(arguments)[0].config
    if file is None:
        return [*arguments]
    values = read_object(file)
    if isinstance(values.get("options"), dict):
        options_of_run = values["options"]
        values = {k: v for k, v in options_of_run.items() if k not in _OWN}
    given = {
        argument.partition("=")[0].replace("_", "-") for argument in arguments
    }
    added: list[str] = []
    for flag, own in _arguments(values, options, file):
        group, dot, name = flag.removeprefix("--").rpartition(".")
        if not {flag, f"--{group}{dot}no-{name}"} & given:
            added += own
    return [*added, *arguments]


def _arguments(
    values: Mapping[str, Any], options: type, file: str, group: str = ""
) -> Iterator[tuple[str, list[str]]]:
    """Give the flag of each option, and its arguments."""
    fields = {field.name: field for field in dataclasses.fields(options)}
    for name, value in values.items():
        if name not in fields:
            nearest = difflib.get_close_matches(name, fields, 1, cutoff=0.0)
            raise ValueError(
                f"{file}: {group}{name} must be the name of an option, such as "
                f"{group}{nearest[0]}. Received: {group}{name}={value!r}"
            )
        kind = fields[name].type
        path = f"{group}{name}".replace("_", "-")
        flag = f"--{path}"
        if (
            isinstance(value, dict)
            and isinstance(kind, type)
            and dataclasses.is_dataclass(kind)
        ):
            yield from _arguments(value, kind, file, f"{group}{name}.")
        elif value is None or value == [] or flag == "--config":
            continue
        elif value is False:
            before, dot, last = path.rpartition(".")
            yield flag, [f"--{before}{dot}no-{last}"]
        elif value is True:
            yield flag, [flag]
        elif not isinstance(value, list):
            yield flag, [f"{flag}={value}"]
        elif name == "callbacks":
            yield flag, [f"{flag}={one}" for one in value]
        else:
            yield flag, [flag, *map(str, value)]
