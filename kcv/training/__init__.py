"""What any call of `fit` may want: backups, callbacks, schedules."""
