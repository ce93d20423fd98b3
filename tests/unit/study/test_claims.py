"""What a study's rules say for everybody, for nobody and for one value alone is told beforehand."""

import datetime as dt
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.language import Known, ValueType, evaluate, parse
from equipoise.study.check import check_folder
from equipoise.study.check.proving import MOST_LIMITS, cases_of, find_constants, part_of

Edit = Callable[[str, str, str], int]
NAMES = {
    "age": ValueType("number", "years", plausible=(0, 110)),
    "crp": ValueType("number", "mg/L"),
    "hb": ValueType("number", "g/dL", molar_mass=16114.5),
    "sex": ValueType("choice", codes=("female", "male")),
    "ill": ValueType("boolean"),
    "on": ValueType("date"),
    "name": ValueType("text"),
}


def constants(source: str) -> list[tuple[str, str, bool]]:
    found = find_constants(part_of(parse(source), ()), NAMES)
    return [(part.text, name, answer) for part, name, answer in found]


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("crp > 8 mg/L and crp < 5 mg/L", False),
        ("crp > 8 mg/L and crp < 0.5 mg/dL", False),
        ("hb < 7 g/dL and hb > 5 mmol/L", False),
        ("crp > 5 mg/L or crp <= 5 mg/L", True),
        ("70 years <= age <= 18 years", False),
        ("age >= 0 years", True),
        ("none of (crp > 5 mg/L, crp < 6 mg/L)", False),
        ("at least 2 of (crp > 5 mg/L, crp < 4 mg/L, false)", False),
        ("sex = female and sex = male", False),
        ("sex in {female, male}", True),
        ("sex not in {female} and sex != male", False),
        ("ill and not ill", False),
        ("ill = true or ill = false", True),
        ("on > 2026-03-27 and on < 2026-03-27", False),
        ("on >= 2026-03-27 or on < 2026-03-27", True),
        ("on > 2026-03 and on < 2026-02-15", False),
        ("on >= 0001-01-01", True),
        ("all of (crp > 8 mg/L, sex = female, ill, crp < 5 mg/L)", False),
    ],
)
def test_one_answer_for_everybody_is_proved(source: str, answer: bool) -> None:
    """Within limits in any unit, within plausible bounds, over every choice."""
    ((_, _, found),) = constants(source)

    assert found is answer


@pytest.mark.parametrize(
    "source",
    [
        "crp > 5 mg/L and crp < 8 mg/L",
        "crp > 5 mg/L or hb <= 5 g/dL",
        "18 years <= age <= 70 years",
        "age > 200 years",  # the limit itself is told
        "age > 200 years or sex = female",
        "crp + 1 mg/L > 8 mg/L and crp < 5 mg/L",  # calculated: not proved about
        "crp is known or crp is unknown",
        "round(crp) > 5 mg/L and crp < 3 mg/L",
        "crp > hb and crp < 3 mg/L",
        "crp > 5 kg and crp < 3 kg",
        'name = "a" and name = "b"',
        "sex = female",
        "sex = woman",
        "sex in {woman, female}",
        "ill",
        "true",
        "on < 9999-12-31",
        "on > 0001-01-01 and ill",
        "on > 2026-03 and on < 2026-03-15",  # a day within the month can be neither told
        "nobody > 3 and nobody < 2",
    ],
)
def test_what_may_go_either_way_is_left_alone(source: str) -> None:
    """A warning is a proof, never a guess."""
    assert constants(source) == []


def test_the_smallest_part_is_blamed() -> None:
    """Not the rule around it, which is constant for no reason of its own."""
    found = constants("ill and (crp > 8 mg/L and crp < 5 mg/L) and sex = female")

    assert found == [("crp > 8 mg/L and crp < 5 mg/L", "crp", False)]


LIMITS = st.sampled_from(["crp < 3 mg/L", "crp <= 5 mg/L", "crp > 3 mg/L", "crp = 4 mg/L", "ill"])
RULES = st.recursive(
    LIMITS,
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("not {}".format, inner),
    ),
    max_leaves=5,
)


@given(RULES)
@settings(max_examples=150)
def test_a_proof_holds_for_everybody(source: str) -> None:
    """Whatever is claimed of a part is so for every value tried, whatever else is the case."""
    for text, _, answer in constants(source):
        for number, ill in product((0, 2.9, 3, 3.5, 4, 4.1, 5, 5.1, 99), (True, False)):
            row = {"crp": Known(number, "mg/L"), "ill": Known(ill)}
            assert evaluate(parse(text), row.get) == Known(answer)


def test_a_value_with_very_many_limits_is_left_unproved() -> None:
    """Up to MOST_LIMITS they are taken together; beyond, nothing is claimed."""
    for n, expected in ((MOST_LIMITS - 2, True), (MOST_LIMITS + 1, False)):
        limits = " and ".join(f"crp > {i} mg/L" for i in range(n))
        found = constants(f"{limits} and crp < 0 mg/L")
        assert bool(found) is expected


def test_two_criteria_with_many_same_conditions_are_told_of_once(folder: Path, edit: Edit) -> None:
    """One open edge between two criteria, however often both state it."""
    many = {sign: " or ".join([f"spap {sign} 50 mmHg"] * 40) for sign in "<>"}
    edit("eligibility.yaml", "inclusion:\n", f"inclusion:\n  - {{number: '97', is: {many['<']}}}\n")
    edit("eligibility.yaml", "exclusion:\n", f"exclusion:\n  - {{number: '98', is: {many['>']}}}\n")

    found = [p for p in check_folder(folder).problems if p.code == "EQ-S069"]

    assert sum("I97" in p.message and "E98" in p.message for p in found) == 1


