"""Commands for a trained model and a folder of images: `python -m kcv`."""

from kcv.commands.command_line import main

__all__ = ["main"]
