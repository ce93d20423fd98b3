"""What an answer tells beside itself, held against a count over every arm by hand."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.randomization.disclosing import Told, find_told

FIRST = {
    "two_infusions": {"M0": "cells", "M3": "cells"},
    "one_infusion": {"M0": "cells", "M3": "placebo"},
    "placebo": {"M0": "placebo", "M3": "placebo"},
}


@pytest.mark.requirement("C68", "F31")
def test_the_first_study() -> None:
    """Placebo at M0, or cells at M3, tells the arm; the other answers leave two."""
    assert find_told(FIRST, "M0") == [
        Told(answer="cells", arm="never", encounters=()),
        Told(answer="placebo", arm="always", encounters=("M3",)),
    ]
    assert find_told(FIRST, "M3") == [
        Told(answer="cells", arm="always", encounters=("M0",)),
        Told(answer="placebo", arm="never", encounters=()),
    ]


@pytest.mark.requirement("C68", "F31")
def test_with_what_was_asked_before() -> None:
    """Both infusions together always tell the arm: each answer is the only one that fits."""
    assert find_told(FIRST, "M3", asked={"M0"}) == [
        Told(answer="cells", arm="always", encounters=()),
        Told(answer="placebo", arm="always", encounters=()),
    ]


@pytest.mark.requirement("C68")
def test_an_arm_that_gets_nothing_is_an_answer_too() -> None:
    """Nothing given at an encounter tells as much as a product."""
    contents = {"A": {"M0": "x", "M3": "x"}, "B": {"M0": "x"}, "C": {"M0": "x"}}
    told = find_told(contents, "M3")
    assert [(t.answer, t.arm) for t in told] == [("x", "always"), ("", "never")]
    assert {e for t in told for e in t.encounters} == {"M0"}


TABLES = st.dictionaries(
    st.sampled_from("ABCDE"),
    st.dictionaries(st.sampled_from(["M0", "M3", "M6"]), st.sampled_from("xy"), min_size=1),
    min_size=1,
)


@settings(max_examples=200)
@given(TABLES, st.sampled_from(["M0", "M3", "M6"]), st.sets(st.sampled_from(["M0", "M3", "M6"])))
def test_against_every_pair_of_arms(
    contents: dict[str, dict[str, str]], encounter: str, asked: set[str]
) -> None:
    """An answer always tells the arm exactly if no other arm answers all the questions alike."""
    questions = sorted(asked | {encounter})
    twins = {
        a
        for a, b in product(contents, contents)
        if a != b and all(contents[a].get(q, "") == contents[b].get(q, "") for q in questions)
    }
    for told in find_told(contents, encounter, asked=asked):
        fits = {a for a in contents if contents[a].get(encounter, "") == told.answer}
        alone = fits - twins
        expected = "always" if alone == fits else "sometimes" if alone else "never"
        assert told.arm == expected
