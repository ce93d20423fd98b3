"""The SQL of the criteria, in DuckDB and in PostgreSQL, against the bedside."""

import re
from collections.abc import Sequence
from typing import Any

import duckdb
import polars as pl
import psycopg
import pytest
import sqlglot
from hypothesis import HealthCheck, Phase, given, settings
from sqlglot import exp

from equipoise.eligibility import Verdict
from equipoise.problems import Where
from equipoise.screening.columns import find_columns
from equipoise.screening.warehouse.database import plan_warehouse, screen_database
from equipoise.screening.warehouse.mapped import Source
from equipoise.screening.warehouse.queries import DIALECTS, Dialect, count_query, people_query
from equipoise.screening.warehouse.tables import Connection
from equipoise.study.study import Study
from tests.agreement.people import CELLS, known_columns, one_by_one, people, statuses, studies

LENIENT = settings(
    max_examples=12,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
    derandomize=True,
)
TYPES = {
    pl.Float64: ("DOUBLE", "DOUBLE PRECISION"),
    pl.Float32: ("REAL", "REAL"),
    pl.Int16: ("SMALLINT", "SMALLINT"),
    pl.UInt32: ("BIGINT", "BIGINT"),
    pl.String: ("VARCHAR", "TEXT"),
    pl.Enum: ("VARCHAR", "TEXT"),
    pl.Boolean: ("BOOLEAN", "BOOLEAN"),
    pl.Date: ("DATE", "DATE"),
}


COLUMNS = {
    name: pl.Date if name in ("born", "onset") else getattr(kind, "base_type", lambda k=kind: k)()
    for name, (kind, _) in CELLS.items()
}


def exact_days(table: pl.DataFrame) -> pl.DataFrame:
    """A database has days; a month alone is for files."""
    days = [c for c in ("born", "onset") if c in table.columns]
    return table.with_columns(
        pl.when(pl.col(d).str.len_chars() == 7)
        .then(pl.col(d) + "-15")
        .otherwise(pl.col(d))
        .str.to_date()
        for d in days
    ).with_row_index("person_id")


def fill(connection: Any, table: pl.DataFrame, dialect: Dialect) -> None:
    at = 1 if dialect == "postgres" else 0
    names = {c: TYPES[t.base_type()][at] for c, t in table.schema.items()}
    columns = ", ".join(f'"{c}" {t}' for c, t in names.items())
    connection.execute("DROP TABLE IF EXISTS people")
    connection.execute(f"CREATE TABLE people ({columns})")
    mark = "%s" if dialect == "postgres" else "?"
    insert = f"INSERT INTO people VALUES ({', '.join([mark] * table.width)})"
    for row in table.rows():
        connection.execute(insert, row)


def expected_masks(verdict: Verdict) -> tuple[int, int]:
    answers = statuses(verdict)
    met = sum(1 << bit for bit, a in enumerate(answers) if a)
    return met, sum(1 << bit for bit, a in enumerate(answers) if a is None)


def check(assessed: Study, drawn: pl.DataFrame, connection: Connection, dialect: Dialect) -> None:
    table = exact_days(drawn)
    kept = known_columns(assessed, table)
    expected = one_by_one(assessed, kept)
    fill(connection, kept.with_columns(table["person_id"]), dialect)

    funnel = screen_database(assessed, connection, "people", dialect=dialect)

    found = (funnel.eligible, funnel.not_eligible, funnel.undecided, funnel.potential)
    kinds = ("eligible", "not_eligible", "undecided", "potential")
    assert found == tuple(sum(v.status == k for v in expected) for k in kinds)
    for at, criterion in enumerate(funnel.criteria):
        answers = [statuses(v)[at] for v in expected]
        counted = (criterion.met, criterion.not_met, criterion.unknown)
        assert counted == (answers.count(True), answers.count(False), answers.count(None))
    check_survivors(assessed, kept, expected, connection, dialect)


def check_survivors(  # noqa: PLR0917
    assessed: Study,
    table: pl.DataFrame,
    expected: Sequence[Verdict],
    connection: Connection,
    dialect: Dialect,
) -> None:
    at = 1 if dialect == "postgres" else 0
    types = {c: TYPES[t.base_type()][at].lower() for c, t in table.schema.items()}
    plan = plan_warehouse(
        assessed,
        Source(exp.to_table("people"), {**types, "person_id": "bigint"}),
        {},
        reference_on=None,
        where=Where(),
    )
    rows = connection.execute(people_query(plan, dialect)).fetchall()
    found = {r[0]: (r[3], r[4], _verdict(r[1], r[2])) for r in rows}
    assert found == {
        person: (*expected_masks(v), v.status)
        for person, v in enumerate(expected)
        if v.status != "not_eligible"
    }


def _verdict(is_eligible: bool | None, waits: bool) -> str:
    return "eligible" if is_eligible else "undecided" if waits else "potential"


@given(studies(), people)
@LENIENT
def test_duckdb_gives_the_verdicts_of_the_bedside(assessed: Study, table: pl.DataFrame) -> None:
    """Verdicts, counts and masks, for random rules and random holes."""
    with duckdb.connect() as connection:
        check(assessed, table, connection, "duckdb")


@given(studies(), people)
@LENIENT
def test_postgresql_gives_the_verdicts_of_the_bedside(
    postgres: psycopg.Connection[Any], assessed: Study, table: pl.DataFrame
) -> None:
    """Verdicts, counts and masks, for random rules and random holes."""
    check(assessed, table, postgres, "postgres")


FORBIDDEN = (r"\bNOT\s+IN\b", r"\bELSE\b", r"\bCOALESCE\b", r"<>", r"!=", r"\bIFNULL\b")


@pytest.mark.parametrize("dialect", DIALECTS)
@given(studies())
@LENIENT
def test_nothing_turns_unknown_into_no(dialect: Dialect, assessed: Study) -> None:
    """None of the phrases that would is in a query of any dialect, Spark's among them."""
    types = {c: TYPES[t][0].lower() for c, t in COLUMNS.items()}
    known, _ = find_columns(assessed, list(types), {}, where=Where())
    plan = plan_warehouse(
        assessed,
        Source(exp.to_table("people"), {c.header: types[c.header] for c in known}),
        {},
        reference_on=None,
        where=Where(),
    )

    for query in (count_query(plan, dialect), people_query(plan, dialect)):
        assert not [p for p in FORBIDDEN if re.search(p, query)]
        assert sqlglot.parse_one(query, dialect=dialect).find(exp.Select)
