"""Random rules over the values of the small study, and random people with holes in their data."""

import datetime as dt
from collections.abc import Sequence

import polars as pl
from hypothesis import strategies as st

from equipoise.eligibility import Verdict
from equipoise.problems import Where
from equipoise.screening.columns import find_columns
from equipoise.screening.rows import RowReader
from equipoise.study.criteria import Criterion, Rule, ValueDefinition
from equipoise.study.study import Study
from tests.unit.eligibility.small_study import REFERENCE, VALUES, judged, study

MORE_VALUES = {
    **VALUES,
    "ratio": ValueDefinition(value="weight / height * 1 cm", unit="kg", plausible=(0, 3)),
    "ghost": ValueDefinition(value="ghost + 1"),
    "points": ValueDefinition(value="points(fertile, 3) + count(fertile, sex = male)"),
    "spread": ValueDefinition(value="max(crp, hb) - min(crp, hb)", unit="mg/L"),
    "surface": ValueDefinition(value="body_surface(weight, height)", unit="m2"),
    "filtration": ValueDefinition(value="egfr(creatinine, age, sex)", unit="mL/min/1.73m2"),
    "creatinine": ValueDefinition(from_="lab.crp", unit="mg/L"),
    "rounded": ValueDefinition(value="round(weight, 1)", unit="kg"),
    "mean": ValueDefinition(value="mean(weight, 70 kg)", unit="kg"),
}

NAMED_RULES = [
    "18 years <= age <= 70 years",
    "age > 840 months",
    "age = 40 years",
    "crp > 5 mg/L",
    "crp >= 0.5 mg/dL",
    "crp = 5 mg/L",
    "crp != 5000 ug/L",
    "crp in {5 mg/L, 0.1 mg/dL}",
    "hb < 11 g/dL",
    "110 g/L <= hb",
    "hb > 3 * crp",
    "crp < 0.1 * hb",
    "crp <= hb",
    "weight > 60 kg",
    "lab.weight > 60 kg",
    "history.sex = female",
    "bmi < 16.5 kg/m2",
    "ratio < 0.5 kg",
    "surface > 1.7 m2",
    "sum(weight, 3 kg) > 60 kg",
    "-weight < -60 kg",
    "abs(weight - 60 kg) <= 5 kg",
    "rounded = 60 kg",
    "mean >= 65 kg",
    "spread > 5 mg/L",
    "points >= 4",
    "filtration > 60 mL/min/1.73m2",
    "duration <= 2 years",
    "years_since(onset) > 24 months",
    "days_since(onset) < 730 days",
    "onset < 2024-03-27",
    "onset = 2024-03",
    "onset + 30 days > reference_date",
    "onset + 2 years > reference_date",
    "reference_date - 24 months <= onset",
    "onset + 1 months < reference_date",
    "onset + 1.5 months < reference_date",
    "onset within 2 years before reference_date",
    "onset within 3 months of 2024-02-29",
    "onset within 21 weeks after 2024-02",
    "not (onset within 700 days before reference_date)",
    "round(weight / 1.4, 1) > 43 kg",
    "(case when fertile then crp > 5 mg/L otherwise hb < 11 g/dL)",
    "crp >= (case when fertile then 5 mg/L otherwise 1 mg/L)",
    "crp >= (case when fertile then 5 mg/L when sex = male then 0.5 mg/dL otherwise 5000 ug/L)",
    "(case when crp > 5 mg/L then sex otherwise method) = female",
    "(case when fertile then sex otherwise sex) = male",
    "(case when fertile then hb / (hb - 20 g/L) otherwise 2) > 1",
    "(case when crp > 5 mg/L then true when fertile then false otherwise crp > 2 mg/L)",
    "(case when sex = male then rounded otherwise weight) is known",
    "(case when ghost > 1 then fertile otherwise fertile)",
    "(case when fertile then 3 when sex = male then points otherwise 0) >= 3",
    "crp not in {5 mg/L, 12.7 mg/L}",
    "onset in {2024-03-27, 2027-01-01}",
    "5 mg/L <= crp < 12.7 mg/L",
    "max(crp, 5 mg/L) > 4 mg/L",
    "count(fertile, crp > 5 mg/L, sex = male) = 2",
    "onset is known and sex is unknown",
    "at least 1 of (not fertile, method = bad)",
    "days_since(onset) - 700 days < 31 days",
    "(crp > 5 mg/L) = fertile",
    "reference_date - onset > 700 days",
    "years_between(born, onset) > 30 years",
    "sex = female",
    "sex != male",
    "sex in {female}",
    "sex not in {female, male}",
    "method = good",
    "fertile",
    "not fertile",
    "fertile = true",
    "crp is known",
    "age is unknown",
    "ghost > 1",
    "hb > 5 kg",
    "weight = height",
    "none of (fertile, crp > 5 mg/L)",
    "at least 2 of (fertile, crp > 5 mg/L, sex = male)",
    "sex = method",
    "unknown_name = other_name",
    "1 < 2",
    "crp / crp > 0.5",
    "crp / (crp - 5 mg/L) > 1",
]
WHOLE = st.sampled_from(NAMED_RULES)


