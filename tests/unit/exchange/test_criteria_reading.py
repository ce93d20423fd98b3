"""Marks where words can mean more than one thing, and the words that join parts."""

import pytest

from equipoise.exchange.criteria.reading import ALL_MARKS, read_join, read_marks
from equipoise.exchange.drafting.folder import say_mark


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("Platelets < 50 x 109/L", "lost_superscript"),
        ("Cells 106/kg", "lost_superscript"),
        ("Age = 18 years", "lost_sign"),
        ("Lymphocytes < 0,5 G/L", "decimal_comma"),
        ("A and/or B", "and_or"),
        ("A and B or C", "binding"),
        ("AST, ALT > 3", "comma_list"),
        ("drugs such as X", "such_as"),
        ("cancer except of the skin", "exception"),
        ("AST > 3 x ULN", "upper_limit"),
        ("able to walk", "judgement"),
        ("cancer of the skin,", "truncated"),
        ("severe infection", "no_threshold"),
        ("A; B. All of them must be recent.", "scope"),
        ("Women who can bear children must be tested", "conditional"),
    ],
)
def test_each_mark_stands_on_its_words(text: str, mark: str) -> None:
    """A mark of the closed list, and a question about it in both languages."""
    marks = read_marks(text)

    assert mark in marks
    assert set(marks) <= set(ALL_MARKS)
    if mark != "judgement":
        question = say_mark(mark, text)
        assert question.en
        assert question.fr


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("1,200 steps a day", "decimal_comma"),
        ("Platelets < 50 x 10^9/L", "lost_superscript"),
        ("Age ≥ 18 years", "lost_sign"),
        ("A and/or B", "binding"),
        ("infection", "no_threshold"),
    ],
)
def test_a_mark_does_not_stand_on_sound_words(text: str, mark: str) -> None:
    """Thousands, kept exponents, whole signs and plain words are left alone."""
    assert mark not in read_marks(text)


@pytest.mark.parametrize(
    ("text", "join"),
    [
        ("Severe disease with either:", "any"),
        ("At least one of the following:", "any"),
        ("One or more of these signs:", "any"),
        ("All of the following:", "all"),
        ("Disease of 2 years plus at least one of the following:", ""),
        ("Involvement as defined by:", ""),
        ("", ""),
    ],
)
def test_parts_are_joined_only_by_words_that_join_them(text: str, join: str) -> None:
    """`either` and `all of the following` join; a condition beside them leaves it to a person."""
    assert read_join(text) == join
