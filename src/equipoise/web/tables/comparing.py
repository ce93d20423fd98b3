"""Whether the read tables are what the ledger gives: row for row against a rebuild of their own."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import zip_longest

from msgspec import Struct

from equipoise.ledger import Head, Store
from equipoise.ledger.checking import ORDER_CHAIN, ORDER_TYPE
from equipoise.web.tables.databases import SqliteDatabase, layout_of, naming_errors, positions_of
from equipoise.web.tables.keeping import Progress, ReadTables, no_progress
from equipoise.web.tables.layout import LAYOUT, TABLES
from equipoise.web.tables.shape import Table


class Difference(Struct, frozen=True):
    """The first row of a table that is not what the ledger gives; None where there is no row."""

    table: str
    there: tuple[object, ...] | None
    rebuilt: tuple[object, ...] | None


class Compared(Struct, frozen=True):
    """What a comparison found: how many entries are not in the tables yet, and what is wrong."""

    n_rows: int
    n_behind: int
    differences: tuple[Difference, ...]


def compare(tables: ReadTables, *, progress: Progress = no_progress) -> Compared:
    """Hold the tables against a rebuild, from the entries up to their places, in a file aside.

    Tables that are not there, or have another layout, are behind by the whole ledger, and no row is
    compared; nor is one while a redaction is not in the tables yet. Who records waits meanwhile.

    Raises:
        Refused: the tables cannot be read (EQ-G056).
    """
    with (
        tables.store.transaction(),
        naming_errors(tables.database, tables.store.study),
        tables.database.transaction(),
    ):
        heads = tables.store.heads()
        total = sum(head.seq for head in heads.values())
        if layout_of(tables.database) != LAYOUT:
            return Compared(0, total, ())
        places = positions_of(tables.database)
        n_held = sum(head.seq for head in places.values())
        if _has_lost_more(tables.store, places):
            return Compared(0, total - n_held, ())
        with closing(sqlite3.connect("", isolation_level=None)) as aside:
            rebuilt = ReadTables(tables.store, SqliteDatabase(aside))
            rebuilt.fill(tables.store.read(until=places), progress=lambda n, _: progress(n, n_held))
            n_rows = sum(
                rebuilt.database.execute(f"SELECT count(*) FROM {t.name}")[0][0]  # noqa: S608
                for t in TABLES
            )
            found = [d for t in TABLES for d in _first_difference(tables, rebuilt, t)]
            if positions_of(rebuilt.database) != places:
                found.insert(0, Difference("read_position", None, None))
    return Compared(n_rows, total - n_held, tuple(found))


def _has_lost_more(store: Store, places: Mapping[str, Head]) -> bool:
    """Whether a body went from the ledger after the last entry of the control chain in the tables.

    They still show what it said, so there is nothing to hold them against before they catch up.
    """
    after = places[ORDER_CHAIN].seq if ORDER_CHAIN in places else 0
    return any(x.type == ORDER_TYPE for x in store.read(chain=ORDER_CHAIN, after=after))


def _first_difference(
    tables: ReadTables, rebuilt: ReadTables, table: Table
) -> Iterator[Difference]:
    with (
        closing(tables.database.scan(table)) as ours,
        closing(rebuilt.database.scan(table)) as made,
    ):
        for there, here in zip_longest(ours, made):
            if there != here:
                yield Difference(table.name, there, here)
                return
