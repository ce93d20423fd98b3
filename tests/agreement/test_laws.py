"""Laws that hold whatever the rules say, and the edges of every comparison."""

import datetime as dt
import math

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from equipoise.language import UNITS, convert
from equipoise.problems import Where
from equipoise.screening.compiler import rules
from equipoise.screening.compiler.operands import CannotCompileError
from equipoise.screening.engine import SATISFIED, judge, verdicts
from equipoise.screening.screen import prepare
from equipoise.study.criteria import Criterion, ValueDefinition
from equipoise.study.study import Study
from tests.agreement.people import (
    CELLS,
    frame,
    known_columns,
    one_by_one,
    people,
    statuses,
    studies,
)
from tests.unit.eligibility.small_study import VALUES, only, study

LENIENT = settings(max_examples=25, suppress_health_check=list(HealthCheck), derandomize=True)
CONCENTRATIONS = [u for u, unit in UNITS.items() if unit.quantity == "mass concentration"]
SIGNS = ["<", "<=", ">", ">=", "=", "!="]


def whole_verdicts(assessed: Study, table: pl.DataFrame) -> list[bool | None]:
    engine = prepare(assessed, table.lazy(), {}, reference_on=None, where=Where())
    return verdicts(engine, judge(engine, table.lazy())).collect()[SATISFIED].to_list()


@given(studies(), people, st.data())
@LENIENT
def test_filling_a_hole_never_turns_a_verdict(
    assessed: Study, table: pl.DataFrame, data: st.DataObject
) -> None:
    """What is decided stays decided, unless a rule asks whether something is known."""
    texts = str(assessed.eligibility)
    if " is known" in texts or " is unknown" in texts:
        return
    known = known_columns(assessed, table)
    name = data.draw(st.sampled_from(known.columns))
    kind, cells = CELLS[name]
    filler = pl.lit(data.draw(cells), dtype=kind)
    filled = known.with_columns(pl.col(name).fill_null(filler))

    before, after = whole_verdicts(assessed, known), whole_verdicts(assessed, filled)

    assert [(b, a) for b, a in zip(before, after, strict=True) if b is not None and a != b] == []


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("unit", CONCENTRATIONS)
@pytest.mark.parametrize("kind", [pl.Float64, pl.Float32])
def test_each_limit_is_where_the_bedside_has_it(
    sign: str, unit: str, kind: type[pl.DataType]
) -> None:
    """At the limit, one step of the floating point below and above it, and well apart."""
    limit = convert(11.0, "g/dL", unit) or math.nan
    values = {
        **VALUES,
        "hb": ValueDefinition(from_="lab.hb", unit="g/dL"),
    }
    rule = f"hb {sign} {limit:.12f} {unit}"
    flipped = f"{limit:.12f} {unit} {sign} hb"
    assessed = study(
        (Criterion(number="1", is_=rule), Criterion(number="2", is_=flipped)), (), values
    )
    near = [math.nextafter(11.0, 0), 11.0, math.nextafter(11.0, 12)]
    cells = [*near, 11.0 * (1 - 1e-6), 11.0 * (1 + 1e-6), 0.0, 100.0, None, math.nan]
    table = pl.DataFrame({"hb": pl.Series(cells, dtype=kind)})

    engine = prepare(assessed, table.lazy(), {}, reference_on=None, where=Where())
    found = judge(engine, table.lazy()).select("I1", "I2").collect().rows()

    assert found == [statuses(v) for v in one_by_one(assessed, table)]


@pytest.mark.parametrize("unit", CONCENTRATIONS)
def test_a_column_in_another_unit_is_compared_where_the_bedside_would(unit: str) -> None:
    """The limit is converted once; the numbers of the column never are."""
    assessed = study((Criterion(number="1", is_="hb < 11 g/dL"),), ())
    limit = convert(11.0, "g/dL", unit) or math.nan
    cells = [limit, math.nextafter(limit, 0), limit * (1 - 1e-6), limit * (1 + 1e-6), limit * 10]
    table = pl.DataFrame({"hb": cells})

    engine = prepare(
        assessed, table.lazy(), {}, reference_on=None, where=Where(), units={"hb": unit}
    )
    found = judge(engine, table.lazy()).select("I1").collect()["I1"].to_list()

    assert found == [False, False, True, False, None]


@given(studies(), people)
@settings(LENIENT, max_examples=10)
def test_what_has_no_column_form_is_evaluated_row_by_row(
    assessed: Study, table: pl.DataFrame
) -> None:
    """The same verdicts, only slower."""
    known = known_columns(assessed, table)

    def refuse(*_: object) -> None:
        raise CannotCompileError("not compiled")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rules, "compile_expression", refuse)
        engine = prepare(assessed, known.lazy(), {}, reference_on=None, where=Where())
    names = [name for name, _ in assessed.criteria]
    found = judge(engine, known.lazy()).select(names).collect().rows()

    assert found == [statuses(v) for v in one_by_one(assessed, known)]


LEFT_TO_THE_BEDSIDE = [
    "(case when fertile then onset otherwise reference_date) < 2024-03-27",
    "(case when fertile then crp otherwise weight) > 5 mg/L",
    "onset + (crp / 1 mg/L) * 1 months > reference_date",
    "round(crp, 400) > 1 mg/L",
    f"sum({', '.join(['crp'] * 101)}) > 300 mg/L",
]


@pytest.mark.parametrize("rule", LEFT_TO_THE_BEDSIDE)
@given(people)
@settings(LENIENT, max_examples=3)
def test_what_columns_cannot_say_is_asked_of_each_row(rule: str, table: pl.DataFrame) -> None:
    """Branches known to the month, months that are computed, absurd digits, very long sums."""
    assessed = only(rule)
    known = known_columns(assessed, table)

    engine = prepare(assessed, known.lazy(), {}, reference_on=None, where=Where())
    found = judge(engine, known.lazy()).select("I1").collect().rows()

    assert engine.plan.gaps.keys() == {"I1"}
    assert found == [statuses(v) for v in one_by_one(assessed, known)]


DAYS = [
    "2022-03",
    "2022-03-26",
    "2022-03-27",
    "2024-01-31",
    "2024-02-29",
    "9999-12-31",
    "0001-01-01",
]
BY_THE_CALENDAR = [
    "onset + 2 years > reference_date",
    "reference_date - 24 months <= onset",
    "onset + 1 months > reference_date",
    "onset - 1 months < reference_date",
    "onset + 1.5 months > reference_date",
    "onset + 99999 years > reference_date",
    "onset within 2 years before reference_date",
    "onset within 1 months of 2024-02-29",
]


@pytest.mark.parametrize("rule", BY_THE_CALENDAR)
def test_days_move_by_the_calendar_over_columns_too(rule: str) -> None:
    """Two years are not 730 days, a month after 31 January is the end of February; no day lies
    before the first or after the last."""
    assessed = only(rule)
    references = [dt.date(2024, 3, 26), dt.date(2024, 3, 27), dt.date(2024, 2, 29)]
    rows = [
        {**dict.fromkeys(CELLS), "onset": day, "reference_date": on}
        for day in DAYS
        for on in references
    ]
    table = known_columns(assessed, frame(rows))

    engine = prepare(assessed, table.lazy(), {}, reference_on=None, where=Where())
    found = judge(engine, table.lazy()).select("I1").collect().rows()

    assert not engine.plan.gaps
    assert found == [statuses(v) for v in one_by_one(assessed, table)]
