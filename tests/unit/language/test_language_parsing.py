"""What the parser accepts, and how it says what is in the way."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.language import Known, Unknown, evaluate, names_in, parse
from equipoise.language.parsing import DEEPEST, LONGEST, quote
from equipoise.problems import Problem, Refused, Where


def refusal(source: str, where: Where | None = None) -> Problem:
    with pytest.raises(Refused) as caught:
        parse(source, where)
    (problem,) = caught.value.problems
    return problem


@pytest.mark.parametrize(
    ("source", "code", "column"),
    [
        ("", "EQ-L018", 1),
        ("crp >", "EQ-L018", 6),
        ("(a or b", "EQ-L018", 8),
        ("a b", "EQ-L001", 3),
        ("hb < 0,5", "EQ-L001", 7),
        ("x == 3", "EQ-L001", 4),
        ("x in {}", "EQ-L001", 7),
        ("ā = 3", "EQ-L001", 1),
        ("12345678901234567 > x", "EQ-L001", 16),
        ('x = "open', "EQ-L001", 5),
        ("crp > 5 mgg/L", "EQ-L004", 9),
        ("x in {3 foo}", "EQ-L004", 9),
        ("x > 2026-02-30", "EQ-L005", 5),
        ("x > 2026-13", "EQ-L005", 5),
        ("a\0b", "EQ-L002", 2),
        ("a = \u202efemale", "EQ-L002", 5),
        ("a\u200b", "EQ-L002", 2),
        ("a" * (LONGEST + 1), "EQ-L003", 1),
    ],
)
def test_what_cannot_be_read_is_told_with_its_column(source: str, code: str, column: int) -> None:
    """The place is that of the character in the way, counted from where the rule starts."""
    found = refusal(source, Where("eligibility.yaml", 12, 1))

    assert (found.code, found.where.column) == (code, column)
    assert found.where.line == 12
    assert found.say("fr") != found.say("en")


def test_an_unknown_unit_is_answered_with_the_nearest() -> None:
    """A slip of the pen costs no search."""
    assert "mg/L" in refusal("crp > 5 mgg/L").hint


@pytest.mark.parametrize(
    "source",
    [
        "not " * 1000 + "a",
        "-" * 4000 + "a",
        "+".join(["a"] * 2000),
        "f(" * 1000 + "a" + ")" * 1000,
        " or ".join(["a"] * 10_000),
        "a > " * 1200 + "b and " * 100,
    ],
)
def test_monstrous_rules_are_refused_and_nothing_breaks(source: str) -> None:
    """Length and depth have limits; no input reaches the interpreter's own."""
    assert refusal(source).code in ("EQ-L003", "EQ-L018")


def test_brackets_alone_are_not_depth() -> None:
    """A thousand brackets around one name are that name; a long list of conditions is flat."""
    assert shape("(" * 1000 + "a" + ")" * 1000) == shape("a")
    assert names_in(parse(" or ".join(["a"] * 1000))) == {"a"}
    assert evaluate(parse("(" * DEEPEST * 2 + "a" + ")" * DEEPEST * 2), {"a": Known(3)}.get) == (
        Known(3)
    )


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("18 years <= age <= 70 years", {"age"}),
        ("sex = female and av_block in {second, third}", {"sex", "female", "av_block"}),
        ("form.item is known or f(x, y.z) / 2 > -w", {"form.item", "x", "y.z", "w"}),
        ("none = 3 and at = 2", {"none", "at"}),
        ('none of (not a, b not in {3 mg/L, -4, 2026-01-02, 2026-01, "c d"})', {"a", "b"}),
    ],
)
def test_the_names_of_a_rule(source: str, names: set[str]) -> None:
    """Every name that may be looked up; the words of the language are names where they can be."""
    assert names_in(parse(source)) == names


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a <= 3 and b != 2", "a ≤ 3 and b ≠ 2"),
        ("x >= 30 mL/min/1.73m2", "x ≥ 30 mL/min/1.73 m²"),
        ("a or b and c", "a or (b and c)"),
        ("not a = b", "not (a = b)"),
        ("1 - 2 - 3 = 0", "((1 - 2) - 3) = 0"),
        ("1 + 2 * 3 = 0", "1 + (2 * 3) = 0"),
        ("x  >\n 3", "x > 3"),
    ],
)
def test_binding_and_spelling(one: str, other: str) -> None:
    """`and` binds before `or`, `not` takes one comparison, signs have their typeset forms."""
    values = {n: Known(v) for n, v in (("a", True), ("b", False), ("c", False), ("x", 4))}.get

    assert shape(one) == shape(other)
    assert evaluate(parse(one), values) == evaluate(parse(other), values)


def shape(source: str) -> str:
    return re.sub(r"span=\(\d+, \d+\)", "", str(parse(source).root))


def test_a_place_without_column_stays_as_it_is() -> None:
    """A record is no file: nothing is counted there."""
    assert refusal("a b", Where(record="01-003")).where == Where(record="01-003")
    assert refusal("a b").where == Where()


def test_a_rule_is_shown_on_one_line_and_cut() -> None:
    """What a message quotes cannot reorder or flood it."""
    assert quote("a\n  and\tb") == "a and b"
    assert "a\ufffdb" in refusal("a\u202eb").message
    assert len(quote("x" * 500)) == 80


@given(st.text(max_size=60))
def test_no_text_breaks_the_parser(source: str) -> None:
    """Whatever is typed is an expression or a problem."""
    try:
        parse(source)
    except Refused as refused:
        assert refused.problems[0].code.startswith("EQ-L0")


WORDS = [
    "a",
    "b",
    "sex",
    "female",
    "3",
    "5 mg/L",
    "2026-03",
    "2026-03-27",
    "and",
    "or",
    "not",
    "(",
    ")",
]
SIGNS = ["<", "=", "!=", ">=", "+", "-", "*", "/", ",", "is known", "in", "{", "}", "sum", "any of"]


@given(st.lists(st.sampled_from([*WORDS, *SIGNS]), max_size=14))
def test_whatever_parses_evaluates(words: list[str]) -> None:
    """The evaluator never raises, sensible or not."""
    try:
        expression = parse(" ".join(words))
    except Refused:
        return
    values = {"a": Known(7.2, "mg/L"), "b": Known(True), "sex": Known("female")}

    assert isinstance(evaluate(expression, values.get), Known | Unknown)
