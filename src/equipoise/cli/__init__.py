"""The command line: each verb has the same name in the Python API, and `--json` for machines."""

from equipoise.cli.commands import main

__all__ = ["main"]
