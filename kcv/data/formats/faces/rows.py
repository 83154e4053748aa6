"""Rows of text files that list images."""

from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path

from kcv.text_files import read_text


def read_lines(file: Path) -> Iterator[tuple[int, list[str]]]:
    """Read the values of all lines that are not empty.

    Args:
        file: Path of a file in UTF-8. Values of a line are separated by tabs,
            else by commas, else by blanks.

    Yields:
        Number of a line, from 1, and its values.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is not a text file.
    """
    for number, line in enumerate(read_text(file).splitlines(), 1):
        for separator in ("\t", ",", None):
            if separator is None or separator in line:
                fields = [own.strip() for own in line.split(separator)]
                break
        if any(fields):
            yield number, fields


def read_numbers(where: str, fields: Sequence[str]) -> list[float]:
    """Read numbers.

    Args:
        where: Place of the numbers in error messages.
        fields: Texts of the numbers.

    Returns:
        The numbers.

    Raises:
        ValueError: If a text is not a number.
    """
    try:
        return [float(field) for field in fields]
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
