"""What is wrong with a rule is told before anybody is assessed by it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.language import (
    STANDARD_FUNCTIONS,
    History,
    ValueType,
    check_expression,
    check_source,
    infer_type,
    parse,
    visit_functions,
)
from equipoise.problems import Refused, Where

NAMES = {
    "crp": ValueType("number", "mg/L", plausible=(0, 500), worst="highest"),
    "hb": ValueType("number", "g/dL", molar_mass=16114.5),
    "age": ValueType("number", "years"),
    "mrss": ValueType("number"),
    "gfr": ValueType("number", "mL/min/1.73m2"),
    "sex": ValueType("choice", codes=("female", "male")),
    "other_sex": ValueType("choice", codes=("female", "male")),
    "outcome": ValueType("choice", codes=("fatal", "resolved")),
    "fatal": ValueType("boolean"),
    "rater": ValueType("text"),
    "seen_on": ValueType("date"),
    "whatever": ValueType("any"),
}
FUNCTIONS = {**STANDARD_FUNCTIONS, **visit_functions(lambda _name: History())}
BOOLEAN = ValueType("boolean")


def codes(source: str, result: ValueType | None = BOOLEAN) -> list[str]:
    return [p.code for p in check_source(source, NAMES, functions=FUNCTIONS, result=result)]


@pytest.mark.parametrize(
    "source",
    [
        "crp > 5 mg/L and hb < 110 g/L",
        "0.5 mg/dL < crp <= 7 mg/L",
        'sex = female or sex != "male"',
        "female = sex",
        "sex = other_sex",
        "first(sex) = female",
        "sex in {female, male} and sex not in {male}",
        "mrss in {3, 4}",
        "hb in {3 g/dL}",
        "rater != first(rater)",
        'rater = "R1"',
        "sex = rater",
        'outcome = "fatal" or outcome in {fatal}',
        "fatal and not fatal",
        "fatal = true",
        "seen_on >= 2026-03 and seen_on - 2026-01-01 > 3 days",
        "seen_on + 2 weeks > seen_on",
        "years_between(seen_on, 2026-01) > 2 years",
        "abs(crp - previous(crp)) > 12 mg/L",
        "round(crp / 1 mg/dL, 1) * 2 > 3 * mrss",
        "crp * 2 > 2 * crp / 3",
        "-crp < 0 mg/L",
        "crp is known and gfr is unknown",
        "at least 2 of (fatal, crp > 3 mg/L, mrss > 3)",
        "points(fatal, 9) + count(fatal, fatal) > 3",
        "whatever > 3 and whatever and whatever + 3 > 2",
        "sum(mrss, whatever) > 3",
        "hb < 7 mmol/L and sum(hb, 1 mmol/L) > 3 g/dL and hb + 1 mmol/L > 2 g/dL",
        "hb / 1 mmol/L > 2",
        "seen_on within 2 years before 2026-03 and whatever within 3 days of seen_on",
        "seen_on within whatever after seen_on",
        "seen_on + whatever > seen_on - 12 months",
        "(case when fatal then 1 mg/L otherwise crp) > 1 mg/dL",
        "case when fatal then crp > 3 mg/L otherwise mrss > 2",
        "(case when fatal then sex otherwise other_sex) = female",
        "worst of crp > 3 mg/L and worst of whatever > 3 and latest of sex = female",
        "change from baseline of crp < -3 mg/L and mean of hb > 1 mmol/L and count of sex > 2",
        "previous of crp - crp > 600 mg/L",
        "age < 30 months",
        "whatever = female",
    ],
)
def test_rules_that_make_sense(source: str) -> None:
    """Nothing is said against them."""
    assert codes(source) == (["EQ-L006"] if source == "whatever = female" else [])


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("cpr > 5 mg/L", "EQ-L006"),
        ("crp > 5 mmHg", "EQ-L007"),
        ("gfr < 30 mL/min", "EQ-L007"),
        ("crp + 3 % > 5 mg/L", "EQ-L007"),
        ("seen_on + 3 mg/L > seen_on", "EQ-L007"),
        ("crp in {3 kg}", "EQ-L007"),
        ("crp > 5", "EQ-L008"),
        ("mrss > 5 points", "EQ-L008"),
        ("crp = female", "EQ-L006"),
        ('crp = "high"', "EQ-L009"),
        ("sex > 3", "EQ-L009"),
        ("sex < rater", "EQ-L009"),
        ("fatal > fatal", "EQ-L009"),
        ("seen_on > 3", "EQ-L009"),
        ("sex = 3", "EQ-L010"),
        ("sex = femal", "EQ-L010"),
        ("sex = crp", "EQ-L010"),
        ("sex in {female, x}", "EQ-L010"),
        ("first(sex) = x", "EQ-L010"),
        ("sx = female", "EQ-L006"),
        ("summ(crp) > 3 mg/L", "EQ-L011"),
        ("summ(crp) = female", "EQ-L011"),
        ("abs(crp, crp) > 3 mg/L", "EQ-L012"),
        ("round(crp, 1, 2) > 3 mg/L", "EQ-L012"),
        ("sum() > 3", "EQ-L012"),
        ("sum(sex) > 3", "EQ-L012"),
        ("sum(crp, hb, mrss) > 3 mg/L", "EQ-L012"),
        ("previous(crp + 1 mg/L) > 3 mg/L", "EQ-L012"),
        ("sum(cpr) > 3", "EQ-L006"),
        ("crp", "EQ-L013"),
        ("crp + hb", "EQ-L013"),
        ("not mrss", "EQ-L013"),
        ("fatal and sex", "EQ-L013"),
        ("none of (crp)", "EQ-L013"),
        ("outcome = fatal", "EQ-L014"),
        ("3 < mrss > 5", "EQ-L015"),
        ("3 = mrss = 3", "EQ-L015"),
        ("fatal + 1 > 2", "EQ-L016"),
        ("1 + fatal > 2", "EQ-L016"),
        ("-sex > 2", "EQ-L016"),
        ("crp * hb > 2", "EQ-L016"),
        ("2 / crp > 2", "EQ-L016"),
        ("crp / gfr > 2", "EQ-L016"),
        ("seen_on * 2 > seen_on", "EQ-L016"),
        ("seen_on + seen_on > seen_on", "EQ-L016"),
        ("seen_on - cpr > seen_on", "EQ-L006"),
        ("crp > 5 g/L", "EQ-L017"),
        ("5 g/L < crp", "EQ-L017"),
        ("crp >", "EQ-L018"),
        ("mrss within 3 points of mrss", "EQ-L019"),
        ("seen_on within 3 days of crp", "EQ-L019"),
        ("seen_on within 3 kg before seen_on", "EQ-L007"),
        ("seen_on within 3 after seen_on", "EQ-L008"),
        ("seen_on within sex of seen_on", "EQ-L016"),
        ("sen_on within 3 days of seen_on", "EQ-L006"),
        ("seen_on within dist of seen_on", "EQ-L006"),
        ("seen_on within 1.5 months of seen_on", "EQ-L020"),
        ("seen_on + 0.3 years > seen_on", "EQ-L020"),
        ("seen_on + sex > seen_on", "EQ-L016"),
        ("crp / 0 > 3 mg/L", "EQ-L021"),
        ("worst of hb > 3 g/dL", "EQ-L022"),
        ("seen_on - seen_on <= 2 years", "EQ-L023"),
        ("age > 700 days", "EQ-L023"),
        ("mean of sex > 3", "EQ-L012"),
        ("mean of rater > 3", "EQ-L012"),
        ("mean of cpr > 3", "EQ-L006"),
        ("crp < 3 mmol/L", "EQ-L007"),
        ("(case when fatal then crp otherwise 3) > 3 mg/L", "EQ-L013"),
        ("case when crp then true otherwise false", "EQ-L013"),
        ("(case when fatal then crp otherwise sex) > 3 mg/L", "EQ-L013"),
        ("(case when fatal then crp otherwise gfr) > 3 mg/L", "EQ-L013"),
        ("(case when fatal then cpr otherwise gfr) > 3 mg/L", "EQ-L006"),
        ("(case when fatal then crp otherwise cpr) > 3 mg/L", "EQ-L006"),
    ],
)
def test_each_kind_of_nonsense_has_its_problem(source: str, code: str) -> None:
    """In both languages, once."""
    problems = check_source(source, NAMES, functions=FUNCTIONS, result=BOOLEAN)

    assert [p.code for p in problems] == [code]
    assert problems[0].say("fr")
    assert problems[0].advise("fr")


def test_all_problems_are_told_with_their_columns() -> None:
    """One pass says everything, each at its own part."""
    where = Where("eligibility.yaml", 12, 11)
    problems = check_source("cpr > 5 mg/L and hb < 11 and sex = f", NAMES, where=where)

    assert [(p.code, p.where.column) for p in problems] == [
        ("EQ-L006", 11),
        ("EQ-L008", 28),
        ("EQ-L010", 40),
    ]
    assert "crp" in problems[0].hint
    assert "`5 g/dL`" in problems[1].hint


@pytest.mark.parametrize(
    "source",
    [
        *("cpr and fatal", "(cpr > 3) = fatal", "cpr in {1, 2}", "f = cpr"),
        "(case when cpr > 3 mg/L then sex otherwise sex) = female",
        "(" * 60 + "fatal" + " = cpr)" * 60,
    ],
)
def test_a_fault_is_told_once(source: str) -> None:
    """A part that is looked at from two sides, or that stops a whole, has one problem."""
    assert codes(source) == ["EQ-L006"]


@pytest.mark.parametrize(
    ("source", "result", "expected"),
    [
        ("crp + 1 mg/dL", ValueType("number", "g/L"), []),
        ("crp", ValueType("number", "kg"), ["EQ-L013"]),
        ("sum(mrss, mrss)", ValueType("number", "points"), []),
        ("3", ValueType("number", "kg"), ["EQ-L013"]),
        ("crp > 3 mg/L", ValueType("number"), ["EQ-L013"]),
        ("sex", ValueType("text"), []),
        ("whatever", ValueType("number", "kg"), []),
        ("crp", ValueType("any"), []),
        ("cpr", ValueType("number"), ["EQ-L006"]),
    ],
)
def test_a_computed_value_has_the_kind_and_unit_it_declares(
    source: str, result: ValueType, expected: list[str]
) -> None:
    """A unit converts, and plain numbers may be called points."""
    assert codes(source, result) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("crp", NAMES["crp"]),
        ("crp * 2", ValueType("number", "mg/L")),
        ("crp / 1 mg/dL", ValueType("number")),
        ("seen_on - seen_on", ValueType("number", "days")),
        ("seen_on + 3 days", ValueType("date")),
        ("previous(sex)", NAMES["sex"]),
        ("latest of sex", NAMES["sex"]),
        ("mean of hb", ValueType("number", "g/dL", molar_mass=16114.5)),
        ("count of sex", ValueType("number")),
        ("case when fatal then hb otherwise 3 mmol/L", NAMES["hb"]),
        ("hb + 1 g/dL", NAMES["hb"]),
        ("seen_on + 3 months", ValueType("date")),
        ("crp > 3 mg/L", BOOLEAN),
        ("2026-03", ValueType("date")),
        ("cpr", None),
        ("crp > 3", None),
    ],
)
def test_the_type_of_a_rule(source: str, expected: ValueType | None) -> None:
    """What a rule gives follows from its parts; what is wrong gives nothing."""
    assert infer_type(parse(source), NAMES, functions=FUNCTIONS) == expected


WORDS = [
    "crp",
    "sex",
    "female",
    "fatal",
    "3",
    "5 mg/L",
    "2026-03",
    "and",
    "not",
    "(",
    ")",
    "<",
    "=",
]


@given(st.lists(st.sampled_from([*WORDS, "+", "-", "*", ",", "sum", "in {female}"]), max_size=12))
def test_whatever_parses_can_be_checked(words: list[str]) -> None:
    """The checker never raises."""
    try:
        expression = parse(" ".join(words))
    except Refused:
        return

    check_expression(expression, NAMES, functions=FUNCTIONS, result=BOOLEAN)
