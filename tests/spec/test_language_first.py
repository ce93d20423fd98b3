"""Expressions: what they look like and where they stand

Every rule of a study is an expression of one small language: who is eligible, which question a form
asks, what it warns of, what is calculated, who is analysed. An expression is read aloud as it is
written. It names **values** of the study, compares them with limits that carry their units, and
joins the comparisons by `and`, `or` and `not`. Its answer is yes, no, or *unknown, because ...*:
a value that nobody entered never counts as a no.
"""

import datetime as dt
from pathlib import Path

import msgspec
import pytest

from equipoise.clinical import ANALYTES, CALCULATORS
from equipoise.language import (
    STANDARD_FUNCTIONS,
    Function,
    History,
    Known,
    ValueType,
    as_functions,
    check_source,
    evaluate,
    parse,
    unknown,
    visit_functions,
    years_between,
)
from equipoise.study.criteria import Eligibility
from equipoise.study.load import load_study
from equipoise.study.shape import check_shape
from equipoise.study.yaml_source import from_yaml
from tests.spec.tables import rows_of, tell

AS_IT_IS_SAID = """
| said | written | for this person |
|---|---|---|
| C-reactive protein above 5 mg/L | `crp > 5 mg/L` | true |
| hemoglobin below 11 g/dL (the site reports mmol/L) | `hb < 11 g/dL` | true |
| aged 18 to 70 | `18 years <= age <= 70 years` | true |
| disease for at most two years | `duration <= 2 years` | false |
| a woman who may conceive, without contraception | `sex = female and may_conceive and contraception = none` | missing contraception |
| second or third degree block | `av_block in {second, third}` | false |
| no cancer, or one more than five years ago | `not cancer or cancer_on < consent_on - 5 years` | true |
| a test within 28 days before consent | `test_on within 28 days before consent_on` | true |
| two of: fever, CRP above 5 mg/L, low hemoglobin | `at least 2 of (fever, crp > 5 mg/L, hb < 11 g/dL)` | true |
| transaminase above three times the upper limit | `alt > 3 * alt_upper` | false |
| skin score worse than before treatment by 5 | `change from baseline of mrss >= 5` | true |
| 80 % predicted for women, 75 % for men | `fvc >= (case when sex = female then 80 % otherwise 75 %)` | false |
| body mass index below 16.5 | `bmi(weight, height) < 16.5 kg/m2` | false |
"""

CRITERION = """
```yaml
values:
  crp: {from: laboratory.crp, unit: mg/L, plausible: [0, 500], within_days: 28}
  hb: {from: laboratory.hemoglobin, unit: g/dL, plausible: [2, 25], within_days: 28, analyte: hemoglobin}
  sex: {from: demography.sex}
  birth_month: {from: demography.birth_month}
  age: {value: age(birth_month), unit: years, plausible: [0, 110]}
inclusion:
  - number: "1"
    text: {en: Adult up to 70 years, fr: Adulte de 70 ans au plus}
    is: 18 years <= age <= 70 years
  - number: "2"
    text: {en: Inflammation or anemia, fr: Inflammation ou anémie}
    any:
      - crp > 5 mg/L
      - hb < 11 g/dL
exclusion:
  - number: "1"
    text: {en: Pregnant or breastfeeding, fr: Grossesse ou allaitement}
    when: sex = female
    judgement: {ask: {en: Is she pregnant?, fr: Est-elle enceinte ?}, by: [investigator]}
```
"""

WHERE_THEY_STAND = """
| file | key | the expression gives | for |
|---|---|---|---|
| `eligibility.yaml` | `is`, `all`, `any`, `none` of a criterion | yes or no | who is eligible |
| `eligibility.yaml` | `when` of a criterion | yes or no | whom a criterion concerns |
| `eligibility.yaml` | `value` under `values` | a value | names for criteria |
| `forms/*.yaml` | `when` of an item | yes or no | whether a question is asked |
| `forms/*.yaml` | `warn_if` of a check | yes or no | what entered values are warned of |
| `forms/*.yaml` | `value` under `derive` | a number | what a form calculates |
| `forms/*.yaml` | `when` of the form | yes or no | of whom a form is expected |
| `schedule.yaml` | `when` of an encounter | yes or no | who is expected at a visit |
| `safety.yaml` | `serious_if`, `fatal_if` | yes or no | which events start a clock |
| `safety.yaml` | `met_if` under `stopping` | yes or no | what pauses the trial |
| `analysis.yaml` | `members` under `populations` | yes or no | who is analysed |
"""

NAMES = """
| a name | stands for | may be used in |
|---|---|---|
| `crp` | an entry under `values` of `eligibility.yaml` | criteria and other values |
| `laboratory.crp` | the item `crp` of the form `laboratory`: its latest value, however old | everywhere but `safety.yaml` |
| `crp` | an item of the same form | that form |
| `reference_date` | the day as of which eligibility is assessed | criteria and values |
| `encounter` | the visit at which the form is filled in | forms |
| `randomized`, `infused`, `completed` and others | what happened to the participant | populations, conditions of forms and visits |
| `n_infused`, `n_related_fatal` and others | to how many participants it happened | `stopping` |
| `female` | a choice, where something is compared with it | everywhere |
"""

