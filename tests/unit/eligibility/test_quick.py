"""The verdict alone is told by quick code where it can be, and is then the evaluator's own."""

import datetime as dt
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from equipoise.eligibility import Answer, Case, Observation, Reading, assess_case
from equipoise.eligibility.deciding import Person
from equipoise.eligibility.plan import plan_of
from equipoise.eligibility.verdict import CriterionVerdict
from equipoise.language import Interval, Known, Value
from equipoise.study.criteria import Criterion, Rule, ValueDefinition
from equipoise.study.study import Study
from tests.unit.eligibility.small_study import (
    EXCLUSION,
    INCLUSION,
    REFERENCE,
    answered,
    judged,
    observed,
    only,
    study,
)

DAY = dt.timedelta(days=1)


def tell(
    assessed: Study, *observations: Observation, answers: dict[str, Answer] | None = None
) -> list[str | None]:
    """What quick code says of each criterion, having been held against the full evaluation."""
    found: dict[str, list[Observation]] = {}
    for one in observations:
        found.setdefault(f"{one.form}.{one.item}", []).append(one)
    answers = answers or {}
    told = _told(assessed, found, answers)
    reading = Reading(assessed, found, reference_on=REFERENCE)
    given = {name: reading.lookup(name) for name in assessed.eligibility.values}
    _told(assessed, {}, answers, given={n: v for n, v in given.items() if v is not None})
    return [None if t is None else t.status for t in told]


def _told(
    assessed: Study,
    found: dict[str, list[Observation]],
    answers: dict[str, Answer],
    *,
    given: dict[str, Value] | None = None,
) -> Sequence[CriterionVerdict | None]:
    reading = Reading(assessed, found, reference_on=REFERENCE, given=given)
    person = Person(reading.lookup, reading.functions, answers, REFERENCE)
    plan = plan_of(assessed)
    told = (plan.tell_given if given else plan.tell)(person, found)
    again = Reading(assessed, found, reference_on=REFERENCE, given=given)
    whole = assess_case(assessed, Case(again, answers))
    for quick, slow in zip(told, whole.criteria, strict=True):
        if quick is not None:
            assert (quick.id, quick.kind, quick.status, quick.bars, quick.reasons) == (
                slow.id,
                slow.kind,
                slow.status,
                slow.bars,
                slow.reasons,
            )
    return told


def test_whom_everything_is_known_of_needs_no_long_way() -> None:
    """All criteria of a person whose values are plain are told at once."""
    whole = study(
        (Criterion(number="1", gap="x", assume="not_applicable"), *INCLUSION[1:]), EXCLUSION
    )
    told = tell(
        whole,
        observed("history.born", "1980-05"),
        observed("history.onset", "2025-06"),
        observed("history.sex", "female"),
        observed("history.fertile", True),
        observed("history.method", "good"),
        observed("history.skin", 5, unit="points"),
        observed("lab.crp", 9),
        observed("lab.weight", 70),
        observed("lab.height", 175),
        answers={"E4": answered("E4", False)},
    )

    assert told == ["not_applicable", "met", "met", "met", "not_applicable", *["not_met"] * 3]


