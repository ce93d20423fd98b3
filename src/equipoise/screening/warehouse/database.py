"""A table of people in DuckDB or PostgreSQL: its columns, and its counts."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Protocol

import msgspec
from sqlglot import exp

from equipoise.language.values import Known
from equipoise.problems import Problem, Refused, Where, problem
from equipoise.screening.columns import IGNORED, REFERENCE, Column, find_columns
from equipoise.screening.compiler import (
    LARGEST,
    Grain,
    Judged,
    Operand,
    Sources,
    Term,
    column,
    compile_study,
    constant,
)
from equipoise.screening.funnel import Funnel, make_funnel
from equipoise.screening.warehouse.queries import Dialect, Warehouse, count_query
from equipoise.screening.warehouse.terms import literal
from equipoise.study.study import Study

_INTEGERS = frozenset(
    {"tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger"}
)
_FLOATS = frozenset({"double", "double precision", "numeric", "decimal", "hugeint", "ubigint"})
_SINGLE = frozenset({"float", "real"})
_TEXTS = frozenset({"varchar", "text", "character varying", "character", "enum", "user-defined"})
_DAYS = frozenset({"date"})
_INSTANTS = ("timestamp", "datetime")
_DATABASE_FAULTS = ("Error", "DatabaseError")


class Connection(Protocol):
    """What DuckDB and psycopg have in common."""

    def execute(self, query: str, /) -> Any:
        """Run a query; its result has `description`, `fetchone` and `fetchall`."""
        ...


def screen_database(
    study: Study,
    connection: Connection,
    table: str,
    mapping: Mapping[str, str] | None = None,
    *,
    dialect: Dialect,
    reference_on: dt.date | None = None,
) -> Funnel:
    """The funnel over a table of a database, counted by the database itself.

    Raises:
        Refused: for a table or columns that do not fit, or criteria that have no SQL.
    """
    where = Where(table)
    with querying(where):
        types = _types(connection, table)
    if not types:
        raise Refused([problem("EQ-E020", where, detail="no such table")])
    warehouse = plan_warehouse(
        study, types, table, mapping or {}, reference_on=reference_on, where=where
    )
    query = count_query(warehouse, dialect)
    with querying(where):
        result = connection.execute(query)
        names = [d[0] for d in result.description]
        # COUNT_IF of nulls alone is null in some versions of DuckDB.
        counts = {n: int(v or 0) for n, v in zip(names, result.fetchone(), strict=True)}
    problems = _wrong(counts, where)
    if problems:
        raise Refused(problems)
    if not counts["people"]:
        raise Refused([problem("EQ-E024", where)])
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


def _types(connection: Connection, table: str) -> dict[str, str]:
    schema, _, name = table.rpartition(".")
    wanted = exp.select("column_name", "data_type").from_("information_schema.columns")
    wanted = wanted.where(exp.column("table_name").eq(exp.Literal.string(name)))
    if schema:
        wanted = wanted.where(exp.column("table_schema").eq(exp.Literal.string(schema)))
    found = connection.execute(wanted.order_by("ordinal_position").sql("postgres"))
    return {str(n): str(t).lower() for n, t in found.fetchall()}


def plan_warehouse(
    study: Study,
    types: Mapping[str, str],
    table: str,
    mapping: Mapping[str, str],
    *,
    reference_on: dt.date | None,
    where: Where,
) -> Warehouse:
    """Compile the study for the columns of a table, whose types are those of the database.

    Raises:
        Refused: for columns that do not fit, or with every criterion that has no SQL.
    """
    columns, problems = find_columns(study, list(types), mapping, where=where)
    given = [(c, _given(c, types[c.header])) for c in columns]
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
    found = [(c, g) for c, g in given if g is not None]
    plan = compile_study(study, _sources(found, reference_on))
    gaps = tuple(
        problem("EQ-E032", where, criterion=name, part=part) for name, part in plan.gaps.items()
    )
    if gaps:
        raise Refused(gaps)
    inputs = {name: sql for _, g in found for name, sql in g.inputs.items()}
    wrong = {c.header: g.wrong for c, g in found if g.wrong is not None}
    person = next((n for n in types if n in IGNORED), "")
    return Warehouse(plan, exp.to_table(table), inputs, wrong, person)


class _Given(msgspec.Struct, frozen=True):
    """What a column of the database gives to the plan."""

    inputs: Mapping[str, exp.Expression]
    grain: Grain = "f64"
    wrong: exp.Expression | None = None


def _given(found: Column, sql_type: str) -> _Given | None:
    """None if a column of this type cannot give what it should."""
    base = sql_type.split("(", 1)[0].strip()
    cell = exp.column(found.header, quoted=True)
    name = f"judgement {found.name}" if found.use == "judgement" else found.name
    match found.type.kind:
        case "number" if base in _INTEGERS:
            return _Given({name: cell}, "int")
        case "number" if base in _FLOATS | _SINGLE:
            return _given_number(name, cell, base)
        case "boolean" if base == "boolean":
            return _Given({name: cell})
        case "choice" | "text" if base in _TEXTS:
            return _Given({name: cell}, wrong=_not_a_choice(found, cell))
        case "date" if base in _DAYS or base.startswith(_INSTANTS):
            return _Given({name: cell if base in _DAYS else exp.cast(cell, "DATE")})
    return None


def _given_number(name: str, cell: exp.Expression, base: str) -> _Given:
    """What is not a number is missing, as it is in a file."""
    number = cell if base == "double" else exp.cast(cell, "DOUBLE")
    infinity = exp.cast(exp.Literal.string("Infinity"), "DOUBLE")
    above = exp.EQ(this=number.copy(), expression=infinity)
    below = exp.LT(this=number.copy(), expression=literal(-LARGEST))
    return _Given({name: number}, "f64", exp.Or(this=above, expression=below))


def _not_a_choice(found: Column, cell: exp.Expression) -> exp.Expression | None:
    if not found.type.codes:
        return None
    text = exp.cast(cell.copy(), "TEXT")
    is_known = exp.In(this=text, expressions=[literal(c) for c in found.type.codes])
    return exp.Not(this=exp.Paren(this=is_known))


def _sources(found: Sequence[tuple[Column, _Given]], reference_on: dt.date | None) -> Sources:
    reference = Operand(kind="never", opens={REFERENCE: Term("true")})
    if any(c.use == "reference" for c, _ in found):
        day = column(REFERENCE)
        reference = Operand(kind="date", low=day, high=day)
    elif reference_on is not None:
        day = constant(reference_on)
        reference = Operand(kind="date", low=day, high=day, known=Known(reference_on))
    values, judgements = {}, {}
    for one, given in found:
        if one.use == "judgement":
            judgements[one.name] = Judged(column(f"judgement {one.name}"))
        elif one.use == "value":
            values[one.name] = _operand(one, given, reference)
    return Sources(values, judgements, reference)


def _operand(found: Column, given: _Given, reference: Operand) -> Operand:
    cell = column(found.name)
    valid: tuple[Term, ...] = ()
    if given.grain == "f64" and found.type.kind == "number":
        valid = (Term("ge", (cell, constant(-LARGEST))), Term("le", (cell, constant(LARGEST))))
    if found.type.kind == "date" and reference.known is None:
        valid = (Term("not", (Term("is_null", (reference.low,)),)),)
    operand = Operand(
        kind="text" if found.type.kind == "choice" else found.type.kind,  # type: ignore[arg-type]
        low=cell,
        high=cell,
        unit=found.type.unit,
        valid=valid if found.type.plausible is None else (),
        grain=given.grain,
    )
    opens = {found.name: Term("not", (operand.is_known,))}
    return msgspec.structs.replace(operand, opens=opens)


def _wrong(counts: Mapping[str, int], where: Where) -> tuple[Problem, ...]:
    return tuple(
        problem("EQ-E033", where, n_cells=n, column=key.removeprefix("wrong "))
        for key, n in counts.items()
        if key.startswith("wrong ") and n
    )
