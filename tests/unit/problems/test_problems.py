"""A problem is a code, a place and the facts of its case; its words come from the catalogue."""

import pytest

from equipoise.problems import (
    CATALOGUE,
    LANGUAGES,
    Problem,
    Refused,
    Text,
    Where,
    has_errors,
    problem,
)


def test_a_problem_speaks_both_languages_and_says_what_to_do() -> None:
    found = problem("EQ-S022", Where("study.yaml", 3, 5), low="2", high="1")
    assert found.message == "It begins at 2 and ends before that, at 1."
    assert found.say("fr") == "Cela commence à 2 et finit avant, à 1."
    assert (found.hint, found.advise("fr")) == ("Swap the two.", "Échangez les deux.")
    assert str(found) == f"study.yaml:3:5 EQ-S022 {found.message} {found.hint}"


def test_a_text_among_the_facts_is_said_in_the_language_of_the_message() -> None:
    found = problem("EQ-S020", "", kind=Text("role", "rôle"), name="x", known="y")
    assert "as a role" in found.message
    assert "comme rôle" in found.say("fr")


@pytest.mark.parametrize(
    ("where", "shown"),
    [
        (Where("a.yaml"), "a.yaml"),
        (Where("a.yaml", 7), "a.yaml:7"),
        (Where("a.yaml", 7, 2), "a.yaml:7:2"),
        (Where(record="01-003 / M0 / mrss.face"), "01-003 / M0 / mrss.face"),
    ],
)
def test_a_place_is_a_line_of_a_file_or_a_record(where: Where, shown: str) -> None:
    assert str(where) == shown


def test_a_record_may_be_given_as_text() -> None:
    assert problem("EQ-S046", "01-003").where == Where(record="01-003")


def test_a_code_without_words_or_a_missing_fact_is_a_bug() -> None:
    """Nobody can raise what is not explained: it fails where it is made, not where it is shown."""
    with pytest.raises(KeyError):
        problem("EQ-S999")
    with pytest.raises(KeyError):
        problem("EQ-S022", low="2")


def test_errors_stop_and_warnings_do_not() -> None:
    warning = problem("EQ-S046")
    assert not has_errors([warning])
    assert has_errors([warning, problem("EQ-S081")])


def test_refused_carries_its_problems() -> None:
    found = (problem("EQ-S081", "a"), problem("EQ-S046", "b"))
    refused = Refused(iter(found))
    assert refused.problems == found
    assert str(refused) == f"{found[0]}; {found[1]}"


def test_english_stands_in_where_no_translation_exists() -> None:
    assert Text("skin").say("fr") == "skin"
    assert Text("skin", "peau").say("fr") == "peau"
    assert Text("skin", "peau").say() == "skin"


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_each_code_is_explained_in_both_languages_with_the_same_facts(code: str) -> None:
    """Message and hint exist in English and French and use the same names."""
    entry = CATALOGUE[code]
    for text in (entry.message, entry.hint):
        assert text.en
        assert text.fr
    facts = {language: Facts() for language in LANGUAGES}
    for language in LANGUAGES:
        entry.message.say(language).format_map(facts[language])
    assert facts["en"].asked == facts["fr"].asked
    assert isinstance(Problem(code, Where(), {}).severity, str)


class Facts(dict[str, str]):
    """Notes which names a template asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[str] = set()

    def __missing__(self, key: str) -> str:
        self.asked.add(key)
        return key
