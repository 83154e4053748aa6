"""What any call of `fit` may want: backups, callbacks, schedules."""

import kcv.backend  # noqa: F401
