"""The stores beside their drivers: one writer, and eight at eight sites, each commit on disk."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import quantiles

import psycopg
from tests.postgres import Place, Server, running_server

from benchmarks.bare import COLUMNS, INSERT, BareTable, to_row
from benchmarks.figures import Figure, Sizes, Watch
from benchmarks.ledger import to_draft
from benchmarks.stage import Stage
from equipoise.ledger import Entry, Store, open_store

N_SITES = 8
SHARE = 0.6
"""The least share of the driver's own rate that we allow ourselves."""
LONGEST_MS = 50.0
"""What 99 of 100 appends may take at most, with eight processes at one file."""

_TYPES = {"seq": "bigint", "version": "bigint", "body": "bytea"}
_BARE = (
    "CREATE TABLE bare (position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
    + ", ".join(f"{column} {_TYPES.get(column, 'text')}" for column in COLUMNS)
    + ")"
)


def measure(stage: Stage, sizes: Sizes) -> Iterator[Figure]:
    """Rates of durable appends beside the same rows through the driver alone, in the same run."""
    with closing(open_store(stage.store)) as store:
        entries = [e for e in store.read() if e.type == "FormSubmitted"]
    with running_server() as server:
        yield _one_on_sqlite(stage.directory, entries, sizes)
        yield _one_on_postgres(server, entries, sizes)
        yield from _eight_on_postgres(server, stage, entries, sizes)
    yield _eight_on_sqlite(stage, sizes)


def _one_on_sqlite(folder: Path, entries: Sequence[Entry], sizes: Sizes) -> Figure:
    path = folder / "one.db"
    with closing(open_store(path, study="S1", realm="live", create=True)) as store:
        bare = BareTable(folder / "one-bare.db")
        rates = _in_turn(store, bare.commit, entries, sizes)
        bare.connection.close()
    return _share("SQLite, one writer", "bare INSERT and commit", *rates)


def _one_on_postgres(server: Server, entries: Sequence[Entry], sizes: Sizes) -> Figure:
    place = server.create(realm="live")
    with closing(open_store(place.app)) as store, _bare_table(place) as bare:

        def commit(recorded: Sequence[Entry]) -> None:
            bare.execute(INSERT, to_row(recorded[0]), prepare=True)

        rates = _in_turn(store, commit, entries, sizes)
    return _share("PostgreSQL, one writer", "psycopg INSERT and commit", *rates)


def _in_turn(
    store: Store, commit: Callable[[Sequence[Entry]], None], entries: Sequence[Entry], sizes: Sizes
) -> tuple[list[float], list[float]]:
    ours, theirs, version = [], [], 0
    for _ in range(sizes.runs):
        mine, other = Watch(), Watch()
        for i in range(sizes.appends):
            version += 1
            draft = to_draft(entries[i % len(entries)], stream="one", version=version)
            with mine.running():
                recorded = store.append([draft])
            with other.running():
                commit(recorded)
        ours.append(sizes.appends / mine.seconds)
        theirs.append(sizes.appends / other.seconds)
    return ours, theirs


def _eight_on_postgres(
    server: Server, stage: Stage, entries: Sequence[Entry], sizes: Sizes
) -> Iterator[Figure]:
    place = server.create(realm="live")
    script = stage.directory / "insert.sql"
    with _bare_table(place):
        script.write_text(_script(entries[0]))
        rates: dict[str, list[float]] = {"": [], "bare": []}
        theirs = []
        for run in range(sizes.runs):
            for how, taken in rates.items():
                times = _write_at_eight_sites(
                    place.app, stage.store, run=run, seconds=sizes.seconds, how=how
                )
                taken.append(len(times) / sizes.seconds)
            theirs.append(_pgbench(server, place, script=script, seconds=sizes.seconds))
    yield _share("PostgreSQL, eight sites", "pgbench, INSERT alone, 8 clients", rates[""], theirs)
    yield Figure(
        what="stores: bare INSERT in Python, PostgreSQL, eight processes",
        unit="entries/s",
        ours=tuple(rates["bare"]),
        against="pgbench, INSERT alone, 8 clients",
        theirs=tuple(theirs),
        is_rate=True,
    )


def _eight_on_sqlite(stage: Stage, sizes: Sizes) -> Figure:
    path = stage.directory / "eight.db"
    open_store(path, study="S1", realm="live", create=True).close()
    longest = []
    for run in range(sizes.runs):
        times = _write_at_eight_sites(path, stage.store, run=run, seconds=sizes.seconds)
        longest.append(1e3 * quantiles(times, n=100)[98])
    return Figure(
        what="stores: append, SQLite, eight processes, 99 of 100 within",
        unit="ms",
        ours=tuple(longest),
        against="limit",
        theirs=(LONGEST_MS,) * sizes.runs,
        kind="limit",
    )


def _share(what: str, peer: str, ours: Sequence[float], theirs: Sequence[float]) -> Figure:
    return Figure(
        what=f"stores: append, {what}",
        unit="entries/s",
        ours=tuple(ours),
        against=f"60 % of {peer}",
        theirs=tuple(SHARE * rate for rate in theirs),
        kind="limit",
        is_rate=True,
    )


class _bare_table:  # noqa: N801 - reads as a verb
    """A table of the same columns without guards or digests, and a connection to it."""

    def __init__(self, place: Place) -> None:
        with closing(psycopg.connect(place.owner, autocommit=True)) as owner:
            owner.execute(_BARE)
            owner.execute("GRANT SELECT, INSERT ON bare TO PUBLIC")
        self.connection = psycopg.connect(place.app, autocommit=True)

    def __enter__(self) -> "psycopg.Connection[tuple[object, ...]]":
        return self.connection

    def __exit__(self, *_: object) -> None:
        self.connection.close()


def _script(entry: Entry) -> str:
    values = ", ".join(map(_literal, to_row(entry)))
    return f"INSERT INTO bare ({', '.join(COLUMNS)}) VALUES ({values});\n"


def _literal(value: object) -> str:
    text = f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)
    return "'" + text.replace("'", "''") + "'"


def _pgbench(server: Server, place: Place, *, script: Path, seconds: float) -> float:
    command = ["-n", "-M", "prepared", "-c", str(N_SITES), "-j", "2", "-T", str(round(seconds))]
    said = subprocess.run(
        [server.program("pgbench"), *command, "-f", script, place.app],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = re.search(r"tps = ([\d.]+)", said.stdout)
    assert found is not None, said.stdout + said.stderr
    return float(found[1])


def _write_at_eight_sites(
    place: str | Path, source: Path, *, run: int, seconds: float, how: str = ""
) -> list[float]:
    """The seconds that each append took, of eight processes that start at the same moment."""
    with ExitStack() as stack:
        writers = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "benchmarks.writer", str(place), str(source),
                     f"{run}-{site}", f"site-{site}", str(seconds), how],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                )
            )
            for site in range(N_SITES)
        ]  # fmt: skip
        for writer in writers:
            assert writer.stdout is not None
            writer.stdout.readline()
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.write("go\n")
            writer.stdin.flush()
        return [float(word) for writer in writers for word in (writer.stdout or ())]
