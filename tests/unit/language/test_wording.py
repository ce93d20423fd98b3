"""Every expression becomes a sentence, in French that is right whatever the labels are."""

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given, settings

from equipoise.language import Interval, Named, Names, parse, say_node, to_source
from equipoise.language.tree import Call, Literal, Name, Node, walk
from equipoise.language.wording import say_month, say_number, say_plain, say_quantity, say_unit
from equipoise.problems import Language, Text
from tests.unit.language.random_expressions import NAMES as RANDOM_NAMES
from tests.unit.language.random_expressions import nodes

NAMES = Names(
    {
        "hb": Named(Text("Hemoglobin", "Hémoglobine"), "number"),
        "age": Named(Text("Age", "Âge"), "number"),
        "ast": Named(Text("AST", "ASAT"), "number"),
        "ast_upper": Named(Text("AST upper limit", "Limite supérieure ASAT"), "number"),
        "spap": Named(Text("Systolic pressure", "Pression systolique"), "number"),
        "weight": Named(Text("Weight", "Poids"), "number"),
        "on": Named(Text("Day of echo", "Jour de l'échographie"), "date"),
        "consent": Named(Text("Consent", "Consentement"), "date"),
        "better": Named(Text("Better explained", "Mieux expliqué"), "boolean"),
        "well": Named(Text("Is the person well?", "La personne va-t-elle bien ?"), "boolean"),
        "block": Named(
            Text("Block", "Bloc"),
            "choice",
            {
                "first": Text("First degree", "Premier degré"),
                "second": Text("Second degree", "Deuxième degré"),
                "third": Text("Third degree", "Troisième degré"),
            },
        ),
    },
    functions={"bmi": Text("Body mass index", "Indice de masse corporelle")},
)

SENTENCES = [
    block.split("\n")
    for block in (Path(__file__).parents[2] / "data" / "sentences.txt")
    .read_text("utf-8")
    .strip()
    .split("\n\n")[1:]
]


def plain(said: str) -> str:
    return said.replace("\u00a0", " ").replace("\u202f", " ")


@pytest.mark.parametrize(("source", "english", "french"), SENTENCES)
def test_a_condition_in_words(source: str, english: str, french: str) -> None:
    """As a study nurse would read it aloud, in both languages."""
    root = parse(source).root

    assert plain(say_node(root, names=NAMES)) == english
    assert plain(say_node(root, language="fr", names=NAMES)) == french


LABELS = Names({n: Named(Text(f"L{at}", f"É{at}")) for at, n in enumerate(RANDOM_NAMES)})


@given(nodes)
@settings(max_examples=300)
def test_every_tree_says_something(node: Node) -> None:
    """In both languages, each labelled value by its label and none by its code."""
    root = parse(to_source(node)).root
    parts = [n for n, _ in walk(root)]
    spoken = {n.name for n in parts if isinstance(n, Name)}
    for language in ("en", "fr"):
        said = say_node(root, language=language, names=LABELS)  # type: ignore[arg-type]
        assert said.strip()
        for at, name in enumerate(RANDOM_NAMES):
            assert (f"{'É' if language == 'fr' else 'L'}{at}" in said) == (name in spoken)
        assert "form.item" not in said
        assert not {n.function for n in parts if isinstance(n, Call) and "_" in n.function} & {said}


def test_french_signs_do_not_start_a_line() -> None:
    """The space before a colon, and those inside quotation marks, hold."""
    said = say_node(parse("ast > 3 * ast_upper or better").root, language="fr", names=NAMES)

    assert said.count("\u00a0:") == 2
    assert "«\u00a0Limite supérieure ASAT\u00a0»" in said


@pytest.mark.parametrize(
    ("value", "unit", "language", "said"),
    [
        (True, "", "fr", "oui"),
        (False, "", "en", "no"),
        (1, "years", "en", "1 year"),
        (1.5, "years", "en", "1.5 years"),
        (1.5, "years", "fr", "1,5 an"),
        (2, "weeks", "fr", "2 semaines"),
        (40, "U/L", "fr", "40 UI/L"),
        (1234567, "", "fr", "1 234 567"),
        (43.333333333333, "U/L", "en", "43.33 U/L"),
        (1234.56789012345, "", "en", "1 234.57"),
        (Interval(17, 18), "years", "fr", "17 – 18 ans"),
        ((17, 18), "years", "en", "17 – 18 years"),
        (dt.date(2026, 3, 1), "", "en", "1 Mar 2026"),
        ("2026-03-01", "", "fr", "01/03/2026"),
        ("2026-99-01", "", "fr", "2026-99-01"),
        ("mild", "", "en", "mild"),
    ],
)
def test_a_value_in_words(value: object, unit: str, language: Language, said: str) -> None:
    """Numbers with their unit, days, bounds, yes and no."""
    assert plain(say_plain(value, unit, language)) == said


def test_numbers_and_units_as_print_has_them() -> None:
    """Decimals as asked, powers raised, the micro sign."""
    assert say_number(2.5, "fr", decimals=2) == "2,50"
    assert say_month(dt.date(2026, 8, 1), "fr") == "août 2026"
    assert say_unit("umol/L") == "µmol/L"
    assert say_unit("mL/min/1.73m2") == "mL/min/1.73m²"
    assert say_unit("1/mm3") == "1/mm³"
    assert say_quantity(3, "", "en") == "3"
    assert plain(say_quantity(2, "cells/kg", "fr")) == "2 cellules/kg"


def test_a_text_of_nothing_is_still_said() -> None:
    """An empty text stands in its quotation marks."""
    assert say_node(Literal("", "", (0, 0))) == '""'
