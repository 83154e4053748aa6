"""Tools for any call of `fit`: exact resuming, callbacks, schedules."""

import kcv.backend  # noqa: F401

from kcv.training.backup import EpochBackup
from kcv.training.backup import completed_epochs
from kcv.training.backup import remove_backups
from kcv.training.batch_norm import QUICK_MOMENTUM
from kcv.training.batch_norm import recompute_batch_norm
from kcv.training.callbacks import BestWeights
from kcv.training.callbacks import StopAtNaN
from kcv.training.callbacks import Stopwatch
from kcv.training.freezing import freeze
from kcv.training.replicas import divide_by_replicas
from kcv.training.schedules import step_decay
from kcv.training.schedules import warm_cosine

__all__ = [
    "BestWeights",
    "EpochBackup",
    "QUICK_MOMENTUM",
    "StopAtNaN",
    "Stopwatch",
    "completed_epochs",
    "divide_by_replicas",
    "freeze",
    "recompute_batch_norm",
    "remove_backups",
    "step_decay",
    "warm_cosine",
]
