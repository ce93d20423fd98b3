"""The two databases that read tables lie in, behind one face; neither knows what a row means.

Rows hold text, numbers and truth values alone, and are scanned in one form whatever the database.
"""

import datetime as dt
import sqlite3
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from equipoise.ledger import Head, SqliteStore, Store
from equipoise.problems import Refused, problem
from equipoise.web.tables.shape import Key, Row, Table

if TYPE_CHECKING:
    from equipoise.ledger.postgres import PostgresStore

Rows = Collection[tuple[object, ...]]

PREFIX = "read_"
PLACES = (
    "CREATE TABLE read_layout (layout {TextField} NOT NULL)",
    "CREATE TABLE read_position (chain {TextField} NOT NULL PRIMARY KEY, "
    "seq {BigIntegerField} NOT NULL, digest {TextField} NOT NULL)",
)
"""Which layout the tables have, and up to which entry of each chain they are written."""

_POSITION = (
    "INSERT INTO read_position (chain, seq, digest) VALUES (?, ?, ?) "
    "ON CONFLICT (chain) DO UPDATE SET seq = excluded.seq, digest = excluded.digest"
)
FEW = 100
"""So many rows are sent one by one; more are copied, where the database can."""


class Database(Protocol):
    """Where the read tables of one store lie; within the transaction that its user holds."""

    types: Mapping[str, str]

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What its driver raises."""
        ...

    def is_lost(self, error: Exception) -> bool:
        """Whether an error says that the server, or the way to it, is gone."""
        ...

    def in_its_words(self, statement: str) -> str:
        """A statement with its names of types and its marks for values."""
        ...

    def execute(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run one statement, with `?` for values, and give its rows."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """All within it or nothing; joins the one that is open."""
        ...

    def names(self) -> list[str]:
        """The read tables that are there, of whatever layout."""
        ...

    def may_make(self) -> bool:
        """Whether tables can be made and dropped here, not only filled."""
        ...

    def grant(self) -> None:
        """Let the role that records write them, where another made them."""
        ...

    def load(self, table: Table, keys: Collection[Key]) -> Iterator[Row]:
        """The rows of these keys that are there."""
        ...

    def write(self, table: Table, rows: Rows, *, is_new: bool) -> None:
        """Write rows, in the order of the columns, in the place of those with the same keys.

        With `is_new` there are none.
        """
        ...

    def scan(self, table: Table) -> Generator[tuple[Any, ...], None, None]:
        """All rows in the order of their keys, compared as bytes."""
        ...


def database_of(store: Store) -> Database | None:
    """The database of a store, on its own connection; None of a store in memory."""
    if isinstance(store, SqliteStore):
        return SqliteDatabase(store.connection)
    if not hasattr(store, "connection"):
        return None
    return PostgresDatabase(store)  # type: ignore[arg-type]


@contextmanager
def naming_errors(database: Database, study: str, *, code: str = "EQ-G056") -> Iterator[None]:
    """What the driver says becomes a problem: of reading, unless another is given."""
    try:
        yield
    except database.errors as error:
        detail = " ".join(str(error).split())
        if database.is_lost(error):  # no fault of the tables: who asks again is answered
            raise Refused([problem("EQ-G028", study, detail=detail)]) from error
        raise Refused([problem(code, study, study=study, detail=detail)]) from error


def layout_of(database: Database) -> str:
    """The layout of the tables that are there; empty where there are none."""
    if "read_layout" not in database.names():
        return ""
    return "".join(layout for (layout,) in database.execute("SELECT layout FROM read_layout"))


def positions_of(database: Database) -> dict[str, Head]:
    """By chain, the last entry that the tables hold."""
    rows = database.execute("SELECT chain, seq, digest FROM read_position")
    return {chain: Head(seq, digest) for chain, seq, digest in rows}


def place_at(database: Database, heads: Mapping[str, Head]) -> None:
    """Note up to which entry of these chains the tables are written."""
    for chain, head in heads.items():
        database.execute(_POSITION, (chain, head.seq, head.digest))


class SqliteDatabase:
    """The file of the ledger, or one of its own."""

    types: Mapping[str, str] = {
        "TextField": "TEXT",
        "BigIntegerField": "INTEGER",
        "FloatField": "REAL",
        "BooleanField": "INTEGER",
        "DateField": "TEXT",
        "DateTimeField": "TEXT",
    }
    errors: tuple[type[Exception], ...] = (sqlite3.Error,)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def is_lost(self, error: Exception) -> bool:  # noqa: ARG002 - a file is not lost
        """A file has no server."""
        return False

    def in_its_words(self, statement: str) -> str:
        """With SQLite's names of types."""
        return statement.format_map(self.types)

    def execute(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run one statement and give its rows."""
        return self._connection.execute(statement, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """The one that is open, or one of its own."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def names(self) -> list[str]:
        """The read tables that are there."""
        named = "SELECT name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 5) = ?"
        return [name for (name,) in self.execute(named, (PREFIX,))]

    def may_make(self) -> bool:
        """Who can write a file can make tables in it."""
        return True

    def grant(self) -> None:
        """A file knows no roles."""

    def load(self, table: Table, keys: Collection[Key]) -> Iterator[Row]:
        """The rows of these keys that are there."""
        wanted = " AND ".join(f'"{name}" = ?' for name in table.key)
        query = f"{_select(table)} WHERE {wanted}"
        for key in keys:
            for row in self._connection.execute(query, key):
                yield dict(zip(table.columns, row, strict=True))

    def write(self, table: Table, rows: Rows, *, is_new: bool) -> None:
        """Write rows in the place of those with the same keys."""
        statement = insert_into(table, mark="?", is_new=is_new)
        self._connection.executemany(statement, rows)

    def scan(self, table: Table) -> Generator[tuple[Any, ...], None, None]:
        """All rows in the order of their keys."""
        yield from self._connection.execute(f"{_select(table)} ORDER BY {_named(table.key)}")


class PostgresDatabase:
    """The schema of the ledger. Who records may only fill the tables; their owner makes them."""

    types: Mapping[str, str] = {
        "TextField": 'text COLLATE "C"',
        "BigIntegerField": "bigint",
        "FloatField": "double precision",
        "BooleanField": "boolean",
        "DateField": "date",
        "DateTimeField": "timestamptz",
    }

    def __init__(self, holder: "PostgresStore | HasConnection") -> None:
        self._holder = holder

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """Whatever the driver raises."""
        from psycopg import Error  # noqa: PLC0415 - the extra `postgres`

        return (Error,)

    def is_lost(self, error: Exception) -> bool:
        """The server shut down, or nothing came from it."""
        from psycopg import OperationalError  # noqa: PLC0415 - the extra `postgres`
        from psycopg.errors import AdminShutdown, CrashShutdown  # noqa: PLC0415

        is_shut = isinstance(error, AdminShutdown | CrashShutdown)
        return is_shut or (isinstance(error, OperationalError) and error.sqlstate is None)

    def in_its_words(self, statement: str) -> str:
        """With PostgreSQL's names of types."""
        return statement.format_map(self.types)

    def execute(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run one statement and give its rows."""
        done = self._connection.execute(statement.replace("?", "%s").encode(), values or None)
        return done.fetchall() if done.description else []

    def transaction(self) -> AbstractContextManager[None]:
        """A savepoint within the one that is open, or one of its own."""
        made: AbstractContextManager[None] = self._connection.transaction()
        return made

    def names(self) -> list[str]:
        """The read tables that are there."""
        named = (
            "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() "
            "AND starts_with(tablename::text, ?)"
        )
        return [name for (name,) in self.execute(named, (PREFIX,))]

    def may_make(self) -> bool:
        """Whether this role may make tables in the schema, and all that are there are its own."""
        asked = (
            "SELECT has_schema_privilege(current_schema(), 'CREATE') AND NOT EXISTS (SELECT 1 FROM "
            "pg_tables WHERE schemaname = current_schema() AND starts_with(tablename::text, ?) "
            "AND NOT pg_has_role(tableowner, 'USAGE'))"
        )
        return bool(self.execute(asked, (PREFIX,))[0][0])

    def grant(self) -> None:
        """Let the role of the ledger fill them."""
        ((role,),) = self.execute("SELECT app_role FROM ledger_meta")
        if role:
            quoted = '"' + role.replace('"', '""') + '"'
            for name in self.names():
                self.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {name} TO {quoted}")

    def load(self, table: Table, keys: Collection[Key]) -> Iterator[Row]:
        """The rows of these keys that are there."""
        arrays = [
            "?::bigint[]" if table.columns[name] == "BigIntegerField" else "?::text[]"
            for name in table.key
        ]
        query = (
            f"{_select(table)} JOIN unnest({', '.join(arrays)}) AS wanted ({_named(table.key)}) "
            f"USING ({_named(table.key)})"
        )
        for row in self.execute(query, [list(values) for values in zip(*keys, strict=True)]):
            yield dict(zip(table.columns, map(plain, row), strict=True))

    def write(self, table: Table, rows: Rows, *, is_new: bool) -> None:
        """Write rows in the place of those with the same keys: many by way of a table aside."""
        if len(rows) < FEW:
            with self._connection.cursor() as cursor:
                cursor.executemany(insert_into(table, mark="%s", is_new=False).encode(), rows)
            return
        aside = table.name if is_new else f"aside_{table.name}"
        if not is_new:
            self.execute(f"CREATE TEMP TABLE {aside} (LIKE {table.name}) ON COMMIT DROP")
        copying = f"COPY {aside} ({_named(table.columns)}) FROM STDIN"
        with self._connection.cursor() as cursor, cursor.copy(copying.encode()) as copy:
            for row in rows:
                copy.write_row(row)
        if not is_new:
            found = f"SELECT {_named(table.columns)} FROM {aside}"  # noqa: S608 - names of our own
            self.execute(f"{_into(table)} {found} {_replacing(table)}")
            self.execute(f"DROP TABLE {aside}")

    def scan(self, table: Table) -> Generator[tuple[Any, ...], None, None]:
        """All rows in the order of their keys; the texts of the tables are compared as bytes."""
        query = f"{_select(table)} ORDER BY {_named(table.key)}"
        with self._connection.cursor(f"scan_{table.name}") as cursor:
            for row in cursor.execute(query.encode()):
                yield tuple(int(v) if v is True or v is False else plain(v) for v in row)

    @property
    def _connection(self) -> Any:
        return self._holder.connection


class HasConnection(Protocol):
    """Whatever holds a connection of psycopg: a store, or its owner by himself."""

    @property
    def connection(self) -> Any:
        """The connection."""
        ...


def plain(value: object) -> object:
    """A value as rows hold it: days and instants (UTC) as text."""
    match value:
        case dt.datetime():
            return to_text(value)
        case dt.date():
            return value.isoformat()
    return value


def to_text(at: dt.datetime) -> str:
    """An aware instant as the tables hold it."""
    utc = at if at.tzinfo is dt.UTC else at.astimezone(dt.UTC)
    return utc.isoformat(" ", "microseconds")


def insert_into(table: Table, *, mark: str, is_new: bool) -> str:
    """The statement that writes one row of a table."""
    marks = ", ".join([mark] * len(table.columns))
    return f"{_into(table)} VALUES ({marks})" + ("" if is_new else f" {_replacing(table)}")


def _into(table: Table) -> str:
    return f"INSERT INTO {table.name} ({_named(table.columns)})"


def _replacing(table: Table) -> str:
    others = [name for name in table.columns if name not in table.key]
    changed = ", ".join(f'"{name}" = excluded."{name}"' for name in others)
    return f"ON CONFLICT ({_named(table.key)}) DO UPDATE SET {changed}"


def _select(table: Table) -> str:
    return f"SELECT {_named(table.columns)} FROM {table.name}"  # noqa: S608 - names of our own


def _named(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
