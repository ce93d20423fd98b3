"""A problem is a code, a place and the facts of its case; its words come from the catalogue."""

import subprocess

import pytest

from equipoise.problems import (
    CATALOGUE,
    LANGUAGES,
    Problem,
    Refused,
    Text,
    Where,
    has_errors,
    natural_order,
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


def test_what_is_quoted_turns_no_words_around() -> None:
    """A mark of direction or a NUL shows as one sign in the message, and there alone."""
    quoted = problem("EQ-V042", path="a\u202eb\0c\u061cd\xade\x85f")
    assert quoted.say("en") == "There is a file at a\ufffdb\ufffdc\ufffdd\ufffde\ufffdf already."
    assert quoted.values["path"] == "a\u202eb\0c\u061cd\xade\x85f"
    spaced = problem("EQ-V042", path="a\xa0b\u202fc\td\ne")
    assert spaced.say("en") == "There is a file at a\xa0b\u202fc\td\ne already."


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


def test_names_are_listed_as_the_version_sort_of_another_program_lists_them() -> None:
    """Bags, batches, packets, participants of sites with short codes: as GNU `sort -V` has them."""
    sites = [f"{site}-{n:03}" for site in ("1", "2", "10", "A2", "A10") for n in (1, 2, 999, 1000)]
    packets = [f"P{batch}-{n:02}" for batch in (1, 2, 10) for n in (9, 10, 99)]
    bags = [f"B1-{n}" for n in (1, 2, 10, 100)] + [f"L{n}" for n in (9, 10, 11)]
    names = sorted([*sites, *packets, *bags])
    done = subprocess.run(
        ["sort", "-V"],
        input="\n".join(names),
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert sorted(names, key=natural_order) == done.stdout.split()


def test_names_of_any_length_and_signs_are_listed() -> None:
    """Numbers of a second part after the first part's; leading zeros are one number."""
    numbers = ["R2-001", "R-1000", "R-999", "R-001"]
    assert sorted(numbers, key=natural_order) == ["R-001", "R-999", "R-1000", "R2-001"]
    assert sorted(["b", "7", "", "07", "=1"], key=natural_order) == ["", "=1", "07", "7", "b"]
    assert natural_order("9" * 10_000) < natural_order("1" + "0" * 10_000)
