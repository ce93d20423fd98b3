"""Which item belongs to which, by the sequence of their markers alone."""

import pytest

from equipoise.exchange.criteria.listing import read_criteria


def ids(*lines: str) -> list[str]:
    return [c.id for c in read_criteria(["Inclusion Criteria", *lines]).criteria]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["1. a", "2. b"], ["I1", "I2"]),
        (["2) a", "3) b"], ["I2", "I3"]),
        (["* a", "* b"], ["I1", "I2"]),
        (["1. a:", "* b", "* c", "2. d"], ["I1", "I1.a", "I1.b", "I2"]),
        (["1. a:", "* b", "2. d:", "* e"], ["I1", "I1.a", "I2", "I2.a"]),
        (["* a:", "1. b", "2. c", "* d"], ["I1", "I1.1", "I1.2", "I2"]),
        (["1. a:", "a. b", "b. c", "2. d"], ["I1", "I1.a", "I1.b", "I2"]),
        (["1. a:", "i. b", "ii. c", "2. d"], ["I1", "I1.i", "I1.ii", "I2"]),
        (["1. a:", "h. b", "i. c", "2. d"], ["I1", "I1.h", "I1.i", "I2"]),
        (
            ["1. a", "2. b:", "1. c", "2. d", "3. e", "3. f"],
            ["I1", "I2", "I2.1", "I2.2", "I2.3", "I3"],
        ),
        (["1. a", "2. b:", "1. c", "2. d", "3. e"], ["I1", "I2", "I2.1", "I2.2", "I3"]),
        (["1. a", "2. b", "4. c"], ["I1", "I2", "I4"]),
    ],
)
def test_nesting_follows_the_sequence(lines: list[str], expected: list[str]) -> None:
    """A list that starts again lies inside the item before it when the outer list goes on."""
    assert ids(*lines) == expected


def test_an_ambiguous_continuation_is_marked() -> None:
    """3 continues both lists: the outer one is taken, and a person is asked."""
    found = read_criteria(["Inclusion Criteria", "1. a", "2. b:", "1. c", "2. d", "3. e"]).criteria

    assert [c.id for c in found if "scope" in c.marks] == ["I3"]


def test_two_lists_under_one_heading_are_not_mixed() -> None:
    """A list that starts again after a closed item is another list, of no known kind."""
    found = read_criteria(["Inclusion Criteria", "1. a.", "2. b.", "1. c.", "2. d.", "3. e."])

    assert [(c.kind, c.id) for c in found.criteria][:2] == [
        ("inclusion", "I1"),
        ("inclusion", "I2"),
    ]
    assert {c.text for c in found.criteria} == {"a.", "b.", "c.", "d.", "e."}


def test_lost_items_keep_their_places() -> None:
    """Numbers that are skipped are named; parts of a lost item stay its parts."""
    found = read_criteria(
        ["Exclusion Criteria", "2. a.", "3. b.", "* x, or", "* y", "5. c.", "7. d either:", "* z"]
    )

    assert [(c.id, c.text) for c in found.criteria] == [
        ("E2", "a."),
        ("E3", "b."),
        ("E4", ""),
        ("E4.a", "x, or"),
        ("E4.b", "y"),
        ("E5", "c."),
        ("E7", "d either:"),
        ("E7.a", "z"),
    ]
    assert [(kind, n) for kind, n, _ in found.lost] == [("exclusion", 1), ("exclusion", 6)]
    assert {g.where for g in found.gaps} == {"Exclusion Criteria", "E4", "E7"}


def test_lines_without_a_marker_continue_or_are_listed() -> None:
    """A line in lower case goes on; a heading inside the list has no place and is a gap."""
    found = read_criteria(
        ["Inclusion Criteria", "1. an item", "that goes on.", "Second cohort:", "2. b"]
    )

    assert [c.text for c in found.criteria] == ["an item that goes on.", "b"]
    assert [g.what for g in found.gaps] == ["between the items: Second cohort:"]


def test_a_heading_is_not_every_line_that_says_criteria() -> None:
    """An item that speaks of criteria, or of exclusion, stays an item."""
    lines = ["Key Inclusion Criteria:", "1. Meets the inclusion criteria of the first part", "2. x"]

    assert [c.text for c in read_criteria(lines).criteria] == [
        "Meets the inclusion criteria of the first part",
        "x",
    ]


def test_an_empty_list_is_a_gap() -> None:
    """A heading without items says so."""
    found = read_criteria(["Inclusion Criteria", "Exclusion Criteria", "1. a"])

    assert "the list is empty" in [g.what for g in found.gaps]


def test_ids_stay_unique_over_lists_of_one_kind() -> None:
    """Two cohorts with their own headings share numbers, never ids."""
    found = read_criteria(
        [
            "Inclusion Criteria A",
            "1. a",
            "Inclusion Criteria",
            "1. a",
            "Inclusion Criteria for B",
            "1. b",
        ]
    )

    assert len({c.id for c in found.criteria}) == len(found.criteria)
