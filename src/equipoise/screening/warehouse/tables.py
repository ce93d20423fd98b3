"""The tables of a database: how they are named, what columns they have, how a cell gives a day."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from msgspec import Struct
from sqlglot import exp

from equipoise.problems import Refused, Where, problem
from equipoise.screening.warehouse.terms import cast
from equipoise.screening.warehouse.texts import day_or_stop, trimmed

INTEGERS = frozenset(
    {"tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger"}
)
FLOATS = frozenset(
    {"double", "double precision", "numeric", "decimal", "hugeint", "ubigint", "float", "real"}
)
TEXTS = frozenset({"varchar", "text", "character varying", "character", "enum", "user-defined"})
_INSTANTS = ("timestamp", "datetime")
_DATABASE_FAULTS = ("Error", "DatabaseError")
_PART = r'"(?:[^"]|"")+"|[^".]+'


class Connection(Protocol):
    """What DuckDB and psycopg have in common."""

    def execute(self, query: str, /) -> Any:
        """Run a query; its result has `description`, `fetchone` and `fetchall`."""
        ...


class Described(Struct, frozen=True):
    """A table, and the type of each of its columns in the words of the database."""

    table: exp.Table
    types: Mapping[str, str]


@contextmanager
def querying(where: Where) -> Iterator[None]:
    """What a database refuses is a problem of the table."""
    try:
        yield
    except Exception as error:
        if not any(c.__name__ in _DATABASE_FAULTS for c in type(error).__mro__):
            raise
        detail = str(error).strip().split("\n", 1)[0]
        raise Refused([problem("EQ-E020", where, detail=detail)]) from error


def describe(connection: Connection, table: str) -> Described:
    """Look a table up: `name`, `schema.name`, or either in double quotes as in SQL.

    Raises:
        Refused: if there is no such table, or more than one.
    """
    *schemas, name = _parts(table)
    found = [row for row in _columns(connection, Where(table)) if row[1] == name]
    found = [row for row in found if not schemas or row[0] == schemas[0]]
    homes = sorted({row[0] for row in found})
    if len(homes) > 1:
        raise Refused([problem("EQ-E043", Where(table), table=table, schemas=", ".join(homes))])
    if not found:
        known = _known(connection, Where(table))
        raise Refused([problem("EQ-E042", Where(table), table=table, known=known)])
    names = [exp.to_identifier(part, quoted=True) for part in (name, *schemas)]
    source = exp.Table(**dict(zip(("this", "db"), names, strict=False)))
    return Described(source, {column: kind.lower() for _, _, column, kind in found})


def _columns(connection: Connection, where: Where) -> list[tuple[str, str, str, str]]:
    """Schema, table, column and type of all columns: a name is compared here, never in SQL."""
    wanted = exp.select("table_schema", "table_name", "column_name", "data_type")
    wanted = wanted.from_("information_schema.columns").order_by("ordinal_position")
    with querying(where):
        rows = connection.execute(wanted.sql("postgres")).fetchall()
    return [(str(s), str(t), str(c), str(k)) for s, t, c, k in rows]


def _known(connection: Connection, where: Where) -> str:
    tables = {t for s, t, _, _ in _columns(connection, where) if s not in _OF_THE_DATABASE}
    return ", ".join(sorted(tables)[:_MOST_TABLES]) or "–"


_OF_THE_DATABASE = ("information_schema", "pg_catalog")
_MOST_TABLES = 20


def _parts(table: str) -> list[str]:
    """What is no name in SQL is the name as it stands."""
    if not re.fullmatch(rf"(?:{_PART})(?:\.(?:{_PART}))?", table):
        return [table]
    return [_unquoted(part) for part in re.findall(_PART, table)]


def _unquoted(part: str) -> str:
    return part[1:-1].replace('""', '"') if part.startswith('"') else part


def base_of(sql_type: str) -> str:
    """A type without its length."""
    return sql_type.split("(", 1)[0].strip()


def as_day(cell: exp.Expression, sql_type: str) -> exp.Expression | None:
    """The day of a date or instant, that of UTC where an instant has a zone, or of a text like
    2026-03-27, as in files; None for other types."""
    base = base_of(sql_type)
    if base == "date":
        return cell
    if base in TEXTS:
        return day_or_stop(trimmed(cell))
    if not sql_type.startswith(_INSTANTS):
        return None
    if sql_type.endswith("with time zone"):
        zone = exp.Literal.string("UTC")
        return cast(exp.AtTimeZone(this=cell, zone=zone), "DATE")
    return cast(cell, "DATE")
