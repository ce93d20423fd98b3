"""`python -m equipoise.vault DIR --socket PATH`: the vault's own process."""

import argparse
import sys
from collections.abc import Sequence

from equipoise.problems import Refused
from equipoise.vault.server import serve_vault


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop; 2 if the vault cannot be served."""
    parser = argparse.ArgumentParser(prog="equipoise vault", description="Serve a vault.")
    parser.add_argument("directory", help="the vault's folder")
    parser.add_argument("--socket", required=True, help="where to answer: a Unix socket's path")
    parser.add_argument(
        "--while-stdin", action="store_true", help="stop when standard input is closed"
    )
    told = parser.parse_args(arguments)
    stop_with = sys.stdin.fileno() if told.while_stdin else None
    try:
        serve_vault(told.directory, told.socket, stop_with=stop_with)
    except Refused as refused:
        sys.stderr.write("".join(f"{p}\n" for p in refused.problems))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
