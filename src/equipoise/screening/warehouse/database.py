"""Tables of people in DuckDB or PostgreSQL: their columns, and their counts."""

import datetime as dt
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import msgspec
from msgspec import Struct

from equipoise.problems import Problem, Refused, Where, problem
from equipoise.screening.columns import IGNORED, find_columns, known_headers
from equipoise.screening.compiler import compile_study
from equipoise.screening.funnel import Funnel, make_funnel
from equipoise.screening.mapping import Mapped
from equipoise.screening.reading import find_sources
from equipoise.screening.warehouse.cells import give
from equipoise.screening.warehouse.mapped import Source, map_tables
from equipoise.screening.warehouse.queries import Dialect, Warehouse, count_names, count_query
from equipoise.screening.warehouse.tables import Connection, describe, querying
from equipoise.study.study import Study


class Held(Struct, frozen=True, kw_only=True):
    """People in a database: their table, or the query that a mapping makes of several."""

    study: Study
    connection: Connection
    dialect: Dialect
    source: Source
    headers: Mapping[str, str]
    reference_on: dt.date | None
    where: Where

    def plan(self, study: Study | None = None) -> Warehouse:
        """The criteria compiled for these people; of another study over the same table if given.

        Raises:
            Refused: for columns that do not fit, or with every criterion that has no SQL.
        """
        source = self.source
        if study is not None:  # under another reading a column may mean nothing
            kept = known_headers(study, list(source.types), self.headers)
            source = msgspec.structs.replace(source, types={h: source.types[h] for h in kept})
        return plan_warehouse(
            study or self.study,
            source,
            self.headers,
            reference_on=self.reference_on,
            where=self.where,
        )

    def ask(self, query: str) -> Any:
        """The cursor of a query.

        Raises:
            Refused: if the database refuses it.
        """
        # PostgreSQL would end the query there.
        if "\0" in query and self.dialect == "postgres":
            detail = "NUL characters in a name or a code"
            raise Refused([problem("EQ-E020", self.where, detail=detail)])
        with querying(self.where):
            return self.connection.execute(query)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a query that gives few."""
        cursor = self.ask(query)
        with querying(self.where):
            return [tuple(row) for row in cursor.fetchall()]


def hold_people(
    study: Study,
    connection: Connection,
    table: str,
    mapping: Mapping[str, str] | Mapped | None = None,
    *,
    dialect: Dialect,
    reference_on: dt.date | None = None,
) -> Held:
    """Find the people in a database; nothing but the names and types of columns is read.

    `mapping` gives headers their name, or says as a mapping file does how tables feed the study;
    `table` is then that of the people where the file names none.

    Raises:
        Refused: for a table or columns that do not fit.
    """
    headers: Mapping[str, str] = {}
    if isinstance(mapping, Mapped):
        source = _mapped(study, connection, mapping, table, reference_on)
    else:
        found = describe(connection, table)
        source, headers = Source(found.table, found.types, {}), mapping or {}
    return Held(
        study=study,
        connection=connection,
        dialect=dialect,
        source=source,
        headers=headers,
        reference_on=reference_on,
        where=Where(table),
    )


def screen_database(
    study: Study,
    connection: Connection,
    table: str,
    mapping: Mapping[str, str] | Mapped | None = None,
    *,
    dialect: Dialect,
    reference_on: dt.date | None = None,
) -> Funnel:
    """The funnel over a table of a database, counted by the database itself, or raise `Refused`
    as `hold_people` and `count_people` do."""
    return count_people(
        hold_people(study, connection, table, mapping, dialect=dialect, reference_on=reference_on)
    )


def count_people(held: Held) -> Funnel:
    """The funnel, counted by the database itself.

    Raises:
        Refused: for criteria that have no SQL, cells that are wrong, or a table without rows.
    """
    warehouse = held.plan()
    (row,) = held.rows(count_query(warehouse, held.dialect))
    # COUNT_IF of nulls alone is null in some versions of DuckDB.
    counts = {n: int(v or 0) for n, v in zip(count_names(warehouse), row, strict=True)}
    problems = _wrong(counts, held.where)
    if problems:
        raise Refused(problems)
    if not counts["people"]:
        raise Refused([problem("EQ-E024", held.where)])
    criteria = [(c.id, c.is_inclusion) for c in warehouse.plan.criteria]
    return make_funnel(criteria, counts)


def connect(address: str) -> tuple[Any, Dialect]:
    """A connection to a DuckDB file, which is only read, or to PostgreSQL, and its dialect.

    Raises:
        Refused: if the driver is not installed, or the database does not answer.
    """
    is_postgres = address.startswith("postgres")
    where = Where("postgresql" if is_postgres else address)  # an address may hold a password
    driver = "psycopg" if is_postgres else "duckdb"
    try:
        module = import_module(driver)
    except ImportError as error:
        raise Refused([problem("EQ-E034", where, driver=driver)]) from error
    with querying(where):
        if is_postgres:
            return module.connect(address), "postgres"
        return module.connect(address, read_only=True), "duckdb"


def _mapped(  # noqa: PLR0917
    study: Study, connection: Connection, mapped: Mapped, table: str, reference_on: dt.date | None
) -> Source:
    if mapped.facts is not None and not mapped.facts.table:
        raise Refused([problem("EQ-E044", Where("facts"))])
    people = describe(connection, mapped.people.table or table) if mapped.people else None
    facts = describe(connection, mapped.facts.table) if mapped.facts else None
    return map_tables(study, mapped, people, facts, reference_on=reference_on)


def plan_warehouse(
    study: Study,
    source: Source,
    mapping: Mapping[str, str],
    *,
    reference_on: dt.date | None,
    where: Where,
) -> Warehouse:
    """Compile the study for the columns of a table or query, with the types of the database.

    Raises:
        Refused: for columns that do not fit, or with every criterion that has no SQL.
    """
    types = source.types
    columns, problems = find_columns(study, list(types), mapping, where=where, units=source.units)
    given = [(c, give(c, types[c.header])) for c in columns]
    problems += tuple(
        problem("EQ-E031", where, column=c.header, found=types[c.header], expected=c.type.kind)
        for c, g in given
        if g is None
    )
    if problems:
        raise Refused(problems)
    if not columns:
        raise Refused([problem("EQ-E023", where)])
    has_reference = reference_on is not None or any(c.use == "reference" for c in columns)
    days = [c.header for c in columns if c.use == "value" and c.type.kind == "date"]
    if days and not has_reference:
        raise Refused([problem("EQ-E027", where, columns=", ".join(days))])
    found = [g for _, g in given if g is not None]
    plan = compile_study(study, find_sources(found, reference_on))
    gaps = tuple(
        problem("EQ-E032", where, criterion=name, part=part) for name, part in plan.gaps.items()
    )
    if gaps:
        raise Refused(gaps)
    inputs = {name: sql for g in found for name, sql in g.gives.items()}
    wrong = {g.column.header: g.wrong for g in found if g.wrong is not None}
    return Warehouse(
        plan=plan,
        table=source.table,
        inputs=inputs,
        wrong=wrong,
        person=next((n for n in types if n in IGNORED), ""),
        steps=source.steps,
        no_numbers={g.column.name: g.no_number for g in found if g.no_number is not None},
    )


def _wrong(counts: Mapping[str, int], where: Where) -> tuple[Problem, ...]:
    return tuple(
        problem("EQ-E033", where, n_cells=n, column=key.removeprefix("wrong "))
        for key, n in counts.items()
        if key.startswith("wrong ") and n
    )
