"""The Polars expressions against the evaluator that decides at the bedside."""

import datetime as dt
import random

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.eligibility import Verdict
from equipoise.problems import Where
from equipoise.screening.engine import KINDS, SATISFIED, WAITS, judge, verdicts
from equipoise.screening.screen import prepare, run
from equipoise.screening.settling import with_reasons
from equipoise.study.criteria import Criterion
from equipoise.study.study import Study
from tests.agreement.people import (
    MORE_VALUES,
    NAMED_RULES,
    frame,
    known_columns,
    one_by_one,
    people,
    statuses,
    studies,
)
from tests.unit.eligibility.small_study import REFERENCE, study
from tests.unit.eligibility.small_study import judged as judged_by

HOLED: dict[str, list[object]] = {
    "crp": [None, 0.0, 1.0, 5.0, 12.7, float("nan")],
    "hb": [None, 19.0, 20.0, 110.0, 251.0, float("nan")],
    "weight": [None, 0.0, 57.0, 60.0, 120.0, float("nan")],
    "height": [None, 0, 60, 160],
    "creatinine": [None, 5.0, 90.0],
    "born": [None, "1955-03", "1985-07"],
    "onset": [None, "2024-03", "2024-03-27", "2024-02-29", "2026-03"],
    "sex": [None, "female", "male"],
    "method": [None, "good", "bad"],
    "fertile": [None, True, False],
    "reference_date": [None, REFERENCE, dt.date(2024, 2, 29)],
    **{name: [None, True] for name in ("j1", "j2", "I1", "E1")},
}

LENIENT = settings(max_examples=40, derandomize=True)


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


def _reasons(verdicts_: list[Verdict], at: int) -> dict[str, int]:
    told = (v.criteria[at] for v in verdicts_)
    kinds = [{r.kind for r in c.reasons} for c in told if c.status == "unknown"]
    return {kind: n for kind in KINDS if (n := sum(kind in k for k in kinds))}


@given(studies(), people, st.integers(1, 3))
@LENIENT
def test_each_reason_is_counted_as_the_bedside_gives_it(
    assessed: Study, table: pl.DataFrame, times: int
) -> None:
    """Kinds of reasons, criterion by criterion; a person may have several."""
    known = pl.concat([known_columns(assessed, table)] * times)
    expected = one_by_one(assessed, known)

    engine = prepare(assessed, known.lazy(), {}, reference_on=None, where=Where())
    funnel = with_reasons(engine, known.lazy(), run(engine, known.lazy(), where=Where()))

    found = [{k: n for k, n in c.reasons.items() if n} for c in funnel.criteria]
    assert found == [_reasons(expected, at) for at in range(len(assessed.criteria))]
    assert all(set(c.reasons) == set(KINDS) for c in funnel.criteria)


RULES_WITHOUT_A_KIND = [
    "round(weight, height) > 3 kg",  # it has no column form: row by row
    "round(weight, 1 kg) > 3 kg",
    "points(fertile, 3 kg) > 1",
    "bmi(weight, weight) > 3 kg/m2",
    "sum(weight, height) > 1 kg",
    "abs(sex) > 1",
    "abs(duration) > 1 years",
    "points(fertile, duration) > 1",
    "onset + 3 kg > reference_date",
    "onset * 2 > reference_date",
    "crp and fertile",
    "crp in {male, 5 mg/L}",
    "sex < 3",
    "nope > 3",
    "no_function(crp) > 1",
]


def test_each_rule_alone_has_the_reasons_of_the_bedside() -> None:
    """Also rules that no check would let pass, numbers that are none, and attestations."""
    rules = [*NAMED_RULES, *RULES_WITHOUT_A_KIND]
    plain = tuple(
        Criterion(number=f"{at}", is_=rule, attest=judged_by()) for at, rule in enumerate(rules)
    )
    narrow = tuple(
        Criterion(number=f"{at}", when="crp > 5 mg/L", is_=rule) for at, rule in enumerate(rules)
    )
    assessed = study(plain, narrow, MORE_VALUES)
    drawn = random.Random(3)
    rows = [{name: drawn.choice(cells) for name, cells in HOLED.items()} for _ in range(60)]
    known = known_columns(assessed, frame(rows))
    expected = one_by_one(assessed, known)

    engine = prepare(assessed, known.lazy(), {}, reference_on=None, where=Where())
    funnel = with_reasons(engine, known.lazy(), run(engine, known.lazy(), where=Where()))

    assert engine.plan.gaps
    for at, criterion in enumerate(funnel.criteria):
        found = {k: n for k, n in criterion.reasons.items() if n}
        assert found == _reasons(expected, at), (criterion.id, rules[at % len(rules)])
    given = {k for c in funnel.criteria for k, n in c.reasons.items() if n}
    assert given == set(KINDS) - {"stale", "conflicting", "not_in_source"}
