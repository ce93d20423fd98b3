"""The Polars expressions against the evaluator that decides at the bedside."""

import datetime as dt

import polars as pl
from hypothesis import HealthCheck, given, settings

from equipoise.eligibility import Verdict
from equipoise.problems import Where
from equipoise.screening.engine import SATISFIED, WAITS, judge, verdicts
from equipoise.screening.screen import prepare
from equipoise.study.study import Study
from tests.agreement.people import known_columns, one_by_one, people, statuses, studies

LENIENT = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def judged(assessed: Study, table: pl.DataFrame, on: dt.date | None = None) -> pl.DataFrame:
    engine = prepare(assessed, table.lazy(), {}, reference_on=on, where=Where())
    assert not engine.plan.gaps
    return verdicts(engine, judge(engine, table.lazy())).collect()


def overall(row: dict[str, object]) -> str:
    if row[SATISFIED] is not None:
        return "eligible" if row[SATISFIED] else "not_eligible"
    return "undecided" if row[WAITS] else "potential"


def disagreements(
    assessed: Study, found: pl.DataFrame, expected: list[Verdict]
) -> list[tuple[object, ...]]:
    names = [name for name, _ in assessed.criteria]
    differing = []
    for row, verdict in zip(found.iter_rows(named=True), expected, strict=True):
        answer = tuple(row[n] for n in names), overall(row)
        if answer != (statuses(verdict), verdict.status):
            differing.append((*answer, statuses(verdict), verdict.status))
    return differing


@given(studies(), people)
@LENIENT
def test_each_person_has_the_verdict_of_the_bedside(assessed: Study, table: pl.DataFrame) -> None:
    """Every criterion and the whole, for random rules and random holes."""
    known = known_columns(assessed, table)

    assert disagreements(assessed, judged(assessed, known), one_by_one(assessed, known)) == []
