"""An answer comes with the way there, in both languages, and can be stored as it is."""

import datetime as dt

import msgspec
import pytest

from equipoise.language import (
    Explanation,
    Input,
    Interval,
    Known,
    Reason,
    Source,
    Value,
    explain,
    parse,
    show,
    unknown,
)
from equipoise.language.explanation import say_value

PERSON: dict[str, Value] = {
    "crp": Known(7.25, "mg/L", (Source("laboratory.crp", dt.date(2026, 3, 1), "01:17"),)),
    "hb": unknown("missing", "hb"),
    "born_on": Known(Interval(dt.date(2008, 3, 1), dt.date(2008, 3, 31))),
    "sex": Known("female"),
    "mrss": Known(22),
}
RULE = "mrss >= 20 and (not crp > 5 mg/L or hb < 11 g/dL) and sex = female"


def test_an_explanation_is_the_tree_of_conditions_with_what_each_read() -> None:
    """Own words, value or reasons, children, and inputs with unit, day and source."""
    found = explain(parse(RULE), PERSON.get)

    assert found.value is None
    assert found.reasons == (Reason("missing", "hb"),)
    skin, middle, sex = found.children
    assert (skin.text, skin.value, skin.inputs) == ("mrss >= 20", True, (Input("mrss", 22),))
    assert [c.part for c in middle.children] == ["not", ""]
    crp = middle.children[0].children[0]
    assert crp.inputs == (Input("crp", 7.25, "mg/L", (), PERSON["crp"].sources),)  # type: ignore[union-attr]
    assert middle.children[1].inputs == (Input("hb", reasons=(Reason("missing", "hb"),)),)
    assert [i.name for i in sex.inputs] == ["sex"]  # the code of a choice is no input


@pytest.mark.parametrize(
    ("language", "lines"),
    [
        (
            "en",
            [
                f"cannot tell: {RULE}",
                "  yes: mrss >= 20 [mrss 22]",
                "  cannot tell: not crp > 5 mg/L or hb < 11 g/dL",
                "    no: not crp > 5 mg/L",
                "      yes: crp > 5 mg/L [crp 7.25 mg/L (2026-03-01)]",
                "    cannot tell: hb < 11 g/dL [hb: missing]",
                "  yes: sex = female [sex female]",
            ],
        ),
        (
            "fr",
            [
                f"indéterminé: {RULE}",
                "  oui: mrss >= 20 [mrss 22]",
                "  indéterminé: not crp > 5 mg/L or hb < 11 g/dL",
                "    non: not crp > 5 mg/L",
                "      oui: crp > 5 mg/L [crp 7,25 mg/L (2026-03-01)]",
                "    indéterminé: hb < 11 g/dL [hb: manquant]",
                "  oui: sex = female [sex female]",
            ],
        ),
    ],
)
def test_an_explanation_says_itself(language: str, lines: list[str]) -> None:
    """Line by line, in English and in French."""
    assert explain(parse(RULE), PERSON.get).say(language).split("\n") == lines  # type: ignore[arg-type]


def test_a_stored_explanation_comes_back_the_same() -> None:
    """It is proof: bytes and back change nothing."""
    found = explain(parse(RULE + " and born_on < 2008-03-02"), PERSON.get)

    assert msgspec.json.decode(msgspec.json.encode(found), type=Explanation) == found


@pytest.mark.parametrize(
    ("source", "value", "unit"),
    [
        ("crp + 1 mg/L", 8.25, "mg/L"),
        ("born_on", ("2008-03-01", "2008-03-31"), ""),
        ("2026-03-27", "2026-03-27", ""),
    ],
)
def test_numbers_and_days_are_explained_too(source: str, value: object, unit: str) -> None:
    """A computed value shows its number and unit, an imprecise one its bounds."""
    found = explain(parse(source), PERSON.get)

    assert (found.value, found.unit) == (value, unit)


def test_what_cannot_be_stored_is_a_bug() -> None:
    """A value of no known kind never reaches a ledger."""
    with pytest.raises(TypeError):
        show(Known(object()))  # type: ignore[arg-type]


def test_the_truth_of_an_explanation_is_a_value_again() -> None:
    """So that a rule above it can go on."""
    assert explain(parse("mrss >= 20"), PERSON.get).result == Known(True)
    assert explain(parse("hb < 11 g/dL"), PERSON.get).result == unknown("missing", "hb")


@pytest.mark.parametrize(
    ("explanation", "said"),
    [
        (Explanation(value=True, id="5a", part="all"), "yes: 5a all of"),
        (
            Explanation(reasons=(Reason("awaiting_judgement", "E6"),), id="E6", part="judgement"),
            "cannot tell (E6 awaiting a judgement): E6 judgement",
        ),
        (Explanation("crp", value=7.2, unit="mg/L"), "7.2 mg/L: crp"),
    ],
)
def test_a_rule_without_text_is_named_by_its_id_and_join(
    explanation: Explanation, said: str
) -> None:
    """Rules of a study folder have ids, joins and judgements instead of expression text."""
    assert explanation.say() == said


def test_bounds_are_said_with_a_dash() -> None:
    """17 to 18 years."""
    assert say_value((17, 18.5), "fr") == "17 – 18,5"
    assert Input("age", (17, 18), "years").say() == "age 17 – 18 years"
