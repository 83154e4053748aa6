"""The deployment kit around `kcv.serving`; see README.md beside this file."""
