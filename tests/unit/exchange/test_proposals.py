"""Rules read from the words of criteria: what they say, that they check, what is never read."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phrases import PHRASES, UNSEEN

from equipoise.exchange.criteria.items import RecordCriterion
from equipoise.exchange.criteria.proposals import LONGEST, propose
from equipoise.exchange.drafting.proposing import propose_rules, to_definitions
from equipoise.language import parse


def rule(text: str, kind: str = "unknown") -> str | None:
    found = propose(text, kind)
    return found.expression if found else None


@pytest.mark.parametrize(("text", "expected"), [*PHRASES, *UNSEEN])
def test_a_phrase_gives_the_rule_that_it_states(text: str, expected: str | None) -> None:
    """Each phrase, alone."""
    assert rule(text) == expected


@pytest.mark.parametrize("phrases", [PHRASES, UNSEEN], ids=["before", "after"])
def test_precision_and_recall_over_the_phrases(phrases, capsys) -> None:
    """Of the rules proposed how many are right, of the rules stated how many are proposed."""
    proposed = [(rule(text), expected) for text, expected in phrases]
    n_right = sum(found is not None and found == expected for found, expected in proposed)
    n_proposed = sum(found is not None for found, _ in proposed)
    n_stated = sum(expected is not None for _, expected in proposed)
    with capsys.disabled():
        counts = f"{n_right} right of {n_proposed} proposed, {n_stated} stated"
        print(f"\n{len(phrases)} phrases: {counts}")

    assert n_right >= 0.97 * n_proposed
    assert n_right >= 0.95 * n_stated


@pytest.mark.parametrize(("text", "expected"), [*PHRASES, *UNSEEN])
def test_every_rule_checks_with_the_values_that_it_names(text: str, expected: str | None) -> None:
    """The language reads it, and its names, units and codes fit the values declared for it."""
    found = propose_rules([criterion("I1", text)])

    if expected is None:
        assert found.rules == {}
        return
    assert parse(found.rules["I1"].expression)
    assert to_definitions(found.values.values()).keys() == found.values.keys()


@pytest.mark.parametrize(
    "text",
    [
        "Age = 18 years",
        "Hemoglobin = 8 g/dL or platelets < 50 x 10^9/L",
        "BMI of 30 kg/m2",
        "Willing to keep hemoglobin > 10 g/dL",
        "In the investigator's opinion, life expectancy < 3 months",
        "Able to give consent, age > 18 years",
        "Patients not on dialysis with GFR < 30 mL/min",
        "Hemoglobin < 8",
        "Hemoglobin < 8 kg",
        "GFR < 30",
        "> 5 years",
        "disease for at least 5 years, if treated",
        "Hemoglobin < 8 g/dL" + " and so on" * LONGEST,
        "",
        "()",
    ],
)
def test_nothing_is_read_where_a_sign_a_unit_or_a_judgement_is_in_the_way(text: str) -> None:
    """A bare =, no unit, a unit of something else, a judgement, a denial: no rule."""
    assert rule(text) is None


@pytest.mark.parametrize(
    ("kind", "join"), [("inclusion", "and"), ("exclusion", "or"), ("unknown", "or")]
)
def test_a_list_without_a_joining_word_is_read_by_the_list_it_is_in(kind: str, join: str) -> None:
    """All are needed to come in, any keeps out; a word between them decides before that."""
    listed = "Hemoglobin < 8 g/dL, platelets < 50 G/L"

    assert rule(listed, kind) == f"hemoglobin < 8 g/dL {join} platelets < 50 10^9/L"
    said = f"{listed} or CRP > 5 mg/L"
    assert rule(said, kind) == "hemoglobin < 8 g/dL or platelets < 50 10^9/L or crp > 5 mg/L"


def test_brackets_bind_and_remarks_in_brackets_do_not() -> None:
    """A bracket that compares is a part; one that names or explains is left aside."""
    assert rule("FVC < 70 % and (CRP > 5 mg/L or hemoglobin < 11 g/dL)") == (
        "fvc < 70 % and (crp > 5 mg/L or hemoglobin < 11 g/dL)"
    )
    assert rule("IGA score ≥ 3 (on the 0-4 scale)") == "iga >= 3"
    assert rule("AST (SGOT) > 3 x ULN") == "ast > 3 * ast_upper"
    assert rule("DLCO and/or FVC < 80 % and CRP > 5 mg/L") == (
        "(dlco < 80 % or fvc < 80 %) and crp > 5 mg/L"
    )


def test_what_only_a_part_of_the_words_says_is_partial() -> None:
    """Further conditions and exceptions are not in the rule, and it says so."""
    for text in (
        "Adults aged 18 to 75 years with asthma",
        "Cancer within 5 years, except of the skin",
        "Active hepatitis (ALT > 3 x ULN)",
        "Hemoglobin < 8 g/dL unless stable",
    ):
        found = propose(text)
        assert found is not None, text
        assert found.is_partial, text
    whole = propose("Patients with hemoglobin < 8 g/dL at the screening visit")
    assert whole is not None
    assert not whole.is_partial


def criterion(own_id: str, text: str, *, parent: str | None = None) -> RecordCriterion:
    return RecordCriterion(id=own_id, kind="inclusion", number=None, parent=parent, text=text)


def test_parts_are_joined_into_the_rule_of_the_whole() -> None:
    """`either` and `all of`; a part without a rule leaves the whole without one."""
    parts = [
        criterion("I1.a", "Hemoglobin < 8 g/dL", parent="I1"),
        criterion("I1.b", "Age > 60 years", parent="I1"),
    ]
    either = propose_rules([criterion("I1", "At least one of the following:"), *parts])
    every = propose_rules([criterion("I1", "All of the following:"), *parts])
    lacking = propose_rules(
        [criterion("I1", "Either:"), *parts, criterion("I1.c", "Cough", parent="I1")]
    )

    assert either.rules["I1"].expression == "(hemoglobin < 8 g/dL) or (age > 60 years)"
    assert every.rules["I1"].expression == "(hemoglobin < 8 g/dL) and (age > 60 years)"
    assert set(lacking.rules) == {"I1.a", "I1.b"}


def test_quantities_that_do_not_convert_have_names_of_their_own() -> None:
    """Filtration with and without body surface, mass and amount: never one value."""
    found = propose_rules(
        [
            criterion("I1", "GFR < 30 mL/min"),
            criterion("I2", "GFR < 30 mL/min/1.73 m2"),
            criterion("I3", "Creatinine > 2 mg/dL"),
            criterion("I4", "Creatinine > 177 µmol/L"),
            criterion("I5", "Platelets < 50 G/L"),
            criterion("I6", "Platelets < 50,000/mm3"),
        ]
    )

    assert {name: value.unit for name, value in found.values.items()} == {
        "gfr": "mL/min",
        "gfr_indexed": "mL/min/1.73m2",
        "creatinine": "mg/dL",
        "creatinine_molar": "umol/L",
        "platelets": found.values["platelets"].unit,
    }
    assert len(found.rules) == 6


WORDS = re.findall(
    r"\S+",
    """
age hemoglobin AST ALT or and , ; ( ) < > ≥ ≤ = 18 0,5 10^9/L x ULN years g/dL not
within 4 weeks of pregnant with between to 30 - % GFR mL/min either no history
""",
)


@settings(max_examples=300)
@given(
    st.lists(
        st.sampled_from(WORDS),
        max_size=18,
    )
)
def test_any_heap_of_words_gives_a_rule_that_checks_or_none(words: list[str]) -> None:
    """No exception, and nothing that the language would not take."""
    found = propose_rules([criterion("I1", " ".join(words))])

    assert set(found.rules) <= {"I1"}
    assert all(parse(proposal.expression).root for proposal in found.rules.values())


@settings(max_examples=200)
@given(st.text(max_size=300))
def test_any_text_gives_a_rule_that_checks_or_none(text: str) -> None:
    """The same for texts of any characters."""
    found = propose_rules([criterion("I1", text)])

    assert set(found.rules) <= {"I1"}
    assert all(parse(proposal.expression).root for proposal in found.rules.values())
