"""Calculators as rules call them: checked before there are data, unknown where data are missing."""

import datetime as dt
import math
import sys
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.clinical import (
    CALCULATORS,
    DOMAINS,
    HAQ_CATEGORIES,
    MRSS_AREAS,
    SOURCES,
    lung,
)
from equipoise.eligibility.functions import functions_at
from equipoise.language import (
    Interval,
    Known,
    Unknown,
    Value,
    ValueType,
    check_source,
    evaluate,
    find_unit,
    parse,
    read_month,
    unknown,
)
from equipoise.study.forms import Form
from equipoise.study.load import load_study
from equipoise.study.vocabulary import criteria_functions, form_functions

DAY = dt.date(2026, 3, 27)
NAMES = {
    "weight": ValueType("number", "kg"),
    "height": ValueType("number", "cm"),
    "creatinine": ValueType("number", "mg/dL"),
    "hb": ValueType("number", "g/dL"),
    "sex": ValueType("choice", codes=("female", "male")),
    "born": ValueType("date"),
    "fvc": ValueType("number", "L"),
    "platelets": ValueType("number", "10^9/L"),
}
PERSON: dict[str, Value] = {
    "weight": Known(42, "kg"),
    "height": Known(160, "cm"),
    "hb": Known(8, "g/dL"),
    "sex": Known("female"),
    "born": Known(read_month("1976-03")),
    "fvc": Known(2.65, "L"),
    "platelets": Known(60, "10^9/L"),
    "crp": unknown("missing", "crp"),
}


def answer(source: str) -> Value:
    return evaluate(parse(source), PERSON.get, functions=functions_at(DAY))


def codes(source: str) -> list[str]:
    found = check_source(source, NAMES, functions=criteria_functions())
    return [p.code for p in found]


@pytest.mark.parametrize(
    "source",
    [
        "bmi(weight, height) < 16.5 kg/m2",
        "dlco_corrected(40 %, hb, sex) < 30 %",
        'fvc_gli_2012_percent(fvc, years_since(born), height, sex, "caucasian") < 80 %',
        "fvc_gli_global_2022_z(fvc, years_since(born), height, sex) < -1.645",
        "ctcae_5_platelets(platelets, 150 10^9/L) >= 3",
        'ctcae_6_alt(90 U/L, 40 U/L, 30 U/L, "normal") >= 2',
        "uln_multiple(120 U/L, 40 U/L) > 3 ULN",
        "spap(2.9 m/s, 8 mmHg) > 50 mmHg",
        "haq_category(1, true) = 2",
        'acr_eular_2013(true, "none", "none", false, false, false, true, true) >= 9',
    ],
)
def test_a_rule_may_call_a_calculator(source: str) -> None:
    """It passes the check of the study, and has an answer."""
    assert codes(source) == []
    assert isinstance(answer(source), Known)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("bmi(height, weight) < 16.5 kg/m2", "EQ-L012"),
        ("bmi(weight) < 16.5 kg/m2", "EQ-L012"),
        ("bmi(weight, height) < 16.5", "EQ-L008"),
        ("egfr(creatinine, years_since(born), sex) < 30 mL/min/1.73m2", "EQ-L012"),
        ("egfr(80 umol/L, years_since(born), sex) < 30 mL/min", "EQ-L007"),
        ("egfr(80 umol/L, born, sex) < 30 mL/min/1.73m2", "EQ-L012"),
        ("fvc_gli_percent(fvc, 50 years, height, sex) < 80 %", "EQ-L011"),
        ("dlco_gli_2017_percent(fvc, 50 years, height, sex) < 80 %", "EQ-L012"),
        ("ctcae_7_platelets(platelets, 150 10^9/L) >= 3", "EQ-L011"),
        ("ctcae_6_lymphocytes(0.4 10^9/L, 1 10^9/L) >= 3", "EQ-L011"),
        ("ctcae_5_platelets(platelets, hb) >= 3", "EQ-L012"),
    ],
)
def test_a_wrong_unit_kind_set_or_version_is_told_before_there_are_data(
    source: str, code: str
) -> None:
    """The version and the set are in the name, so that the check of the study knows them."""
    assert set(codes(source)) == {code}


def test_every_calculator_declares_units_that_exist_and_its_source() -> None:
    """Nothing is taken or given in a unit that the language does not know."""
    for name, (_call, parameters, result) in CALCULATORS.items():
        units = [unit for _kind, unit in (*parameters, result) if unit]

        assert [find_unit(u) for u in units] == units, name
        assert SOURCES[name]
    assert SOURCES.keys() == CALCULATORS.keys()


WORDS = {"ctcae": ["normal"], "acr": ["none", "none"], "": ["female", "caucasian"]}


def at(name: str, numbers: dict[int, float]) -> object:
    """What a calculator gives with these numbers at their places, without organ events."""
    words = iter(next(w for start, w in WORDS.items() if name.startswith(start)))
    call, parameters, _ = CALCULATORS[name]
    given_ = [
        {"number": numbers.get(n, 1.0), "boolean": False}.get(kind)
        for n, (kind, _) in enumerate(parameters)
    ]
    try:
        return call(*(next(words) if a is None else a for a in given_))
    except ValueError:
        return None


@pytest.mark.parametrize("name", CALCULATORS)
def test_a_result_is_given_within_the_declared_domains_and_nowhere_else(name: str) -> None:
    """Both ends are included; a step beyond either end of any argument, or NaN, gives nothing."""
    domains = {n: d for n, d in enumerate(DOMAINS[name]) if d is not None}
    low, high = ({n: d[end] for n, d in domains.items()} for end in (0, 1))

    assert at(name, low) is not None
    assert at(name, high) is not None
    for n, (least, most) in domains.items():
        beyond = (math.nextafter(least, -math.inf), math.nextafter(most, math.inf), math.nan)
        assert [at(name, {**high, n: value}) for value in beyond] == [None] * 3