def test_days_have_a_first_and_a_last() -> None:
    """The ends of the calendar are cases like any other."""
    cases = cases_of("on", [part_of(parse("on > 0001-01-01 and on < 9999-12-31"), ())], NAMES)

    day = dt.timedelta(days=1)
    first, last = dt.date.min, dt.date.max
    assert [c.value.value for c in cases] == [first, first + day, last - day, last]
    assert not any(c.is_point for c in cases)


def told(folder: Path) -> list[tuple[str, int | None, int | None]]:
    return [(p.code, p.where.line, p.where.column) for p in check_folder(folder).problems]


def test_a_pressure_of_exactly_50_or_40_lies_in_neither_band(folder: Path, edit: Edit) -> None:
    """Inclusion asks for less, exclusion for more; without the decision that says so it is told."""
    assert told(folder) == []
    edit(
        "eligibility.yaml", "decisions: [pap-edges, catheter-absent", "decisions: [catheter-absent"
    )

    problems = check_folder(folder).problems

    assert [p.code for p in problems] == ["EQ-S069", "EQ-S069"]
    assert [p.values["value"] for p in problems] == ["50 mmHg", "40 mmHg"]
    for problem, rule in zip(problems, ("35 mmHg < spap < 50", "20 mmHg < mpap < 40"), strict=True):
        line = (folder / "eligibility.yaml").read_text().split("\n")[(problem.where.line or 0) - 1]
        assert line[(problem.where.column or 0) - 1 :].startswith(rule)
        assert problem.say("fr") != problem.say("en")


def test_a_decision_about_another_value_is_no_excuse(folder: Path, edit: Edit) -> None:
    """The decision must speak of the very number."""
    edit("decisions.yaml", "Where do systolic 50 and mean 40 mmHg belong?", "What of systolic 50?")
    edit("decisions.yaml", "more: exactly 50 or 40 lies", "more: exactly 50 or 40.5 lies")

    assert [p.values["value"] for p in check_folder(folder).problems] == ["40 mmHg"]


BMI, AGE = "is: bmi < 16.5 kg/m^2", "is: 18 years <= age <= 70 years"
MALE, VISIT = "when: sex = male and may_conceive", "when: encounter = screening"
SAME = [
    ("eligibility.yaml", "- mrss >= 20", "- mrss >= 0", "EQ-S067"),
    ("eligibility.yaml", BMI, "none: [bmi < 16.5 kg/m^2, bmi > 9 kg/m^2]", "EQ-S067"),
    ("eligibility.yaml", AGE, "is: age >= 70 years and age < 18 years", "EQ-S067"),
    ("eligibility.yaml", BMI, "is: age >= 18 years", "EQ-S068"),
    ("eligibility.yaml", MALE, "when: sex = male and sex = female", "EQ-S067"),
    ("eligibility.yaml", BMI, "is: not 18 years < age < 70 years", None),
    ("eligibility.yaml", BMI, "is: age < 18 years or age > 70 years", None),
    (
        "forms/laboratory.yaml",
        VISIT,
        "when: encounter in {screening, M0} and encounter = M1",
        "EQ-S067",
    ),
    (
        "forms/lung_function.yaml",
        "warn_if: fvc_equation = other",
        "warn_if: fvc >= 10 %",
        "EQ-S067",
    ),
    ("schedule.yaml", "    day: 0\n", "    day: 0\n    when: n_missed >= 0\n", "EQ-S067"),
    ("safety.yaml", "n_related_fatal >= 1", "n_related_fatal >= 0", "EQ-S067"),
    ("analysis.yaml", "members: randomized\n", "members: infused or not infused\n", "EQ-S067"),
]


@pytest.mark.parametrize("case", SAME, ids=lambda case: case[2])
def test_each_is_warned_of_at_its_place(
    folder: Path, edit: Edit, case: tuple[str, str, str, str | None]
) -> None:
    """In criteria, conditions, forms and populations; a warning, so that the study still loads."""
    file, old, new, code = case
    line = edit(file, old, new)

    loaded = check_folder(folder)

    assert [p.code for p in loaded.problems] == ([code] if code else [])
    assert loaded.study is not None
    for problem in loaded.problems:
        assert problem.where.file == file
        assert code == "EQ-S068" or abs((problem.where.line or 0) - line) <= 2


def test_an_inclusion_that_ends_where_the_exclusion_begins_leaves_the_limit_open(
    folder: Path, edit: Edit
) -> None:
    """From above or from below."""
    edit("eligibility.yaml", "is: bmi < 16.5 kg/m^2", "any: [bmi < 16.5 kg/m^2, bmi > 60 kg/m^2]")
    edit(
        "eligibility.yaml", "is: insurance", "all: [insurance, 16.5 kg/m^2 < bmi, bmi < 60 kg/m^2]"
    )

    found = {(p.code, p.values["value"]) for p in check_folder(folder).problems}

    assert found == {("EQ-S069", "16.5 kg/m2"), ("EQ-S069", "60 kg/m2")}


def test_derived_values_of_two_forms_may_not_turn_in_a_circle(folder: Path, edit: Edit) -> None:
    """Each would wait for the other's last visit."""
    edit(
        "forms/heart.yaml",
        "checks:\n",
        "derive:\n  strain: {label: {en: S, fr: S}, value: lung_function.reserve + 1}\nchecks:\n",
    )
    edit(
        "forms/lung_function.yaml",
        "derive:\n",
        "derive:\n  reserve: {label: {en: R, fr: R}, value: heart.strain + 1}\n",
    )

    problems = check_folder(folder).problems

    assert [(p.code, p.where.file) for p in problems] == [
        ("EQ-S065", "forms/heart.yaml"),
        ("EQ-S065", "forms/lung_function.yaml"),
    ]
