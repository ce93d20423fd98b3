"""The read tables: a rebuild beside a scan of the same rows.

`python -m benchmarks.tables [--entries 1000000]` takes each figure once, on one ledger.
"""

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from benchmarks.figures import Figure, Sizes, cpu_seconds, to_table
from benchmarks.record import build
from benchmarks.stage import Stage, set_stage
from equipoise.conduct.events import from_entry
from equipoise.web.server import use_django

REBUILD_LIMIT = 2.5
"""How many times a scan of the same rows, with typed decoding alone, a rebuild may take."""


def measure(stage: Stage, sizes: Sizes) -> Iterator[Figure]:
    """On one ledger of `sizes.entries` entries in SQLite."""
    use_django()
    from equipoise.web.tables.opening import follow  # noqa: PLC0415 - models need Django set up

    path = stage.directory / "tables.db"
    with closing(build(stage, path, at_least=sizes.entries)) as store:
        n_entries = sum(head.seq for head in store.heads().values())
        tables = follow(store)
        assert tables is not None

        def scan() -> None:
            for entry in store.read():
                from_entry(entry.type, entry.body or b"")

        ours, theirs = [], []
        for _ in range(sizes.runs):
            ours.append(cpu_seconds(tables.rebuild))
            theirs.append(cpu_seconds(scan))
        yield Figure(
            what=f"tables: rebuild from {n_entries:,} entries",
            unit="s CPU",
            ours=tuple(ours),
            against=f"{REBUILD_LIMIT} scans into typed entries and events",
            theirs=tuple(REBUILD_LIMIT * s for s in theirs),
            kind="limit",
        )
        yield Figure(
            what=f"tables: rebuild from {n_entries:,} entries",
            unit="s CPU",
            ours=tuple(ours),
            against="one such scan",
            theirs=tuple(theirs),
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables", description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=1)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="equipoise-bench-") as folder:
        stage = set_stage(Path(folder))
        for figure in measure(stage, Sizes(runs=told.runs, entries=told.entries)):
            print(to_table([figure]).splitlines()[-1], flush=True)


if __name__ == "__main__":
    main()
