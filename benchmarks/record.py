"""The record of a long trial: replay, archive, restore, one casebook as of a moment.

`python -m benchmarks.record [--entries 1000000]` takes each figure once, on one ledger.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from benchmarks.figures import Figure, Sizes, Watch, cpu_seconds
from benchmarks.ledger import copied, source_of
from benchmarks.stage import Stage, run_alone
from equipoise.conduct import RunningTrial, TrialState, casebook_as_of, fold
from equipoise.conduct.events import from_entry
from equipoise.ledger import (
    Entry,
    Head,
    SqliteStore,
    Store,
    import_archive,
    open_store,
    restore,
    write_archive,
    write_backup,
)
from equipoise.ledger.checking import check_entry, start_of
from equipoise.ledger.keeping.archive import Making

REPLAY_LIMIT = 2.5
"""How many times a typed scan of the same rows a verified replay may take."""

DRILL_LIMIT_S = 30 * 60.0
AS_OF_LIMIT_MS = 100.0
N_LOOKS = 20


def measure(stage: Stage, sizes: Sizes) -> Iterator[Figure]:
    """On one ledger of `sizes.entries` entries."""
    path = stage.directory / "record.db"
    with closing(build(stage, path, at_least=sizes.entries)) as store:
        n_entries = sum(head.seq for head in store.heads().values())
        yield from _replaying(store, n_entries, runs=sizes.runs)
        yield from _looking(RunningTrial(stage.study, store), n_entries, runs=sizes.runs)
        yield from _keeping(store, stage.directory, n_entries, runs=sizes.runs)


def build(stage: Stage, path: Path, *, at_least: int) -> SqliteStore:
    """The rehearsal's entries, then its participants again under other codes, in one commit."""
    store = open_store(path, study=stage.study.identity.study, realm="rehearsal", create=True)
    source = source_of(stage)
    n_entries = copy = 0
    with store.batch():
        while n_entries < at_least:
            drafts = copied(source, copy)
            store.append(drafts)
            n_entries += len(drafts)
            copy += 1
    return store


def verified(store: Store) -> Iterator[Entry]:
    """Entries, each checked against the one before it in its chain."""
    heads: dict[str, Head] = {}
    for entry in store.read():
        if check_entry(entry, heads.get(entry.chain) or start_of(entry, store.realm)):
            raise ValueError(entry)
        heads[entry.chain] = Head(entry.seq, entry.digest)
        yield entry


def _replaying(store: SqliteStore, n_entries: int, *, runs: int) -> Iterator[Figure]:
    def scan() -> None:
        for entry in store.read():
            from_entry(entry.type, entry.body or b"")

    def select() -> None:
        rows = store.connection.execute("SELECT type, body, * FROM ledger_entry ORDER BY position")
        for kind, body, *_ in rows:
            from_entry(kind, body)

    def replay() -> None:
        assert fold(TrialState(), verified(store)).participants

    works = {work: list[float]() for work in (replay, scan, select)}
    for _ in range(runs):
        for work, taken in works.items():
            taken.append(cpu_seconds(work))
    what = f"record: verified replay of {n_entries:,} entries"
    ours = tuple(works[replay])
    limit = tuple(REPLAY_LIMIT * s for s in works[scan])
    words = f"{REPLAY_LIMIT} scans into typed entries and events"
    yield Figure(what=what, unit="s CPU", ours=ours, against=words, theirs=limit, kind="limit")
    bare = tuple(works[select])
    words = "bare SELECT of all columns and typed bodies"
    yield Figure(what=what, unit="s CPU", ours=ours, against=words, theirs=bare)


def _looking(trial: RunningTrial, n_entries: int, *, runs: int) -> Iterator[Figure]:
    streams = [e.stream for e in trial.store.read(chain="site-01") if "/" not in e.stream]
    chosen = streams[:: max(1, len(streams) // N_LOOKS)]
    last = max(e.at for e in trial.store.read(chain="site-01"))
    taken = []
    for _ in range(runs):
        watch = Watch()
        for stream in chosen:
            with watch.running():
                casebook_as_of(trial, participant=stream, moment=last)
        taken.append(1e3 * watch.seconds / len(chosen))
    yield Figure(
        what=f"record: one casebook as of an instant, of {n_entries:,} entries",
        unit="ms",
        ours=tuple(taken),
        against="limit",
        theirs=(AS_OF_LIMIT_MS,) * runs,
        kind="limit",
    )


def _keeping(store: SqliteStore, folder: Path, n_entries: int, *, runs: int) -> Iterator[Figure]:
    archive, backup = folder / "record.zip", folder / "record.backup.db"
    new = folder / "record.new.db"

    def check() -> None:
        subprocess.run([sys.executable, archive], check=True, capture_output=True)

    works: dict[str, tuple[Callable[[], object], Path | None]] = {
        "export the archive": (lambda: write_archive(store, archive, making=Making()), archive),
        "the archive verifies itself": (check, None),
        "import the archive": (lambda: import_archive(archive, new), new),
        "back up": (lambda: write_backup(store, backup), backup),
        "restore the backup": (lambda: restore(backup, new), new),
    }
    for words, (work, made) in works.items():
        yield Figure(
            what=f"record: {words}, {n_entries:,} entries",
            unit="s",
            ours=_seconds(work, runs, made=made),
            against="limit of the restore drill",
            theirs=(DRILL_LIMIT_S,) * runs,
            kind="limit",
        )


def _seconds(
    work: Callable[[], object], runs: int, *, made: Path | None = None
) -> tuple[float, ...]:
    """Wall-clock seconds of each run; what it makes is removed before each."""
    taken = []
    for _ in range(runs):
        if made is not None:
            made.unlink(missing_ok=True)
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return tuple(taken)


if __name__ == "__main__":
    run_alone(measure, name="benchmarks.record", says=__doc__)