CASES: list[tuple[str, list[tuple[str, object, int]], str | None]] = [
    # a rule, what was observed how many days before, and what is told at once
    ("crp > 5 mg/L", [("lab.crp", 6, 0)], "met"),
    ("crp > 5 mg/L", [("lab.crp", 5, 0)], "not_met"),
    ("crp >= 5 mg/L", [("lab.crp", 5, 0)], "met"),
    ("crp > 5 mg/L", [("lab.crp", 5 + 1e-12, 0)], None),
    ("crp > 5 mg/L", [], "unknown"),
    ("crp > 5 mg/L", [("lab.crp", "", 0)], "unknown"),
    ("crp > 5 mg/L", [("lab.crp", "high", 0)], None),
    ("crp > 5 mg/L", [("lab.crp", True, 0)], None),
    ("crp > 5 mg/L", [("lab.crp", float("nan"), 0)], None),
    ("crp > 5 mg/L", [("lab.crp", 6, -1)], "unknown"),
    ("crp > 5 mg/L", [("lab.crp", 6, 3), ("lab.crp", 1, 1)], "met"),
    ("crp > 5 mg/L", [("lab.crp", 6, 3), ("lab.crp", 1, 3)], None),
    ("crp > 5 g/L", [("lab.crp", 6, 0)], None),
    ("weight > 50 kg", [("lab.weight", 40, 3), ("lab.weight", 60, 1)], "met"),
    ("weight > 50 kg", [("lab.weight", 60, 1), ("lab.weight", 40, 3)], "met"),
    ("50 kg < weight", [("lab.weight", 60, 0)], "met"),
    ("40 kg < weight < 50 kg", [("lab.weight", 60, 0)], "not_met"),
    ("weight > 0.5 * height", [("lab.weight", 60, 0), ("lab.height", 175, 0)], None),
    ("weight > 3 * weight", [("lab.weight", 60, 0)], "not_met"),
    ("weight < 3 * weight", [("lab.weight", 60, 0)], "met"),
    ("weight < 1 * weight", [("lab.weight", 60, 0)], None),
    ("weight < height * 3", [("lab.weight", 60, 0)], None),
    ("weight = 60 kg", [("lab.weight", 60, 0)], None),
    ("sex = female", [("history.sex", "female", 0)], "met"),
    ("sex != female", [("history.sex", "female", 0)], "not_met"),
    ("sex = fertile", [("history.sex", "fertile", 0), ("history.fertile", True, 0)], None),
    ("sex = reference_date", [("history.sex", "reference_date", 0)], None),
    ("born = sex", [("history.born", "1980-05", 0), ("history.sex", "male", 0)], None),
    ("sex in {female}", [("history.sex", "female", 0)], "met"),
    ("sex not in {female}", [("history.sex", "female", 0)], "not_met"),
    ("sex in {female, 3}", [("history.sex", "female", 0)], None),
    ("weight in {60}", [("lab.weight", 60, 0)], None),
    ("not fertile", [("history.fertile", False, 0)], "met"),
    ("not fertile", [], "unknown"),
    ("none of (fertile, sex = male)", [("history.fertile", True, 0)], "not_met"),
    ("any of (fertile, crp > 5 mg/L)", [("history.fertile", True, 0)], "met"),
    ("any of (fertile, crp > 5 mg/L)", [("history.fertile", False, 0)], "unknown"),
    ("all of (fertile, crp > 5 mg/L)", [("history.fertile", False, 0)], "not_met"),
    ("all of (fertile, crp > 5 mg/L)", [("history.fertile", True, 0)], "unknown"),
    ("at least 1 of (fertile, crp > 5 mg/L)", [("history.fertile", True, 0)], None),
    ("age >= 18 years", [("history.born", "1980-05", 0)], "met"),
    ("age >= 18 years", [("history.born", "2008-03", 0)], None),
    ("age < 18 years", [("history.born", "1980-05", 0)], "not_met"),
    ("age < 18 years", [("history.born", "1780-05", 0)], "unknown"),
    ("age < 18 years", [("history.born", "2020-13", 0)], None),
    ("age < 18 years", [("history.born", "2020-02-30", 0)], None),
    ("age < 18 years", [("history.born", "2020-02-29", 0)], "met"),
    ("age > 0.5 * age", [("history.born", "1980-05", 0)], "met"),
    ("age > 0.5 * age", [("history.born", "2008-03", 0)], None),
    ("weight > born", [("lab.weight", 60, 0), ("history.born", "1980-05", 0)], None),
    ("weight > sex", [("lab.weight", 60, 0), ("history.sex", "male", 0)], None),
    ("any of (fertile, weight = 60 kg)", [("history.fertile", False, 0)], None),
    ("age < 18 months", [("history.born", "1980-05", 0)], None),
    ("age > 18.5", [("history.born", "1980-05", 0)], None),
    ("duration < 1 years", [("history.onset", "2025-06", 0)], "met"),
    ("duration < 1 years", [("history.onset", "2025-03", 0)], None),
    ("born < 2000-01-01", [("history.born", "1980-05", 0)], None),
    ("bmi < 16.5 kg/m2", [("lab.weight", 70, 0), ("lab.height", 175, 0)], "not_met"),
    ("bmi < 16.5 kg/m2", [("lab.weight", 70, 0)], "unknown"),
    ("bmi < 16.5 kg/m2", [("lab.weight", 70, 0), ("lab.height", 0, 0)], None),
    ("bmi < 16.5 kg/m2", [("lab.weight", 700, 0), ("lab.height", 75, 0)], "unknown"),
    ("hb < 110 g/L", [("lab.hb", 10.5, 0)], None),
    ("fertile = true", [("history.fertile", True, 0)], None),
]


