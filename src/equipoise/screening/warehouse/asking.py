"""What is asked of a database beside the funnel. It computes and groups; what comes out is one row
a group, and one row a person only where each person is asked for."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from polars.io.plugins import register_io_source

from equipoise.eligibility.readings import Readings, other_readings
from equipoise.problems import Refused, problem
from equipoise.screening.columns import IGNORED
from equipoise.screening.compiler import CompiledCriterion
from equipoise.screening.engine import SATISFIED, WAITS
from equipoise.screening.funnel import Funnel
from equipoise.screening.people import check_ending, told_deciding, told_verdict, write_rows
from equipoise.screening.readings import Difference, check_given, to_difference
from equipoise.screening.settling import (
    Missing,
    asking,
    because,
    list_missing,
    split_study,
)
from equipoise.screening.settling.asking import UNDECIDED
from equipoise.screening.warehouse.database import Held
from equipoise.screening.warehouse.queries import both, groups_query, people_query, reasons_query
from equipoise.screening.warehouse.tables import INTEGERS, base_of, querying

MOST_CRITERIA = 63
"""Bits of a mask that is a whole number of a database."""

_PIECE = 50_000


def settle_held(held: Held) -> tuple[Missing, ...]:
    """The work list of the undecided, as of a file: a row of each pattern is fetched.

    Raises:
        Refused: for criteria that have no SQL.
    """
    split = split_study(held.study)
    warehouse = held.plan(split.study)
    asked = asking(split, warehouse.plan.criteria)
    query = groups_query(warehouse, asked.terms, list(asked.flags), held.dialect, among=UNDECIDED)
    groups = ((asked.pattern(row[:-1]), int(row[-1])) for row in held.rows(query))
    return list_missing(split, ((pattern, n) for pattern, n in groups if n))


def reasons_held(held: Held, funnel: Funnel) -> Funnel:
    """The funnel with the reasons of each criterion, as of a file: one row is fetched.

    Raises:
        Refused: for criteria that have no SQL.
    """
    warehouse = held.plan()
    asked = because(warehouse.plan.criteria)
    if not asked.names:
        return asked.told(funnel, ())
    query = reasons_query(warehouse, asked.terms, list(asked.names), held.dialect)
    (row,) = held.rows(query)
    return asked.told(funnel, [int(n or 0) for n in row])


def compare_held(held: Held, readings: Readings | None = None) -> tuple[Difference, ...]:
    """Every other reading that is known, against the assumed one, as of a file: for each a few
    rows are fetched.

    Raises:
        Refused: for a reading of no open decision, or one that is no eligibility or has no SQL.
    """
    given = readings or {}
    check_given(held.study, given)
    base = held.plan()
    found = []
    for decision, option, other in other_readings(held.study, given):
        warehouse, extra, asked = both(base, held.plan(other))
        query = groups_query(warehouse, extra, asked, held.dialect)
        moved: dict[tuple[str, str], int] = {}
        for row in held.rows(query):
            verdicts = _verdict(row[0], row[1]), _verdict(row[2], row[3])
            moved[verdicts] = moved.get(verdicts, 0) + int(row[4])
        changed = [(b, a, n) for (b, a), n in moved.items() if b != a]
        found.append(to_difference(decision, option, changed))
    return tuple(found)


def write_held(held: Held, path: Path) -> None:
    """Write the verdicts on all people, as of a file: fetched piece by piece and never all held.

    Raises:
        Refused: for more criteria than a mask has bits, another ending, or a file that cannot be
            written.
    """
    check_ending(path)
    n_criteria = len(held.study.criteria)
    if n_criteria > MOST_CRITERIA:
        raise Refused([problem("EQ-E028", most=MOST_CRITERIA, n_criteria=n_criteria)])
    warehouse = held.plan()
    criteria = warehouse.plan.criteria
    header = next((n for n in held.source.types if n in IGNORED), "")
    is_number = not header or base_of(held.source.types[header]) in INTEGERS
    schema = {
        "person": pl.Int64() if is_number else pl.String(),
        SATISFIED: pl.Boolean(),
        WAITS: pl.Boolean(),
        "met": pl.UInt64(),
        "unknown": pl.UInt64(),
    }
    pieces = _pieces(held, people_query(warehouse, held.dialect, is_everybody=True))

    def read(columns: list[str] | None, *_: object) -> Iterator[pl.DataFrame]:
        for rows in pieces:
            piece = pl.DataFrame(rows, schema=schema, orient="row", strict=False)
            yield piece if columns is None else piece.select(columns)

    people = register_io_source(read, schema=schema, validate_schema=False)
    write_rows(_assessed(people, criteria), path)


def _pieces(held: Held, query: str) -> Iterator[Sequence[tuple[Any, ...]]]:
    """The rows of a query, some at a time. PostgreSQL keeps them on its side, under a name."""
    if held.dialect != "postgres":
        cursor = held.ask(query)
    else:
        with querying(held.where):
            held.connection.execute(f'DECLARE "equipoise people" CURSOR WITH HOLD FOR {query}')
    while True:
        with querying(held.where):
            if held.dialect == "postgres":
                fetch = f'FETCH {_PIECE} FROM "equipoise people"'
                rows = held.connection.execute(fetch).fetchall()
            else:
                rows = cursor.fetchmany(_PIECE)
        if not rows:
            break
        yield rows
    if held.dialect == "postgres":
        with querying(held.where):
            held.connection.execute('CLOSE "equipoise people"')


def _assessed(people: pl.LazyFrame, criteria: Sequence[CompiledCriterion]) -> pl.LazyFrame:
    """`verdict` and `deciding` beside the masks."""
    with_statuses = people.with_columns(_status(at).alias(c.id) for at, c in enumerate(criteria))
    return with_statuses.select(
        "person",
        told_verdict().alias("verdict"),
        "met",
        "unknown",
        told_deciding(criteria).alias("deciding"),
    )


def _status(at: int) -> pl.Expr:
    bit = pl.lit(1 << at, dtype=pl.UInt64)
    is_met = (pl.col("met") & bit) != 0
    return pl.when((pl.col("unknown") & bit) == 0).then(is_met)


def _verdict(is_satisfied: bool | None, waits: bool | None) -> str:
    if is_satisfied is None:
        return "undecided" if waits else "potential"
    return "eligible" if is_satisfied else "not_eligible"
