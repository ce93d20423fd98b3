"""Eligibility texts of every style are cut into the right items, each under the right one."""

import pytest
from criteria_texts import TEXTS

from equipoise.exchange.criteria.listing import read_criteria
from equipoise.exchange.record.words import clean_lines


@pytest.mark.parametrize("style", TEXTS)
def test_a_text_is_cut_as_a_reader_would_cut_it(style: str) -> None:
    """Ids and texts of all items, in order; parents are what the ids say."""
    text, expected = TEXTS[style]

    found = read_criteria(clean_lines(text)).criteria

    assert [(c.id, c.text) for c in found] == expected
    assert all(c.parent == (c.id.rpartition(".")[0] or None) for c in found)


@pytest.mark.parametrize("style", TEXTS)
def test_windows_line_ends_change_nothing(style: str) -> None:
    """The same lists from the same text with other line ends."""
    text, expected = TEXTS[style]

    found = read_criteria(clean_lines(text.replace("\n", "\r\n"))).criteria

    assert [(c.id, c.text) for c in found] == expected


def gaps_of(style: str) -> list[str]:
    return [gap.what for gap in read_criteria(clean_lines(TEXTS[style][0])).gaps]


def test_what_a_cut_rests_on_is_said() -> None:
    """A convention, a paragraph cut into sentences, a list's own people, notes: each is a gap."""
    assert any(
        "PATIENT CHARACTERISTICS: read as inclusion" in g
        for g in gaps_of("required characteristics")
    )
    assert "one paragraph was cut into 3 criteria: check them" in gaps_of("semicolons")
    assert any(
        "Healthy Volunteers" in g for g in gaps_of("a list for patients and one for volunteers")
    )
    assert any("Other protocol defined" in g for g in gaps_of("sentences under headings"))
    assert "the list says: None" in gaps_of("dashes and escapes")
    assert "criteria without a heading: inclusion or exclusion is not said" in gaps_of(
        "bullets without a heading"
    )


def test_criteria_of_a_convention_are_marked() -> None:
    """What is read as inclusion by convention alone asks for a look."""
    found = read_criteria(clean_lines(TEXTS["required characteristics"][0])).criteria

    assert all("lost_heading" in c.marks for c in found if c.parent is None)