def _combined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(parts, st.sampled_from(["and", "or"]), parts)
    return pair.map(lambda p: f"({p[0]} {p[1]} {p[2]})") | parts.map(lambda p: f"not ({p})")


EXPRESSIONS = st.recursive(WHOLE, _combined, max_leaves=4)


@st.composite
def rules(draw: st.DrawFn, depth: int = 2) -> Rule | str:
    if depth == 0 or draw(st.booleans()):
        return draw(EXPRESSIONS)
    if draw(st.integers(0, 4)) == 0:
        return Rule(id=draw(st.sampled_from(["j1", "j2"])), judgement=judged())
    parts = tuple(draw(rules(depth=depth - 1)) for _ in range(draw(st.integers(1, 3))))
    join = draw(st.sampled_from(["all_", "any_", "none_"]))
    return Rule(**{join: parts})


@st.composite
def criteria(draw: st.DrawFn) -> tuple[Criterion, ...]:
    found = []
    for number in range(1, draw(st.integers(1, 3)) + 1):
        shape = draw(st.integers(0, 9))
        when = draw(st.sampled_from(["", "", "sex = female and fertile", "crp > 5 mg/L"]))
        if shape == 0:
            waived = draw(st.sampled_from(["", "not_applicable"]))
            found.append(Criterion(number=str(number), gap="lost", assume=waived))
        elif shape == 1:
            found.append(Criterion(number=str(number), judgement=judged()))
        else:
            parts = tuple(draw(rules()) for _ in range(draw(st.integers(1, 3))))
            join = draw(st.sampled_from(["all_", "any_", "none_"]))
            found.append(Criterion(number=str(number), when=when, **{join: parts}))
    return tuple(found)


@st.composite
def studies(draw: st.DrawFn) -> Study:
    return study(draw(criteria()), draw(criteria()), MORE_VALUES)


_MONTHS = st.sampled_from(["1955-03", "1955-04", "1985-07", "2008-02", "2008-03", "2008-04"])
_ONSETS = st.sampled_from(
    ["2024-03", "2024-03-26", "2024-03-27", "2024-03-28", "2024-02-29", "2026-03", "2027-01-01"]
)
CELLS: dict[str, tuple[pl.DataType | type[pl.DataType], st.SearchStrategy[object]]] = {
    "crp": (pl.Float64, st.sampled_from([0.0, 1.0, 4.999999, 5.0, 5.000001, 12.7, 38.1])),
    "hb": (pl.Float64, st.sampled_from([19.0, 20.0, 38.1, 109.9, 110.0, 110.1, 250.0, 251.0])),
    "weight": (pl.Float32, st.sampled_from([0.0, 42.25, 57.0, 60.0, 60.05, 65.0, 120.0])),
    "height": (pl.Int16, st.sampled_from([0, 60, 160, 161, 190])),
    "creatinine": (pl.Float64, st.sampled_from([5.0, 90.0])),
    "born": (pl.String, _MONTHS),
    "onset": (pl.String, _ONSETS),
    "sex": (pl.Enum(["female", "male"]), st.sampled_from(["female", "male"])),
    "method": (pl.String, st.sampled_from(["good", "bad"])),
    "fertile": (pl.Boolean, st.booleans()),
    "reference_date": (
        pl.Date,
        st.sampled_from([REFERENCE, dt.date(2026, 4, 1), dt.date(2024, 2, 29)]),
    ),
    "j1": (pl.Boolean, st.booleans()),
    "j2": (pl.Boolean, st.booleans()),
    "I1": (pl.Boolean, st.booleans()),
    "E1": (pl.Boolean, st.booleans()),
}


def frame(rows: Sequence[dict[str, object]]) -> pl.DataFrame:
    columns = {n: pl.Series(n, [r[n] for r in rows], dtype=t) for n, (t, _) in CELLS.items()}
    return pl.DataFrame(columns)


people = st.lists(
    st.fixed_dictionaries({n: st.none() | s for n, (_, s) in CELLS.items()}),
    min_size=1,
    max_size=12,
).map(frame)


def known_columns(assessed: Study, table: pl.DataFrame) -> pl.DataFrame:
    """The columns that mean something to the study: judgements differ from one to the next."""
    columns, _ = find_columns(assessed, table.columns, {}, where=Where())
    return table.select(c.header for c in columns)


def one_by_one(
    assessed: Study, table: pl.DataFrame, reference_on: dt.date | None = None
) -> list[Verdict]:
    """The verdicts of the evaluator that decides at the bedside."""
    columns, problems = find_columns(assessed, table.columns, {}, where=Where())
    assert not problems
    reader = RowReader(assessed, columns, reference_on)
    return [reader.assess(row) for row in table.select(c.header for c in columns).iter_rows()]


def statuses(verdict: Verdict) -> tuple[bool | None, ...]:
    """Met, not met or unknown, criterion by criterion; whom one does not concern satisfies it."""
    answers = []
    for criterion in verdict.criteria:
        satisfied = criterion.kind == "inclusion"
        fixed = {"met": True, "not_met": False, "unknown": None, "not_applicable": satisfied}
        answers.append(fixed[criterion.status])
    return tuple(answers)
