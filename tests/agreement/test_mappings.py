"""One mapping over the same tables as files, in DuckDB and in PostgreSQL: the same people, values,
statuses and counts."""

import datetime as dt
import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import duckdb
import polars as pl
import psycopg
import pytest
import sqlglot
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from equipoise.problems import Refused
from equipoise.screening import apply_mapping, screen
from equipoise.screening.funnel import Funnel
from equipoise.screening.mapping import Concept, Facts, Feed, Mapped, People
from equipoise.screening.warehouse import DIALECTS, Dialect, screen_database
from equipoise.screening.warehouse.mapped import Source, map_tables
from equipoise.screening.warehouse.tables import describe
from equipoise.study.criteria import Criterion, ValueDefinition
from tests.unit.eligibility.small_study import REFERENCE, VALUES, judged, study

STUDY = study(
    (
        Criterion(number="1", is_="hb >= 110 g/L"),
        Criterion(number="2", is_="crp > 5 mg/L"),
        Criterion(number="3", is_="share < 40 points"),
    ),
    (
        Criterion(number="1", is_="sex = male"),
        Criterion(number="2", judgement=judged()),
        Criterion(number="3", is_="weight > 60 kg"),
        Criterion(number="4", is_="age > 70 years"),
    ),
    {
        **VALUES,
        "crp": ValueDefinition(from_="lab.crp", unit="mg/L", within_days=28, pick="first"),
        "share": ValueDefinition(from_="history.skin", unit="points", within_days=28),
    },
)
PEOPLE: dict[str, tuple[type[pl.DataType], str, str, Sequence[object]]] = {
    "pid": (pl.Int64, "BIGINT", "BIGINT", (1, 2, 3)),
    "seen on": (pl.Date, "DATE", "DATE", (REFERENCE, REFERENCE, dt.date(2024, 2, 29), None)),
    "hgb": (pl.Float64, "DOUBLE", "DOUBLE PRECISION", (11.0, 10.9, 1.9, math.nan, None)),
    "hgb_day": (pl.Datetime, "TIMESTAMP", "TIMESTAMP", ()),
    "gender": (pl.String, "VARCHAR", "TEXT", ("F", "F", "M", " F", "", "male", None)),
    "uncontrolled": (pl.String, "VARCHAR", "TEXT", ("J", "N", "N", None)),
    "birth": (pl.Date, "DATE", "DATE", (dt.date(1955, 3, 27), dt.date(2004, 2, 29), None)),
}
FACTS: dict[str, tuple[type[pl.DataType], str, str, Sequence[object]]] = {
    "pid": (pl.Int64, "BIGINT", "BIGINT", (1, 1, 1, 2, 2, 9, None)),
    "code": (pl.String, "VARCHAR", "TEXT", ("c", "c", "c", "w", "s", "s", "other", None)),
    "value": (
        pl.Float64,
        "DOUBLE",
        "DOUBLE PRECISION",
        (0.0, -0.0, 0.5, 5.0, 5.0, 6.0, 6.0, 61.0, math.nan, None),
    ),
    "unit": (
        pl.String,
        "VARCHAR",
        "TEXT",
        ("as is", "as is", "as is", "as is", "mg/dL", "g", "points", "", "stone", None),
    ),
    "day": (pl.Date, "DATE", "DATE", ()),
    "reference_date": (pl.Date, "DATE", "DATE", (dt.date(1999, 1, 1),)),
}
EDGES = (-1, 0, 0, 28, 28, 29, 400)
AS_IS = {"c": "mg/L", "w": "kg", "s": "points"}


def days() -> st.SearchStrategy[dt.date | None]:
    ends = st.sampled_from([REFERENCE, REFERENCE, REFERENCE, dt.date(2024, 2, 29)])
    near = st.builds(lambda end, n: end - dt.timedelta(days=n), ends, st.sampled_from(EDGES))
    return st.none() | near


def rows(columns: dict[str, Any], *, least: int, most: int) -> st.SearchStrategy[pl.DataFrame]:
    drawn = {n: st.sampled_from(c[3]) if c[3] else days() for n, c in columns.items()}
    if "hgb_day" in drawn:
        time = dt.time(23, 59)
        drawn["hgb_day"] = days().map(lambda d: d and dt.datetime.combine(d, time))
    schema = {n: c[0] for n, c in columns.items()}
    lists = st.lists(st.fixed_dictionaries(drawn), min_size=least, max_size=most)
    return lists.map(lambda found: pl.DataFrame([*map(in_its_unit, found)], schema=schema))


def in_its_unit(row: dict[str, Any]) -> dict[str, Any]:
    """Most measurements are in a unit that fits."""
    return {**row, "unit": AS_IS.get(row["code"])} if row.get("unit") == "as is" else row


