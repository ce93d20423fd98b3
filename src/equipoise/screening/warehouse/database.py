"""Tables of people in DuckDB or PostgreSQL: their columns, and their counts."""

import datetime as dt
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import msgspec
from sqlglot import exp

from equipoise.problems import Problem, Refused, Where, problem
from equipoise.screening.columns import IGNORED, Column, find_columns
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
from equipoise.screening.compiler.operands import in_unit
from equipoise.screening.funnel import Funnel, make_funnel
from equipoise.screening.mapping import Mapped
from equipoise.screening.reading import find_reference
from equipoise.screening.warehouse.mapped import Source, map_tables
from equipoise.screening.warehouse.queries import Dialect, Warehouse, count_names, count_query
from equipoise.screening.warehouse.tables import (
    FLOATS,
    INTEGERS,
    TEXTS,
    Connection,
    as_day,
    base_of,
    describe,
    querying,
)
from equipoise.screening.warehouse.terms import literal
from equipoise.study.study import Study


def screen_database(
    study: Study,
    connection: Connection,
    table: str,
    mapping: Mapping[str, str] | Mapped | None = None,
    *,
    dialect: Dialect,
    reference_on: dt.date | None = None,
) -> Funnel:
    """The funnel over a table of a database, counted by the database itself.

    `mapping` gives headers their name, or says as a mapping file does how tables feed the study;
    `table` is then that of the people where the file names none.

    Raises:
        Refused: for a table or columns that do not fit, or criteria that have no SQL.
    """
    where = Where(table)
    if isinstance(mapping, Mapped):
        source = _mapped(study, connection, mapping, table, reference_on)
        mapping = {}
    else:
        found = describe(connection, table)
        source = Source(found.table, found.types, {})
    warehouse = plan_warehouse(study, source, mapping or {}, reference_on=reference_on, where=where)
    query = count_query(warehouse, dialect)
    if "\0" in query and dialect == "postgres":  # where a query would end before its end
        raise Refused([problem("EQ-E020", where, detail="NUL characters in a name or a code")])
    with querying(where):
        row = connection.execute(query).fetchone()
    # COUNT_IF of nulls alone is null in some versions of DuckDB.
    counts = {n: int(v or 0) for n, v in zip(count_names(warehouse), row, strict=True)}
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
    return Warehouse(
        plan=plan,
        table=source.table,
        inputs=inputs,
        wrong=wrong,
        person=next((n for n in types if n in IGNORED), ""),
        steps=source.steps,
        no_numbers={c.name: g.no_number for c, g in found if g.no_number is not None},
    )


class _Given(msgspec.Struct, frozen=True):
    """What a column of the database gives to the plan."""

    inputs: Mapping[str, exp.Expression]
    grain: Grain = "f64"
    wrong: exp.Expression | None = None
    no_number: exp.Expression | None = None


def _given(found: Column, sql_type: str) -> _Given | None:
    """None if a column of this type cannot give what it should."""
    base = base_of(sql_type)
    cell = exp.column(found.header, quoted=True)
    name = f"judgement {found.name}" if found.use == "judgement" else found.name
    day = as_day(cell, sql_type)
    match found.type.kind:
        case "number" if base in INTEGERS:
            return _Given({name: cell}, "int")
        case "number" if base in FLOATS:
            return _given_number(name, cell, base)
        case "boolean" if base == "boolean":
            return _Given({name: cell})
        case "boolean" if base in TEXTS:
            return _given_truth(name, _trimmed(cell))
        case "choice" | "text" if base in TEXTS:
            text = _trimmed(cell, found.type.codes)
            return _Given({name: text}, wrong=_not_a_choice(found, text))
        case "date" if day is not None:
            return _Given({name: day})
    return None


_SPACES = "".join(map(chr, (*range(9, 14), 32, 160)))


def _trimmed(cell: exp.Expression, codes: Sequence[str] = ()) -> exp.Expression:
    """As a file is read: without spaces around, and what is empty is missing. Codes as they
    should be are not touched, which would cost."""
    text = exp.cast(cell, "TEXT")
    trimmed = exp.Trim(this=text.copy(), expression=literal(_SPACES))
    plain = exp.Nullif(this=trimmed, expression=literal(""))
    if not codes:
        return plain
    is_known = exp.In(this=text, expressions=[literal(c) for c in codes])
    is_there = exp.Not(this=exp.Paren(this=exp.Is(this=text.copy(), expression=exp.null())))
    cases = [exp.If(this=is_known, true=text.copy()), exp.If(this=is_there, true=plain)]
    return exp.Case(ifs=cases)


def _given_truth(name: str, text: exp.Expression) -> _Given:
    lowered = exp.Lower(this=text)
    yes, no = [
        exp.In(this=lowered.copy(), expressions=[literal(w) for w in words])
        for words in (("true", "yes", "1"), ("false", "no", "0"))
    ]
    truth = exp.Case(ifs=[exp.If(this=yes, true=exp.true()), exp.If(this=no, true=exp.false())])
    is_word = exp.Or(this=yes.copy(), expression=no.copy())
    return _Given({name: truth}, wrong=exp.Not(this=exp.Paren(this=is_word)))


def _given_number(name: str, cell: exp.Expression, base: str) -> _Given:
    """What is not a number is missing, as it is in a file."""
    number = cell if base == "double" else exp.cast(cell, "DOUBLE")
    infinity = exp.cast(exp.Literal.string("Infinity"), "DOUBLE")
    most = exp.LTE(this=number.copy(), expression=infinity)
    above = exp.And(this=exp.GT(this=number.copy(), expression=literal(LARGEST)), expression=most)
    below = exp.LT(this=number.copy(), expression=literal(-LARGEST))
    no_number = exp.GT(this=number.copy(), expression=infinity.copy())
    wrong = exp.Or(this=exp.Paren(this=above), expression=below)
    return _Given({name: number}, "f64", wrong, no_number)


def _not_a_choice(found: Column, cell: exp.Expression) -> exp.Expression | None:
    if not found.type.codes:
        return None
    is_known = exp.In(this=cell.copy(), expressions=[literal(c) for c in found.type.codes])
    return exp.Not(this=exp.Paren(this=is_known))


def _sources(found: Sequence[tuple[Column, _Given]], reference_on: dt.date | None) -> Sources:
    reference = find_reference((c for c, _ in found), reference_on)
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
        unit=found.type.unit if found.unit is None else found.unit,
        valid=valid if found.type.plausible is None else (),
        grain=given.grain,
    )
    opens = {found.name: Term("not", (operand.is_known,))}
    operand = msgspec.structs.replace(operand, opens=opens)
    fitted = in_unit(operand, found.type.unit) if found.type.kind == "number" else operand
    return fitted or Operand(kind="never", opens={found.name: Term("true")})


def _wrong(counts: Mapping[str, int], where: Where) -> tuple[Problem, ...]:
    return tuple(
        problem("EQ-E033", where, n_cells=n, column=key.removeprefix("wrong "))
        for key, n in counts.items()
        if key.startswith("wrong ") and n
    )
