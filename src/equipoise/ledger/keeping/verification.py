"""Verification: is everything in a store as it was recorded; if not, where is the first damage?"""

import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol, runtime_checkable

from msgspec import Struct

from equipoise.ledger.checking import at_entry
from equipoise.ledger.entry import Entry, Head
from equipoise.ledger.keeping.survey import survey
from equipoise.ledger.opening import open_store
from equipoise.ledger.seal import merkle_root
from equipoise.ledger.store import Store
from equipoise.problems import Problem, Refused, has_errors, problem

DRIFT = timedelta(seconds=60)
"""How far an entry's time may lie before the latest that was recorded, or ahead of a clock."""

_DAMAGE = (sqlite3.Error, UnicodeError, OverflowError, MemoryError)


@runtime_checkable
class Guarded(Protocol):
    """A store whose database has guards of its own."""

    def check_guards(self, n_read: int) -> tuple[Problem, ...]:
        """What is wrong with the database itself and with its guards."""
        ...


class FirstBad(Struct, frozen=True):
    """The first entry that is not as it was recorded; `seq` 0: not a single entry's fault."""

    chain: str
    seq: int
    code: str
    message: str


class Verification(Struct, frozen=True, kw_only=True):
    """What a verification found: `entries` were read; `seal` is the root over the safe heads."""

    ok: bool
    entries: int
    seal: str
    first_bad: FirstBad | None = None
    problems: tuple[Problem, ...] = ()


def verify(
    target: Store | str | Path, *, against: str = "", now: datetime | None = None
) -> Verification:
    """Check every chain of a store, or of the store at a path or address, however damaged.

    `against` is the root of a seal kept elsewhere, or of the record at any other moment: it alone
    shows that a tail was cut off which no seal on record lists. `now` tells which entries of a live
    trial bear a time to come; those of a rehearsal bear the days of its scenario.
    """
    if not isinstance(target, str | Path):
        return _verify_store(target, against, now)
    try:
        store = open_store(target, read_only=True)
    except Refused as refused:
        return _report(refused.problems, n_read=0)
    except _DAMAGE as error:
        return _report((_unreadable(error, n_read=0),), n_read=0)
    try:
        return _verify_store(store, against, now)
    finally:
        store.close()


def _verify_store(store: Store, against: str, now: datetime | None) -> Verification:
    clock = _Clock(now if store.realm == "live" else None)
    jumps: list[Problem] = []

    def watched() -> Iterator[Entry | Problem]:
        for item in _entries(store):
            if isinstance(item, Entry):
                jumps.extend(clock.check(item))
            yield item

    seen = survey(watched(), study=store.study, realm=store.realm, against=against)
    guards = _check_guards(store, seen.n_entries) if isinstance(store, Guarded) else ()
    found = (*seen.problems, *jumps, *guards)
    return _report(found, n_read=seen.n_entries, heads=dict(seen.safe))


class _Clock:
    """Whether times go on in the order of recording, over all chains; the order does not depend.

    A clock that was set back is told once, then its time is the one to go on from.
    """

    def __init__(self, now: datetime | None) -> None:
        self._now = now
        self._latest: datetime | None = None
        self._is_ahead = False

    def check(self, entry: Entry) -> Iterator[Problem]:
        """What is to be told of the time of one more entry."""
        where = at_entry(entry.chain, entry.seq)
        behind = (self._latest or entry.at) - entry.at
        if behind > DRIFT:
            yield problem("EQ-G030", where, seq=entry.seq, seconds=_whole(behind))
        if self._latest is None or behind > DRIFT or entry.at > self._latest:
            self._latest = entry.at
        ahead = entry.at - (self._now or entry.at)
        if ahead > DRIFT and not self._is_ahead:
            yield problem("EQ-G064", where, seq=entry.seq, seconds=_whole(ahead))
        self._is_ahead = ahead > DRIFT


def _whole(span: timedelta) -> int:
    return round(span.total_seconds())


def _entries(store: Store) -> Iterator[Entry | Problem]:
    """Every entry, or what prevents its reading; goes on after a bad row, ends at a bad page."""
    n_read = 0
    try:
        rows = iter(store.read())
        while True:
            try:
                yield next(rows)
                n_read += 1
            except Refused as refused:
                yield from refused.problems
            except StopIteration:
                return
    except Refused as refused:  # not one entry: the reading did not begin
        yield from refused.problems
    except _DAMAGE as error:
        yield _unreadable(error, n_read)


def _check_guards(store: Guarded, n_read: int) -> tuple[Problem, ...]:
    try:
        return store.check_guards(n_read)
    except Refused as refused:
        return refused.problems
    except _DAMAGE as error:
        return (_unreadable(error, n_read),)


def _unreadable(error: BaseException, n_read: int) -> Problem:
    return problem("EQ-G008", detail=f"{type(error).__name__}: {error}", n_read=n_read)


def _report(
    problems: tuple[Problem, ...], *, n_read: int, heads: dict[str, Head] | None = None
) -> Verification:
    errors = [p for p in problems if p.severity == "error"]
    return Verification(
        ok=not has_errors(problems),
        entries=n_read,
        seal=merkle_root(heads or {}),
        first_bad=_first(errors[0]) if errors else None,
        problems=problems,
    )


def _first(bad: Problem) -> FirstBad:
    chain, _, seq = bad.where.record.rpartition(" / ")
    is_entry = seq.isdecimal()
    return FirstBad(chain if is_entry else "", int(seq) if is_entry else 0, bad.code, bad.message)
