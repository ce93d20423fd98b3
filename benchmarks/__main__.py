"""`python -m benchmarks [--json] [--runs N] [NAME ...]`: one table of all figures."""

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from benchmarks import bedside, ledger, record, saving, screening, sealed, stores, tables, virtual
from benchmarks.figures import TINY, Figure, Sizes, to_table
from benchmarks.stage import Stage, set_stage

BENCHMARKS: Mapping[str, Callable[[Stage, Sizes], Iterator[Figure]]] = {
    "ledger": ledger.measure,
    "stores": stores.measure,
    "record": record.measure,
    "tables": tables.measure,
    "bedside": bedside.measure,
    "save": saving.measure,
    "vault": sealed.measure,
    "screening": screening.measure,
    "rehearsal": virtual.measure,
}


def main() -> int:
    parser = _parser()
    told = parser.parse_args()
    if unknown := set(told.names) - set(BENCHMARKS):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    sizes = TINY if told.tiny else Sizes(runs=told.runs)
    began = time.perf_counter()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="equipoise-bench-") as folder:
        stage = set_stage(Path(folder))
        for name in told.names or BENCHMARKS:
            if not told.json:
                print(f"{name} ...", file=sys.stderr, flush=True)
            figures += BENCHMARKS[name](stage, sizes)
    seconds = time.perf_counter() - began
    machine = f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores"
    if told.json:
        rows = [figure.to_answer() for figure in figures]
        answer = {"machine": machine, "seconds": seconds, "figures": rows}
        print(msgspec.json.format(msgspec.json.encode(answer)).decode())
        return 0
    print(f"{to_table(figures)}\n\n{machine}; {seconds:.0f} s in all.")
    for figure in figures:
        if figure.is_missed:
            print(f"A limit is missed, by a factor of {figure.ratio:.2f}: {figure.what}.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"these alone: {', '.join(BENCHMARKS)}")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--runs", type=int, default=Sizes().runs, help="how often each is taken")
    parser.add_argument(
        "--tiny", action="store_true", help="see that it runs; figures mean nothing"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
