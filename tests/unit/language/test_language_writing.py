"""An expression can be written out again, and bad input never does more than become a problem."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.language import (
    STANDARD_FUNCTIONS,
    History,
    Known,
    Unknown,
    Value,
    check_expression,
    evaluate,
    explain,
    parse,
    to_source,
    visit_functions,
)
from equipoise.language.tree import Node
from equipoise.problems import Refused
from tests.unit.language.random_expressions import nodes, rows

FUNCTIONS = {**STANDARD_FUNCTIONS, **visit_functions(lambda _: History((Known(3, "mg/L"),)))}


def shape(node: Node) -> str:
    return re.sub(r"span=\(\d+, \d+\)", "", str(node))


@given(nodes)
@settings(max_examples=300)
def test_what_is_written_out_reads_back_the_same(node: Node) -> None:
    """`parse` and `to_source` are inverses over every part of the language."""
    assert shape(parse(to_source(node)).root) == shape(node)


@pytest.mark.parametrize(
    ("source", "written"),
    [
        ("a and b or not c", "any of (all of (a, b), not c)"),
        ("18 years<=age<=70 years", "18 years <= age <= 70 years"),
        ("x not in {3 mg/L, female,2026-03}", 'x not in {3 mg/L, "female", 2026-03}'),
        ("-(a+b)*2>1", "((-(a + b)) * 2) > 1"),
        ("on within 2 year before signed_on", "on within 2 years before signed_on"),
        ("case when a then 1 otherwise 0.5", "case when a then 1 otherwise 0.5"),
        (
            "change  from baseline of mrss.total < 0.000001",
            "change from baseline of mrss.total < 0.000001",
        ),
        ("at least 2 of (a, b is unknown)", "at least 2 of (a, b is unknown)"),
        ("true = x", "true = x"),
    ],
)
def test_an_expression_is_written_in_one_manner(source: str, written: str) -> None:
    """Spelling, spaces and brackets are settled; the meaning is not touched."""
    assert to_source(parse(source).root) == written


@given(nodes, rows)
@settings(max_examples=300)
def test_no_tree_and_no_row_break_the_language(node: Node, row: dict[str, Value]) -> None:
    """Whatever is asked of whatever values: a value or reasons, an explanation, problems."""
    expression = parse(to_source(node))

    found = evaluate(expression, row.get, functions=FUNCTIONS)

    assert isinstance(found, Known | Unknown)
    assert explain(expression, row.get, functions=FUNCTIONS).say("fr")
    check_expression(expression, {}, functions=FUNCTIONS)


FRAGMENTS = [
    *("case when", "then", "otherwise", "within", "before", "of", "mean of", "at least 2 of"),
    *("(", ")", "{", "}", "is known", "in", ",", '"', "<", "=", "not", "-", "3", "0", "/", "x"),
    *("2024-02-29", "2025-02-29", "2026-13", "10*9/L", "mL/min/{1.73_m2}", "crp", "\0", "\u202e"),
    *("שלום", "مرحبا", "٣", "\n", "🙂", "\ufeff", "\ud800"),
]


@given(st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=3), max_size=12))
@settings(max_examples=300)
def test_no_mixture_of_words_and_signs_breaks_the_parser(parts: list[str]) -> None:
    """Right-to-left text, hidden characters, foreign digits: an expression or a problem."""
    try:
        parse(" ".join(parts))
    except Refused as refused:
        (problem,) = refused.problems
        assert problem.say("en")
        assert problem.say("fr")
        assert "\u202e" not in problem.say("en")
        assert "\0" not in problem.say("en")


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (" + ".join(["crp"] * 10_000), "EQ-L003"),
        ("case when a then " * 200 + "1", "EQ-L018"),
        ("case when a then " * 90 + "1" + " otherwise 2" * 90, "EQ-L003"),
        ("on > 2025-02-29", "EQ-L005"),
        ("on > 1900-02-29", "EQ-L005"),
        ("crp > ٣", "EQ-L001"),
        ("age ≥ \u202e18", "EQ-L002"),
        ("age\0 > 18", "EQ-L002"),
        ("יגל > 18", "EQ-L001"),
        ("crp > 5 mg/K", "EQ-L004"),
        ("case when a then 1", "EQ-L018"),
        ("x within 3 days", "EQ-L018"),
        ("mean of", "EQ-L001"),
        ("mean of (x)", "EQ-L001"),
    ],
)
def test_bad_input_has_its_problem(source: str, code: str) -> None:
    """Monstrous, impossible or disguised: one problem that says which."""
    with pytest.raises(Refused) as caught:
        parse(source)

    assert [p.code for p in caught.value.problems] == [code]


def test_29_february_is_a_day_of_leap_years() -> None:
    """2024 and 2000 have it; 2025 and 1900 do not."""
    for year in (2024, 2000):
        assert evaluate(parse(f"{year}-02-29 < {year}-03-01"), {}.get) == Known(True)
