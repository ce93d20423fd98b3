"""The Polars expressions against the evaluator that decides at the bedside."""

import datetime as dt

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from equipoise.eligibility import Verdict
from equipoise.problems import Where
from equipoise.screening.engine import SATISFIED, WAITS, judge, verdicts
from equipoise.screening.screen import prepare, run
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


@given(studies(), people, st.integers(1, 13), st.integers(0, 9))
@LENIENT
def test_each_count_is_that_of_the_bedside(
    assessed: Study, table: pl.DataFrame, times: int, skipped: int
) -> None:
    """The funnel is counted on bits; a table may begin and end anywhere in a byte or a word."""
    known = known_columns(assessed, table)
    expected = (one_by_one(assessed, known) * times)[skipped:]
    rows = pl.concat([known] * times, rechunk=times % 2 == 0).slice(skipped)
    if rows.is_empty():
        return

    engine = prepare(assessed, rows.lazy(), {}, reference_on=None, where=Where())
    funnel = run(engine, rows.lazy(), where=Where())

    kinds = ("eligible", "not_eligible", "undecided", "potential")
    found = tuple(getattr(funnel, k) for k in kinds)
    assert found == tuple(sum(v.status == k for v in expected) for k in kinds)
    for at, criterion in enumerate(funnel.criteria):
        answers = [statuses(v)[at] for v in expected]
        counted = (criterion.met, criterion.not_met, criterion.unknown)
        assert counted == (answers.count(True), answers.count(False), answers.count(None))
    for at, step in enumerate(funnel.steps, start=1):
        so_far = [_joined(assessed, statuses(v)[:at]) for v in expected]
        assert (step.unknown, step.passed) == (so_far.count(None), so_far.count(True))


def _joined(assessed: Study, answers: tuple[bool | None, ...]) -> bool | None:
    """Whether the first criteria let a person in: false decides."""
    names = [name for name, _ in assessed.criteria]
    lets_in = [
        a if n.startswith("I") or a is None else not a for n, a in zip(names, answers, strict=False)
    ]
    return False if False in lets_in else None if None in lets_in else True
