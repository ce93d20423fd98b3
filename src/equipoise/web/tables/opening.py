"""The read tables of a store as pages and commands find them."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from django.db import connections
from django.db.utils import load_backend

from equipoise.ledger import SqliteStore, Store, is_address, without_password
from equipoise.problems import Refused, problem
from equipoise.web.settings import database_at
from equipoise.web.tables.databases import PostgresDatabase, SqliteDatabase, database_of
from equipoise.web.tables.keeping import ReadTables, make_empty

ALIAS = "ledger"
"""Where Django reads: the ledger's own database, on a connection of this thread's for reading."""


def follow(store: Store) -> ReadTables | None:
    """From now on the read tables, where there are any, are written with the entries of a store.

    A store in memory has none of its own, and is not followed.
    """
    database = database_of(store)
    if database is None:
        return None
    store.follower = tables = ReadTables(store, database)  # type: ignore[attr-defined]
    return tables


def tables_to_read(store: Store, place: str | Path = "") -> ReadTables:
    """The read tables of a store, brought up to date, and Django pointed at them in this thread.

    `place` is where the store is, which one in a SQLite file knows itself; the tables of a store in
    memory are in memory too.

    Raises:
        Refused: there are none, and here they cannot be made (EQ-G041).
    """
    tables = getattr(store, "follower", None) or follow(store)
    if isinstance(store, SqliteStore):
        place = store.connection.execute("PRAGMA database_list").fetchone()[2]
    _point_at(_settings_of(place) if place else {})
    if tables is None:
        tables = ReadTables(store, SqliteDatabase(_connection_aside()))
    tables.catch_up()
    return tables


def make_as_owner(address: str) -> None:
    """Make the read tables anew and empty, as the owner of a ledger in PostgreSQL.

    The role that records may then fill them; it may not make any itself.

    Raises:
        Refused: there is no ledger there (EQ-G021), or it is not this role's own (EQ-G041).
    """
    import psycopg  # noqa: PLC0415 - the extra `postgres`

    place = without_password(address)
    try:
        with psycopg.connect(address) as connection:
            connection.execute("SELECT ledger_hold(NULL)")
            make_empty(PostgresDatabase(_Owner(connection)), place)
    except psycopg.Error as error:
        detail = " ".join(str(error).split())
        raise Refused([problem("EQ-G021", place, place=place, detail=detail)]) from error


class _Owner(NamedTuple):
    connection: Any


def _connection_aside() -> sqlite3.Connection:
    django = connections[ALIAS]
    django.ensure_connection()
    connection: sqlite3.Connection = django.connection
    return connection


def _point_at(place: Mapping[str, Any]) -> None:
    wanted = {**connections.settings[ALIAS], **place}
    if connections[ALIAS].settings_dict != wanted:
        if connections[ALIAS].connection is not None:  # Django's own closing spares one in memory
            connections[ALIAS].connection.close()
        connections[ALIAS] = load_backend(wanted["ENGINE"]).DatabaseWrapper(wanted, ALIAS)


def _settings_of(place: str | Path) -> Mapping[str, Any]:
    if not is_address(place):
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(place)}
    return database_at(place)