@pytest.mark.parametrize(("rule", "seen", "status"), CASES, ids=[c[0] for c in CASES])
def test_it_tells_what_it_can(
    rule: str, seen: list[tuple[str, object, int]], status: str | None
) -> None:
    """A value that is not plain leaves the criterion open, unless the rest decides."""
    units = {"lab.hb": "g/dL", "lab.crp": "mg/L", "lab.weight": "kg", "lab.height": "cm"}
    observations = [
        observed(path, value, on=REFERENCE - days * DAY, unit=units.get(path, ""))
        for path, value, days in seen
    ]

    assert tell(only(rule), *observations) == [status]


@pytest.mark.parametrize(
    ("definition", "rule", "seen", "status"),
    [
        (
            ValueDefinition(from_="lab.crp", unit="mg/L", pick="first", within_days=7),
            "extra > 5 mg/L",
            [(9, 8), (6, 3), (1, 0)],
            "met",
        ),
        (
            ValueDefinition(from_="lab.crp", unit="mg/L", within_days=7),
            "extra > 5 mg/L",
            [(9, 8)],
            "unknown",
        ),
        (
            ValueDefinition(value="crp + 1 mg/L", unit="mg/L"),
            "extra > 5 mg/L",
            [(9, 0)],
            "met",
        ),
        (ValueDefinition(value="crp + 1 mg/L", unit="mg/L"), "extra > 5 mg/L", [], "unknown"),
        (ValueDefinition(value="crp", unit="mg/L"), "extra > 3 mg/L", [(9, 0)], "met"),
        (ValueDefinition(value="crp > 3 mg/L"), "extra", [(9, 0)], "met"),
        (ValueDefinition(value="crp", unit="g/L"), "extra > 5 g/L", [(9, 0)], "not_met"),
        (ValueDefinition(value="round(crp, 1)", unit="mg/L"), "extra > 3 mg/L", [(9, 0)], "met"),
        (
            ValueDefinition(value="bmi(crp, crp)", unit="kg/m2"),
            "extra > 3 kg/m2",
            [(9, 0)],
            "unknown",
        ),
        (
            ValueDefinition(value="bmi(weight, 3 cm)", unit="kg/m2"),
            "extra > 3 kg/m2",
            [(9, 0)],
            "unknown",
        ),
        (
            ValueDefinition(value="bmi(weight)", unit="kg/m2"),
            "extra > 3 kg/m2",
            [(9, 0)],
            "unknown",
        ),
        (
            ValueDefinition(value="years_between(born, born)", unit="years"),
            "extra > 3 years",
            [],
            "not_met",
        ),
        (ValueDefinition(value="nothing(crp)", unit="mg/L"), "extra > 3 mg/L", [(9, 0)], "unknown"),
        (ValueDefinition(value="days_since(born)", unit="years"), "extra > 3 years", [], "met"),
        (
            ValueDefinition(from_="lab.crp", unit="mg/L", plausible=(0, 8)),
            "extra > 3 mg/L",
            [(9, 0)],
            "unknown",
        ),
        (ValueDefinition(from_="history.fertile", plausible=(0, 8)), "extra", [], None),
    ],
)
def test_values_are_read_as_their_definitions_say(
    definition: ValueDefinition, rule: str, seen: list[tuple[float, int]], status: str | None
) -> None:
    """First or latest, fresh or stale, computed by one function or in any other way."""
    observations = [observed("lab.crp", value, on=REFERENCE - days * DAY) for value, days in seen]
    more = [observed("history.fertile", True), observed("history.born", "1980-05")]

    assert tell(only(rule, extra=definition), *observations, *more) == [status]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (None, "unknown"),
        (answered("E4", True), "met"),
        (answered("E4", False), "not_met"),
        (answered("E4", True, role="coordinator"), "unknown"),
        (answered("E4", True, on=REFERENCE - 29 * DAY), "unknown"),
        (answered("E4", True, on=REFERENCE - 28 * DAY), "met"),
    ],
)
def test_a_judgement_counts_from_the_right_role_in_time(
    answer: Answer | None, status: str | None
) -> None:
    """As in the full evaluation."""
    assessed = study((), (Criterion(number="4", judgement=judged(valid_days=28)),))
    answers = {} if answer is None else {"E4": answer}

    assert tell(assessed, answers=answers) == [status]