DAY = dt.date(2026, 3, 27)
PERSON = {
    "crp": Known(7.2, "mg/L"),
    "hb": Known(6.2, "mmol/L", (), 16114.5),
    "age": Known(52, "years"),
    "duration": Known(2.5, "years"),
    "sex": Known("female"),
    "may_conceive": Known(True),
    "contraception": unknown("missing", "contraception"),
    "av_block": Known("first"),
    "cancer": Known(True),
    "cancer_on": Known(dt.date(2019, 5, 2)),
    "test_on": Known(dt.date(2026, 3, 2)),
    "consent_on": Known(DAY),
    "fever": Known(False),
    "alt": Known(38.1, "U/L"),
    "alt_upper": Known(12.7, "U/L"),
    "fvc": Known(78, "%"),
    "weight": Known(60, "kg"),
    "height": Known(165, "cm"),
}
TYPES = {
    "crp": ValueType("number", "mg/L"),
    "hb": ValueType("number", "g/dL", molar_mass=16114.5),
    "age": ValueType("number", "years"),
    "duration": ValueType("number", "years"),
    "sex": ValueType("choice", codes=("female", "male")),
    "may_conceive": ValueType("boolean"),
    "contraception": ValueType("choice", codes=("none", "effective")),
    "av_block": ValueType("choice", codes=("none", "first", "second", "third")),
    "cancer": ValueType("boolean"),
    "cancer_on": ValueType("date"),
    "test_on": ValueType("date"),
    "consent_on": ValueType("date"),
    "fever": ValueType("boolean"),
    "alt": ValueType("number", "U/L"),
    "alt_upper": ValueType("number", "U/L"),
    "mrss": ValueType("number"),
    "fvc": ValueType("number", "%"),
    "weight": ValueType("number", "kg"),
    "height": ValueType("number", "cm"),
}
HISTORY = History((Known(20),), Known(26), Known(20))
FUNCTIONS = {
    **STANDARD_FUNCTIONS,
    **as_functions(CALCULATORS),
    **visit_functions(lambda _: HISTORY),
}


@pytest.mark.parametrize("row", rows_of(AS_IT_IS_SAID), ids=lambda row: row["said"])
def test_it_is_written_as_it_is_said(row: dict[str, str]) -> None:
    """The person of the table has a CRP of 7.2 mg/L and a hemoglobin of 6.2 mmol/L, is a woman of
    52, ill for 2.5 years, may conceive, and nobody asked her about contraception. She had cancer in
    May 2019, the test on 2 March 2026, and consents on 27 March 2026; FVC 78 %, ALT 38.1 U/L with
    an upper limit of 12.7 U/L, skin score 20 before treatment and 26 now; 60 kg, 165 cm."""
    assert (
        tell(evaluate(parse(row["written"]), PERSON.get, functions=FUNCTIONS))
        == (row["for this person"])
    )


@pytest.mark.parametrize("row", rows_of(AS_IT_IS_SAID), ids=lambda row: row["said"])
def test_equipoise_check_finds_nothing_wrong_with_them(row: dict[str, str]) -> None:
    """`equipoise check` reads each expression before there are any data: every name, unit, choice
    and kind is looked at, and what is wrong is told with its file, line and column."""
    found = check_source(row["written"], TYPES, functions=FUNCTIONS, result=ValueType("boolean"))

    assert found == ()


def test_a_criterion_stands_in_its_file_like_this() -> None:
    """`from` names the item of a form that a value is read from, `value` computes one from others;
    `within_days` says how old it may be, `plausible` within which bounds it is believed. A criterion
    has one of `is`, `all`, `any`, `none`, `judgement` or `gap`; the lists may hold further rules."""
    text = CRITERION.strip().removeprefix("```yaml").removesuffix("```")
    source, problems = from_yaml(text.encode(), name="eligibility.yaml")
    assert source is not None

    assert not problems
    assert list(check_shape(source.value, Eligibility, locate=source.locate)) == []
    rules = msgspec.convert(source.value, Eligibility)
    names = {name: TYPES[name] for name in rules.values if name in TYPES}
    assert rules.values["hb"].analyte in {a.analyte for a in ANALYTES}
    written = [rules.inclusion[0].is_, *rules.inclusion[1].any_, rules.exclusion[0].when]
    for rule in written:
        assert isinstance(rule, str)
        assert check_source(rule, names, result=ValueType("boolean")) == ()


def test_the_places_are_those_of_the_first_study() -> None:
    """The first study uses each of these places; its folder is the best second reading."""
    loaded = load_study(Path(__file__).parents[2] / "studies" / "nct06722105")
    study = loaded.study
    assert study is not None
    forms = study.forms.values()

    used = {
        "is": any(c.is_ for _, c in study.criteria),
        "when": any(c.when for _, c in study.criteria),
        "value": any(v.value for v in study.eligibility.values.values()),
        "item": any(i.when for f in forms for i in f.items.values()),
        "warn_if": any(f.checks for f in forms),
        "derive": any(f.derive for f in forms),
        "form": any(f.when for f in forms),
        "visit": any(e.when for e in study.schedule.encounters.values()),
        "met_if": bool(study.safety and study.safety.stopping),
        "serious_if": bool(study.safety and study.safety.serious_if),
        "populations": bool(study.analysis.populations),
    }
    assert all(used.values()), used
    assert len(rows_of(WHERE_THEY_STAND)) == len(used)
    assert {row["a name"] for row in rows_of(NAMES)} >= {"reference_date", "encounter"}


def test_a_function_may_be_the_studys_own() -> None:
    """What the language does not know by itself is a function: see the list of them below."""
    since = Function(
        lambda day: years_between(day, DAY), (ValueType("date"),), ValueType("number", "years")
    )

    found = evaluate(
        parse("years_since(cancer_on) > 5 years"), PERSON.get, functions={"years_since": since}
    )

    assert found == Known(True)