@st.composite
def mappings(draw: st.DrawFn) -> Mapped:
    """Wide, long or both; units in a column or stated; reference dates of people or one for all."""
    columns = {
        "hb": Feed(
            from_="hgb",
            unit=draw(st.sampled_from(["g/dL", "g/L", ""])),
            on=draw(st.sampled_from(["hgb_day", ""])),
        ),
        "sex": Feed(from_="gender", codes={"F": "female", "M": "male"}),
        "E2": Feed(from_="uncontrolled", codes={"J": "yes", "N": "false"}),
        "born": Feed(from_="birth"),
    }
    people = People(
        person="pid", reference_date=draw(st.sampled_from(["seen on", ""])), columns=columns
    )
    unit = draw(st.sampled_from(["unit", ""]))
    facts = Facts(
        person="pid",
        table="facts",
        concept="code",
        value="value",
        on="day",
        unit=unit,
        concepts={
            "c": Concept(gives="crp", unit=draw(st.sampled_from(["mg/L", "mg/dL", ""]))),
            "w": Concept(gives="weight"),
            "s": Concept(gives="share", unit=draw(st.sampled_from(["points", ""]))),
        },
    )
    shape = draw(st.sampled_from(["both", "both", "both", "wide", "long"]))
    return Mapped(
        people=None if shape == "long" else people, facts=None if shape == "wide" else facts
    )


CASES = given(mappings(), rows(PEOPLE, least=1, most=7), rows(FACTS, least=15, most=30))
FEW = settings(
    max_examples=20,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
    derandomize=True,
)


def fill(connection: Any, name: str, columns: dict[str, Any], table: pl.DataFrame) -> None:
    is_postgres = isinstance(connection, psycopg.Connection)
    described = ", ".join(f'"{n}" {c[2 if is_postgres else 1]}' for n, c in columns.items())
    connection.execute(f"DROP TABLE IF EXISTS {name}")
    connection.execute(f"CREATE TABLE {name} ({described})")
    marks = ", ".join(["%s" if is_postgres else "?"] * table.width)
    for row in table.rows():
        connection.execute(f"INSERT INTO {name} VALUES ({marks})", row)


def or_refused(screening: Callable[[], Funnel]) -> Funnel | set[str]:
    """The funnel, or why there is none: files tell of each wrong cell, databases of a column."""
    try:
        return screening()
    except Refused as refused:
        return {"EQ-E033" if p.code == "EQ-E025" else p.code for p in refused.problems}


def in_files(mapped: Mapped, people: pl.DataFrame, facts: pl.DataFrame) -> Funnel:
    table = apply_mapping(STUDY, mapped, people.lazy(), facts.lazy(), reference_on=REFERENCE)
    return screen(STUDY, table.rows, units=table.units, reference_on=REFERENCE)


def in_order(found: Sequence[tuple[Any, ...]]) -> list[tuple[str, ...]]:
    """Rows to compare: what is no number is missing, and 0 has no sign."""
    plain = [[None if c is not None and c != c else c for c in row] for row in found]  # noqa: PLR0124
    plain = [[c + 0.0 if isinstance(c, float) else c for c in row] for row in plain]
    return sorted(tuple(map(repr, row)) for row in plain)


def in_full(source: Source, dialect: Dialect) -> str:
    columns = [exp.column(n, quoted=True) for n in source.types]
    query = exp.select(*columns).from_(source.table)
    for name, step in source.steps:
        query = query.with_(exp.to_identifier(name, quoted=True), as_=step)
    return query.sql(dialect)


def check(  # noqa: PLR0917
    mapped: Mapped, people: pl.DataFrame, facts: pl.DataFrame, connection: Any, dialect: Dialect
) -> None:
    fill(connection, "people", PEOPLE, people)
    fill(connection, "facts", FACTS, facts)
    table = apply_mapping(STUDY, mapped, people.lazy(), facts.lazy(), reference_on=REFERENCE)
    tables = [describe(connection, n) for n in ("people", "facts")]
    source = map_tables(STUDY, mapped, *tables, reference_on=REFERENCE)

    found = connection.execute(in_full(source, dialect)).fetchall()

    assert in_order(found) == in_order(table.rows.select(*source.types).collect().rows())
    by_the_database = or_refused(
        lambda: screen_database(
            STUDY, connection, "people", mapped, dialect=dialect, reference_on=REFERENCE
        )
    )
    assert by_the_database == or_refused(lambda: in_files(mapped, people, facts))


@CASES
@FEW
def test_duckdb_reads_a_mapping_as_files_do(
    mapped: Mapped, people: pl.DataFrame, facts: pl.DataFrame
) -> None:
    """Row by row, and in the funnel."""
    with duckdb.connect() as connection:
        check(mapped, people, facts, connection, "duckdb")


@CASES
@FEW
def test_postgresql_reads_a_mapping_as_files_do(
    postgres: psycopg.Connection[Any], mapped: Mapped, people: pl.DataFrame, facts: pl.DataFrame
) -> None:
    """Row by row, and in the funnel."""
    check(mapped, people, facts, postgres, "postgres")


@pytest.fixture(scope="module")
def empty() -> Iterator[Any]:
    with duckdb.connect() as connection:
        for name, columns in (("people", PEOPLE), ("facts", FACTS)):
            fill(connection, name, columns, pl.DataFrame(schema=list(columns)))
        yield connection


@pytest.mark.parametrize("dialect", DIALECTS)
@given(mappings())
@FEW
def test_no_mapping_turns_unknown_into_no(empty: Any, dialect: Dialect, mapped: Mapped) -> None:
    """In no dialect, Spark's among them."""
    tables = [describe(empty, n) for n in ("people", "facts")]
    source = map_tables(STUDY, mapped, *tables, reference_on=REFERENCE)

    query = in_full(source, dialect)

    for phrase in (r"\bNOT\s+IN\b", r"\bELSE\b", r"\bCOALESCE\b", r"<>", r"!=", r"\bIFNULL\b"):
        assert not re.search(phrase, query)
    assert sqlglot.parse_one(query, dialect=dialect)
