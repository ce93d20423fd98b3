"""Verification: is everything in a store as it was recorded; if not, where is the first damage?"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

from msgspec import Struct

from equipoise.ledger.checking import Orders, at_entry, check_entry, start_of
from equipoise.ledger.entry import Entry, Head
from equipoise.ledger.opening import open_store
from equipoise.ledger.seal import Seal, check_seal, merkle_root
from equipoise.ledger.store import Store
from equipoise.problems import Problem, Refused, has_errors, problem

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
    """What a verification found. `entries` were read; `seal` is the root over the heads found."""

    ok: bool
    entries: int
    seal: str
    first_bad: FirstBad | None = None
    problems: tuple[Problem, ...] = ()


def verify(target: Store | str | Path, *, against: Seal | None = None) -> Verification:
    """Check every chain of a store, or of the store at a path or address, however damaged.

    `against` is a seal kept elsewhere: it alone shows that a tail was cut off.
    """
    if not isinstance(target, str | Path):
        return _verify_store(target, against)
    try:
        store = open_store(target, read_only=True)
    except Refused as refused:
        return _report(refused.problems, n_read=0)
    except _DAMAGE as error:
        return _report((_unreadable(error, n_read=0),), n_read=0)
    try:
        return _verify_store(store, against)
    finally:
        store.close()


def _verify_store(store: Store, against: Seal | None) -> Verification:
    found: list[Problem] = []
    heads: dict[str, Head] = {}
    digests: dict[tuple[str, int], str] = {}
    sealed = {(chain, h.seq) for chain, h in against.heads.items()} if against else set()
    orders = Orders()
    n_read = 0
    for item in _entries(store):
        if isinstance(item, Problem):
            found.append(item)
            continue
        n_read += 1
        orders.note(item)
        found += _check(item, store, before=heads.get(item.chain))
        heads[item.chain] = Head(item.seq, item.digest)
        if (item.chain, item.seq) in sealed:
            digests[item.chain, item.seq] = item.digest
    if isinstance(store, Guarded):
        found += _check_guards(store, n_read)
    if against:
        found += check_seal(against, digests)
    return _report(orders.excuse(found), n_read=n_read, heads=heads)


def _check(entry: Entry, store: Store, *, before: Head | None) -> tuple[Problem, ...]:
    found = check_entry(entry, before or start_of(entry, store.realm))
    if entry.study == store.study:
        return found
    where = at_entry(entry.chain, entry.seq)
    return (*found, problem("EQ-G009", where, expected=store.study, found=entry.study))


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
