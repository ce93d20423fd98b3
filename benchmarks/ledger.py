"""The ledger: one durable entry, verification and replay, beside SQLite alone."""

import datetime as dt
import re
from collections.abc import Iterator, Sequence

import msgspec

from benchmarks.bare import BareTable
from benchmarks.figures import Figure, Sizes, Watch, cpu_seconds
from benchmarks.stage import Stage
from equipoise.conduct import RunningTrial
from equipoise.ledger import Draft, Entry, SqliteStore, open_store, verify

_CODE = re.compile(r"\b(\d\d)-(\d{3})\b")
_NUMBER = re.compile(r"\bR-(\d{3})\b")


def measure(stage: Stage, sizes: Sizes) -> Iterator[Figure]:
    """Appending one entry a commit; verifying and replaying a long ledger."""
    yield from _appending(stage, sizes)
    yield from _reading(stage, sizes)


def _appending(stage: Stage, sizes: Sizes) -> Iterator[Figure]:
    store = open_store(stage.directory / "append.db", study="bench", realm="rehearsal", create=True)
    bare = BareTable(stage.directory / "append-bare.db")
    entries = [e for e in open_store(stage.store).read() if e.type == "FormSubmitted"]
    clock, cpu, bare_clock, bare_cpu = [], [], [], []
    version = 0
    for _ in range(sizes.runs):
        ours, theirs = Watch(), Watch()
        for i in range(sizes.appends):
            version += 1
            draft = to_draft(entries[i % len(entries)], stream="one", version=version)
            with ours.running():
                recorded = store.append([draft])
            with theirs.running():
                bare.commit(recorded)
        clock.append(1e3 * ours.seconds / sizes.appends)
        bare_clock.append(1e3 * theirs.seconds / sizes.appends)
        cpu.append(1e6 * ours.cpu_seconds / sizes.appends)
        bare_cpu.append(1e6 * theirs.cpu_seconds / sizes.appends)
    peer = "bare INSERT and commit"
    yield Figure(
        what="ledger: append one entry, on disk",
        unit="ms",
        ours=tuple(clock),
        against=peer,
        theirs=tuple(bare_clock),
    )
    yield Figure(
        what="ledger: append one entry, processor",
        unit="µs CPU",
        ours=tuple(cpu),
        against=peer,
        theirs=tuple(bare_cpu),
    )


def _reading(stage: Stage, sizes: Sizes) -> Iterator[Figure]:
    path = stage.directory / "long.db"
    store = open_store(path, study=stage.study.identity.study, realm="rehearsal", create=True)
    n_entries = fill(store, stage, at_least=sizes.entries)

    def scan() -> None:
        store.connection.execute("SELECT * FROM ledger_entry").fetchall()

    def check() -> None:
        assert verify(path).ok

    def replay() -> None:
        assert RunningTrial(stage.study, store).state.participants

    times = {w: [cpu_seconds(w) for _ in range(sizes.runs)] for w in (scan, check, replay)}
    for work, words in ((check, "verify"), (replay, "replay")):
        yield Figure(
            what=f"ledger: {words} {n_entries:,} entries",
            unit="s CPU",
            ours=tuple(times[work]),
            against="bare SELECT of all rows",
            theirs=tuple(times[scan]),
        )


def fill(store: SqliteStore, stage: Stage, *, at_least: int) -> int:
    """The rehearsal's entries, then its participants again under other codes, until it is long."""
    source = source_of(stage)
    n_entries = copy = 0
    while n_entries < at_least:
        with store.batch():
            drafts = copied(source, copy)
            for draft in drafts:
                store.append([draft])
        n_entries += len(drafts)
        copy += 1
    return n_entries


def to_draft(entry: Entry, *, stream: str = "", version: int = 0) -> Draft:
    """What was recorded, to be recorded again."""
    return Draft(
        chain=entry.chain,
        stream=stream or entry.stream,
        version=version or entry.version,
        type=entry.type,
        at=entry.at.astimezone(dt.UTC),
        by=entry.by,
        role=entry.role,
        reason=entry.reason,
        body=entry.body or b"{}",
    )


def source_of(stage: Stage) -> list[Entry]:
    """The rehearsal's entries without its seals, whose digests an entry recorded again
    does not have."""
    return [e for e in open_store(stage.store).read() if e.type != "StudySealed"]


def copied(source: Sequence[Entry], copy: int) -> list[Draft]:
    """All entries again, or of a further copy those of participants, under other codes."""
    if not copy:
        return [to_draft(entry) for entry in source]
    return [_renamed(entry, copy) for entry in source if _CODE.search(entry.stream)]


def _renamed(entry: Entry, copy: int) -> Draft:
    draft = to_draft(entry, stream=_rename(entry.stream, copy))
    return msgspec.structs.replace(draft, body=_rename(draft.body.decode(), copy).encode())


def _rename(text: str, copy: int) -> str:
    return _NUMBER.sub(rf"R-{copy:02}\1", _CODE.sub(rf"\1-{copy:02}\2", text))