@pytest.mark.parametrize("name", CALCULATORS)
def test_an_unknown_argument_leaves_every_calculator_unknown(name: str) -> None:
    """With the reason of the argument, at each place."""
    call = CALCULATORS[name]
    sample: dict[tuple[str, str], str] = {("choice", ""): "sex", ("boolean", ""): "true"}
    arguments = [sample.get(p, f"1 {p[1]}".strip()) for p in call[1]]
    for place in range(len(arguments)):
        given_ = [*arguments[:place], "crp", *arguments[place + 1 :]]
        found = answer(f"{name}({', '.join(given_)})")

        assert found == unknown("missing", "crp"), place


def test_the_month_of_birth_gives_bounds_and_a_verdict_where_they_agree() -> None:
    """77.3 % or 77.4 % by the day of March 1976, and 82.8 % by the other set."""
    percent = answer('fvc_gli_2012_percent(fvc, years_since(born), 162 cm, sex, "caucasian")')

    assert isinstance(percent, Known)
    assert isinstance(percent.value, Interval)
    low, high = percent.value.low, percent.value.high
    assert [low, high] == [pytest.approx(77.33, abs=0.05)] * 2
    assert low < high
    assert percent.unit == "%"
    rule = "fvc_gli_global_2022_percent(fvc, years_since(born), 162 cm, sex) < 80 %"
    assert answer(rule) == Known(False)


def test_without_the_optional_tables_a_rule_is_undefined(monkeypatch: pytest.MonkeyPatch) -> None:
    """The evaluation goes on; the criterion waits, and is never met or failed by it."""
    monkeypatch.setitem(sys.modules, "pyspiro", None)
    lung._load_tables.cache_clear()

    found = answer("fvc_gli_global_2022_percent(fvc, 50 years, height, sex) < 80 %")

    assert isinstance(found, Unknown)
    assert [r.kind for r in found.reasons] == ["undefined"]


@pytest.mark.parametrize(
    "source",
    [
        'acr_eular_2013(true, "thick", "none", false, false, false, true, true) >= 9',
        'acr_eular_2013(true, "none", "cold", false, false, false, true, true) >= 9',
        'ctcae_5_alt(90 U/L, 40 U/L, 30 U/L, "fine") >= 1',
        'egfr(80 umol/L, 50 years, "woman") < 30 mL/min/1.73m2',
        "bmi(60 kg, 1.62 cm) > 1 kg/m2",
        f"mrss({', '.join(['4', *['1'] * 16])}) > 20",
        f"haq_di({', '.join(['0.5'] * 8)}) > 1",
        "fvc_gli_global_2022_percent(fvc, 50 years, 300 cm, sex) < 80 %",
    ],
)
def test_what_cannot_be_is_undefined_in_a_rule(source: str) -> None:
    """Another word or number gives nothing, not zero points."""
    assert answer(source) == unknown("undefined")


def test_the_instruments_are_called_in_the_order_of_their_parts() -> None:
    """Seventeen areas, eight categories, five measures before and after."""
    assert answer(f"mrss({', '.join(['1'] * len(MRSS_AREAS))})") == Known(17)
    assert answer(f"haq_di({', '.join(['1'] * 7)}, 2)") == Known(9 / len(HAQ_CATEGORIES))
    before, after = "20, 70 %, 5, 5, 1", "15, 70 %, 4, 4, 0.75"
    response = answer(f"acr_criss_2016(false, {before}, {after})")
    assert isinstance(response, Known)
    assert response.value == pytest.approx(0.55045, abs=5e-6)
    assert answer(f"acr_criss_2016(true, {before}, {after})") == Known(0.0)
    assert answer("eustar_activity_2017(true, false, 10, false, 3 mg/L, 60 %)") == Known(3.34)


STUDY = Path(__file__).parents[3] / "studies" / "nct06722105"


@pytest.fixture(scope="module")
def classification() -> Form:
    """The form of the first study, loaded when a test asks for it and not while tests are found."""
    study = load_study(STUDY).study
    assert study is not None
    return study.forms["acr_eular"]


@given(
    yes=st.tuples(*[st.booleans()] * 6),
    fingers=st.sampled_from(["none", "puffy", "sclerodactyly"]),
    fingertips=st.sampled_from(["none", "ulcers", "scars"]),
)
def test_the_form_of_the_first_study_scores_as_the_calculator_does(
    classification: Form, yes: tuple[bool, ...], fingers: str, fingertips: str
) -> None:
    """Two ways to the score of the classification, one result."""
    names = ("proximal_skin", "telangiectasia", "nailfold", "lung", "raynaud", "antibody")
    found = dict(zip(names, yes, strict=True))
    values: dict[str, Value] = {name: Known(x) for name, x in found.items()}
    values |= {"fingers": Known(fingers), "fingertips": Known(fingertips)}
    source = classification.derive["score"].value
    on_form = evaluate(parse(source), values.get, functions=form_functions())
    called = CALCULATORS["acr_eular_2013"][0](
        found["proximal_skin"], fingers, fingertips, *(found[name] for name in names[1:])
    )

    assert on_form == Known(called)


def test_every_pair_of_choices_of_the_form_has_a_score(classification: Form) -> None:
    """No code of the form is one that the calculator does not know."""
    choices = [classification.items[name].choices for name in ("fingers", "fingertips")]
    for fingers, fingertips in product(*choices):
        found = CALCULATORS["acr_eular_2013"][0](False, fingers, fingertips, *[False] * 5)

        assert found is not None
