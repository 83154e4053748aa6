"""The card of a trained model: what it is, where from, and its limits."""

import shlex
from collections.abc import Mapping
from numbers import Real
from pathlib import Path
from typing import Any

from recipes.common.releasing.assets import DATASETS
from recipes.common.releasing.assets import Asset
from recipes.common.results import run_row

# Facts about the training, which are not figures of the model.
_TRAINING = (
    "total_loss",
    "seconds",
    "epochs",
    "examples_per_second",
    "parameters",
    "split",
)


def write_card(
    asset: Asset,
    runs: Path,
    config: Mapping[str, Any],
    metrics: Mapping[str, Any],
    measured: Mapping[str, Any] | None,
    versions: Mapping[str, Any],
) -> str:
    """Write the card of a trained model.

    Args:
        asset: The model.
        runs: Folder of all runs.
        config: Content of `config.json` of its run.
        metrics: Content of `metrics.json` of its run.
        measured: Figures of the packed file. None for a file that was not
            measured again, which has the figures of its run.
        versions: Versions and commit with which it was packed and measured.

    Returns:
        The card in Markdown.
    """
    data, run = DATASETS[asset.data], run_row(asset.result, runs)
    then, command = config.get("versions", {}), config.get("command", "?")
    rounded = asset.digits is not None
    source = asset.name if asset.ships else asset.file
    lines = [
        f"# {asset.name}",
        "",
        f"{asset.about} {metrics['parameters']:,} parameters.",
        "",
        "```python",
        f'model = kcv.load_model("{source}")',
        "```",
        "",
        "## Data",
        "",
        data.about,
        "",
        "## Figures",
        "",
        *_figures(metrics, measured),
        "",
        f"Measured on {metrics['split']}, by which nothing was chosen. The "
        "column of the run is its metrics.json, of commit "
        f"{then.get('commit')}.",
    ]
    if measured is not None:
        lines[-1] += (
            " The column of the file was measured after packing, by commit "
            f"{versions['commit']}."
        )
    lines += [
        "",
        "## Training",
        "",
        f"- Command: `{command}`",
        f"- Commit: {then.get('commit')}, kcv {then.get('kcv')}, Keras "
        f"{then.get('keras')}, TensorFlow {then.get('tensorflow')}",
        f"- Date: {run['finished']}",
        f"- Machine: {config.get('machine')}",
        f"- Time: {metrics['seconds']:.0f} seconds, {metrics['epochs']} epochs",
        f"- Again: `python {shlex.join(asset.command(Path('runs')))}`, then "
        f"`python -m recipes.release --models {asset.name}`",
        "",
        "## File",
        "",
        _describe_storage(asset.digits),
        f"Packed by commit {versions['commit']}, kcv {versions['kcv']}, Keras "
        f"{versions['keras']}.",
        "",
        "## Limits",
        "",
        asset.limits,
        *(["The weights are rounded."] if rounded else []),
        "",
        "## License",
        "",
        f"The model: Apache-2.0, as kcv. {data.license}",
        "",
    ]
    return "\n".join(lines)


def figures_of(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return the figures of a run, without facts about its training."""
    return {
        name: float(value)
        for name, value in metrics.items()
        if name not in _TRAINING and isinstance(value, Real)
    }


def _figures(metrics, measured) -> list[str]:
    """Make the rows of the table of figures."""
    own = figures_of(metrics)
    if measured is None:
        head = ["| figure | run |", "|---|---|"]
        return head + [f"| {name} | {own[name]:.4g} |" for name in own]
    head = ["| figure | run | this file |", "|---|---|---|"]
    return head + [
        f"| {name} | {_number(own.get(name))} | {_number(value)} |"
        for name, value in measured.items()
    ]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _describe_storage(digits: int | None) -> str:
    if digits is None:
        return (
            "Every value of the weights is that of the run. The optimizer is "
            "left out."
        )
    return (
        f"Kernels are rounded to {digits} binary digits behind the leading one "
        "and stored as float16; vectors are float32. Keras loads all of them "
        "as float32. `kcv.trained.compact` documents the form."
    )
