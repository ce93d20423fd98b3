"""SQLite without us: the least that a durable record can cost, in the same settings."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from equipoise.ledger import Entry, to_instant

COLUMNS = tuple(Entry.__struct_fields__)
INSERT = f"INSERT INTO bare ({', '.join(COLUMNS)}) VALUES ({', '.join(['%s'] * len(COLUMNS))})"
"""The same bytes into a table of a PostgreSQL database, which has no guards either."""
_INSERT = f"INSERT INTO entry VALUES (NULL, {', '.join('?' * len(COLUMNS))})"


class BareTable:
    """A table without guards, keys or digests; WAL, and every commit flushed to the disk."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = FULL")
        columns = ", ".join(COLUMNS)
        self.connection.execute(f"CREATE TABLE entry (position INTEGER PRIMARY KEY, {columns})")

    def commit(self, entries: Iterable[Entry]) -> None:
        """The same bytes that our store keeps, in one commit."""
        rows = [to_row(entry) for entry in entries]
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany(_INSERT, rows)
        self.connection.execute("COMMIT")


def to_row(entry: Entry) -> list[object]:
    """The values of an entry as they are stored."""
    return [to_instant(v) if c == "at" else v for c, v in zip(COLUMNS, _values(entry), strict=True)]


def _values(entry: Entry) -> list[object]:
    return [getattr(entry, column) for column in COLUMNS]