def test_rules_nest_and_concern_whom_they_concern() -> None:
    """Lists within lists, a gap among them, a condition before them."""
    inner = Rule(all_=(Rule(none_=("fertile",)), Rule(id="gap", gap="lost")))
    nested = Criterion(number="1", when="sex = female", any_=(inner, "crp > 5 mg/L"))
    assessed = study((nested,), ())

    for sex, crp, status in (
        ("female", 9, "met"),
        ("female", 1, "unknown"),
        ("male", 1, "not_applicable"),
        ("", 9, "met"),
        ("", 1, "unknown"),
    ):
        seen = [observed("history.sex", sex), observed("lab.crp", crp)]
        assert tell(assessed, *seen, observed("history.fertile", False)) == [status]


def test_a_rule_deeper_than_python_reads_takes_the_long_way() -> None:
    """Nothing is told, and nothing breaks."""
    deep: Rule | str = "fertile"
    for _ in range(300):
        deep = Rule(all_=(deep, "fertile"))
    assessed = study((Criterion(number="1", all_=(deep,)),), ())
    found = {"history.fertile": [observed("history.fertile", True)]}
    reading = Reading(assessed, found, reference_on=REFERENCE)
    person = Person(reading.lookup, reading.functions, {}, REFERENCE)

    assert plan_of(assessed).tell(person, found) == (None,)


@pytest.mark.parametrize("name", ["age", "bmi"])
def test_a_function_that_breaks_tells_nothing(name: str) -> None:
    """Nor does one that has no answer: the full evaluation says why."""
    plans = plan_of(study())
    seen = [observed("history.born", "1980-05"), observed("lab.weight", 70)]
    found = {f"{o.form}.{o.item}": [o] for o in [*seen, observed("lab.height", 175)]}

    for call in (lambda *_: 1 / 0, lambda *_: None):
        reading = Reading(study(), found, reference_on=REFERENCE)
        function = replace(reading.functions[name], call=call)
        person = Person(reading.lookup, {**reading.functions, name: function}, {}, REFERENCE)
        told = plans.tell(person, found)
        assert [v for v in told if v is not None and v.id in ("I2", "E2")] == [
            v for v in told if v is not None and v.id == {"age": "E2", "bmi": "I2"}[name]
        ]


def test_a_given_value_of_another_kind_takes_the_long_way() -> None:
    """Days where a number is declared are compared with no number."""
    days = Known(Interval(REFERENCE, REFERENCE + DAY), "mg/L")
    told = _told(only("crp > 5 mg/L"), {}, {}, given={"crp": days})

    assert told == (None,)


NAMES = ["crp > 5 mg/L", "weight > 50 kg", "fertile", "sex = female", "age >= 18 years"]


def joined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    lists = st.lists(parts, min_size=1, max_size=3)
    words = st.sampled_from(["all", "any", "none"])
    return st.builds(lambda w, p: f"{w} of ({', '.join(p)})", words, lists) | parts.map(
        lambda p: f"not ({p})"
    )


@given(
    st.recursive(st.sampled_from(NAMES), joined, max_leaves=6),
    st.lists(
        st.sampled_from(
            [
                ("lab.crp", 4, 0),
                ("lab.crp", 6, 0),
                ("lab.crp", 6, 3),
                ("lab.weight", 50, 0),
                ("lab.weight", 70, 1),
                ("history.fertile", True, 0),
                ("history.fertile", False, 2),
                ("history.sex", "female", 0),
                ("history.born", "2008-03", 0),
                ("history.born", "1980-05", 0),
            ]
        ),
        max_size=6,
    ),
)
@settings(max_examples=150)
def test_random_rules_are_told_as_they_are_explained(
    rule: str, seen: list[tuple[str, object, int]]
) -> None:
    """Whatever is joined however, over whatever is known of a person (`tell` compares)."""
    observations = [observed(path, v, on=REFERENCE - days * DAY) for path, v, days in seen]
    told = tell(only(rule), *observations)
    found: dict[str, list[Observation]] = {}
    for one in observations:
        found.setdefault(f"{one.form}.{one.item}", []).append(one)
    whole = assess_case(only(rule), Case(Reading(only(rule), found, reference_on=REFERENCE), {}))

    assert told[0] in (None, whole.criteria[0].status)
