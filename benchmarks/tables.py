"""The read tables: a rebuild beside a scan of the same rows.

`python -m benchmarks.tables [--entries 1000000]` takes each figure once, on one ledger.
"""

from collections.abc import Iterator
from contextlib import closing

from benchmarks.figures import Figure, Sizes, cpu_seconds
from benchmarks.record import build
from benchmarks.stage import Stage, run_alone
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


if __name__ == "__main__":
    run_alone(measure, name="benchmarks.tables", says=__doc__)
