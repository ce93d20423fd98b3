"""Every problem code, event and command is documented and exercised."""

import re
from pathlib import Path

import pytest

from equipoise.conduct.events import EVENTS, Happened
from equipoise.problems import CATALOGUE

ROOT = Path(__file__).parents[2]
TESTS = "\n".join(
    p.read_text() for p in (ROOT / "tests").rglob("*.py") if p.name != Path(__file__).name
)
SOURCE = "\n".join(p.read_text() for p in (ROOT / "src").rglob("*.py"))


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_each_problem_code_is_raised_and_provoked_by_a_test(code: str) -> None:
    """A code that nothing raises or no test provokes is dead or unproven."""
    assert code in SOURCE
    assert code in TESTS


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_each_problem_is_said_in_both_languages(code: str) -> None:
    """Message and hint exist in English and French and use the same values."""
    words = CATALOGUE[code]
    for text in (words.message, words.hint):
        assert text.en
        assert text.fr
        names = [set(re.findall(r"{(\w+)", t)) for t in (text.en, text.fr)]
        assert names[0] == names[1]


def test_the_list_of_events_is_closed_and_short() -> None:
    """At most 70 kinds of things can ever happen, and each says what it means."""
    assert len(EVENTS) <= 70
    assert all(event.__doc__ for event in EVENTS)


@pytest.mark.parametrize("event", EVENTS)
def test_each_kind_of_event_has_a_title_of_its_own_in_both_languages(event: type[Happened]) -> None:
    """Pages say it beside the type; no two are called the same."""
    assert event.title.en and event.title.fr
    assert sum(other.title.en == event.title.en for other in EVENTS) == 1
    assert sum(other.title.fr == event.title.fr for other in EVENTS) == 1
    assert "title" not in event.__struct_fields__


def test_the_reference_pages_are_current() -> None:
    """The generated pages are what the code says now."""
    from docs.generate import pages

    stale = [name for name, text in pages().items() if (ROOT / name).read_text() != text]

    assert stale == []
