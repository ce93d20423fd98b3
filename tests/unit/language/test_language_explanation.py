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
from equipoise.language.wording import Named, Names, say_plain
from equipoise.problems import Language, Text

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


NAMES = Names(
    {
        "crp": Named(Text("C-reactive protein", "Protéine C réactive"), "number"),
        "laboratory.crp": Named(Text("CRP", "CRP"), form=Text("Laboratory", "Biologie")),
        "hb": Named(Text("Hemoglobin", "Hémoglobine"), "number"),
        "mrss": Named(Text("Skin score", "Score cutané"), "number"),
        "sex": Named(Text("Sex", "Sexe"), "choice", {"female": Text("female", "féminin")}),
    },
    {"5a": Text("Early disease", "Maladie récente")},
)


@pytest.mark.parametrize(
    ("language", "lines"),
    [
        (
            "en",
            [
                "cannot tell – all of",
                "  yes – Skin score: at least 20 [Skin score = 22]",
                "  cannot tell – at least one of",
                "    no – C-reactive protein: at most 5 mg/L",
                "      yes – C-reactive protein: above 5 mg/L"
                " [C-reactive protein = 7.25 mg/L (1 Mar 2026, Laboratory, entry 01:17)]",
                "    cannot tell – Hemoglobin: below 11 g/dL [Hemoglobin: missing]",
                "  yes – Sex: “female” [Sex = female]",
            ],
        ),
        (
            "fr",
            [
                "indéterminé – toutes ces conditions",
                "  oui – Score cutané : au moins 20 [Score cutané = 22]",
                "  indéterminé – au moins une de ces conditions",
                "    non – Protéine C réactive : au plus 5 mg/L",
                "      oui – Protéine C réactive : plus de 5 mg/L"
                " [Protéine C réactive = 7,25 mg/L (01/03/2026, Biologie, entrée 01:17)]",
                "    indéterminé – Hémoglobine : moins de 11 g/dL [Hémoglobine : manquant]",
                "  oui – Sexe : « féminin » [Sexe = féminin]",
            ],
        ),
    ],
)
def test_an_explanation_says_itself(language: Language, lines: list[str]) -> None:
    """Line by line, in English and in French, with the day, the form and the entry of a value."""
    said = explain(parse(RULE), PERSON.get).say(language, NAMES)

    assert said.replace("\u00a0", " ").split("\n") == lines


def test_without_labels_the_names_stand_as_they_are_written() -> None:
    """Whoever knows no study still gets sentences, and the source text stays with each part."""
    found = explain(parse("mrss >= 20"), PERSON.get)

    assert found.say() == "yes – mrss: at least 20 [mrss = 22]"
    assert found.text == "mrss >= 20"


def test_what_is_no_longer_read_is_said_as_it_was_written() -> None:
    """A proof of long ago, in words of another time."""
    assert Explanation("crp >> 5", value=True).say("fr") == "oui – crp >> 5"


def test_the_number_of_conditions_is_said() -> None:
    """At least so many."""
    found = explain(parse("at least 2 of (mrss >= 20, hb < 11 g/dL, sex = female)"), PERSON.get)

    assert found.say("fr", NAMES).split("\n")[0] == "oui – au moins 2 de ces conditions"


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
        (Explanation(value=True, id="5a", part="all"), "yes – 5a Early disease"),
        (Explanation(value=True, id="5b", part="all"), "yes – 5b all of"),
        (
            Explanation(reasons=(Reason("awaiting_judgement", "E6"),), id="E6", part="judgement"),
            "cannot tell (E6 awaiting a judgement) – E6 judgement",
        ),
        (Explanation("crp", value=7.2, unit="mg/L"), "7.2 mg/L – C-reactive protein"),
    ],
)
def test_a_rule_is_named_by_its_id_and_text(explanation: Explanation, said: str) -> None:
    """Rules of a study folder have ids, texts, joins and judgements instead of expressions."""
    assert explanation.say("en", NAMES).replace("\u00a0", " ") == said


def test_bounds_are_said_with_a_dash() -> None:
    """17 to 18 years."""
    assert say_plain((17, 18.5), "", "fr") == "17 – 18,5"
    assert Input("age", (17, 18), "years").say().replace("\u00a0", " ") == "age = 17 – 18 years"
    assert Input("age", reasons=()).say_value() == ""
    assert Input("sex", "female").say_value("fr") == "female"


def test_a_source_says_what_it_knows_of_itself() -> None:
    """Its day alone, or its entry alone."""
    day, entry = Source("crp", dt.date(2026, 3, 1)), Source("crp", entry="01:4")

    assert Input("crp", 7, sources=(day,)).say() == "crp = 7 (1 Mar 2026)"
    assert Input("crp", 7, sources=(entry,)).say("fr") == "crp = 7 (entrée 01:4)"
