"""The fast evaluator is the reference evaluator, only faster."""

import datetime as dt
import time
from collections.abc import Callable
from typing import get_args

import pytest
from hypothesis import given, settings

from equipoise.clinical import CALCULATORS
from equipoise.language import (
    STANDARD_FUNCTIONS,
    Expression,
    Function,
    History,
    Interval,
    Known,
    Unknown,
    Value,
    ValueType,
    as_functions,
    compile_expression,
    evaluate,
    parse,
    unknown,
    visit_functions,
)
from equipoise.language.tree import (
    Arithmetic,
    Call,
    Combination,
    Comparison,
    Membership,
    Node,
    Presence,
    Within,
    walk,
)
from tests.unit.language.random_expressions import CALLED, ORDERS, VISIT_WORDS, nodes, rows


def since(call: Callable[[dt.date], float | None], *, is_monotone: bool = True) -> Function:
    return Function(
        call, (ValueType("date"),), ValueType("number", "days"), is_monotone=is_monotone
    )


DAY = dt.date(2026, 3, 27)
FUNCTIONS = {
    "since": since(lambda day: (DAY - day).days),
    "until": since(lambda day: (day - DAY).days),
    "even": since(lambda day: (DAY - day).days % 2, is_monotone=False),
    "never": since(lambda _: None),
    "wrong": since(lambda day: 1 / (day.year - day.year)),
    "year": since(lambda day: day.year),
    **STANDARD_FUNCTIONS,
    **as_functions({name: CALCULATORS[name] for name in ("bmi", "egfr")}),
    **visit_functions(lambda _: History((Known(3, "mg/L"),), Known(2.5), Known(4))),
}


@given(nodes, rows)
@settings(max_examples=400, deadline=None)
def test_any_expression_over_any_row_has_one_value(node: Node, row: dict[str, Value]) -> None:
    """Value by value, unit by unit and reason by reason, in the same order."""
    expression = Expression("", node)

    fast = compile_expression(expression, functions=FUNCTIONS)(row.get)

    assert fast == evaluate(expression, row.get, functions=FUNCTIONS)


def test_random_expressions_have_every_part_of_the_language() -> None:
    """Else agreement would say nothing of the part that is left out."""
    seen: set[object] = set()

    @given(nodes)
    @settings(max_examples=600, database=None, derandomize=True, deadline=None)
    def look(root: Node) -> None:
        for node, _ in walk(root):
            seen.add(type(node))
            seen.update(
                {
                    Call: lambda n: [n.function],
                    Arithmetic: lambda n: [n.operator],
                    Comparison: lambda n: [*n.operators, len(n.operators)],
                    Combination: lambda n: [n.join],
                    Within: lambda n: [n.side],
                    Membership: lambda n: [("in", n.is_negated)],
                    Presence: lambda n: [("known", n.is_known)],
                }.get(type(node), lambda _: [])(node)  # type: ignore[no-untyped-call]
            )

    look()

    expected = {*get_args(Node), *VISIT_WORDS, *CALLED, *"+-*/", *ORDERS, 1, 2}
    expected |= {"all", "any", "none", "at_least", "before", "after", "of"}
    expected |= {(word, flag) for word in ("in", "known") for flag in (True, False)}
    assert expected <= seen


NUMBERS = (
    0,
    5,
    4.999999999999,
    5.0000000000001,
    5.00000001,
    -7,
    7.5,
    1e300,
    10**400,
    1234567890123,
)
VALUES: list[Value | None] = [
    None,
    *(Known(n, unit) for n in (*NUMBERS, float("inf"), float("nan")) for unit in ("", "mg/L")),
    Known(0.5, "mg/dL"),
    Known(True),
    Known("female"),
    Known("male"),
    Known(DAY),
    Known(Interval(dt.date(2026, 3, 1), dt.date(2026, 3, 31))),
    Known(Interval(1, 2)),
    Known(Interval(7.5, 8.5), "mg/L"),
    Known(Interval(4, 6), "mg/L"),
    unknown("missing", "x"),
    unknown("stale", "x", "x"),
]
LIMITS = [
    f"x {sign} {limit}"
    for sign in ("<", "<=", ">", ">=", "=", "!=")
    for limit in ("5", "5 mg/L", "0", "y", "y + 1")
]
RULES = [
    *("5 mg/L < x", "5 mg/L <= x <= 7 mg/L", "7 mg/L > x > 3 mg/L", "5 mg/L < x = 5 mg/L", "3 < x"),
    *("x < 1234567890123", "x = 1234567890123", "x < x", "x <= x + 1", "1 mg/L < 2 * x", "1 = 1"),
    *("x = female", "x != female", "female = x", "x = x", 'x = "female"', 'x < "female"', "-x < 3"),
    *("x = true", "x != false", "x < true", "x < 2026-03-27", "2026-03-27 > 2026-03", "x is known"),
    *("x in {female, other}", "x not in {female}", "x in {5, female}", "x in {5 mg/L}", "not x"),
    *("x + 1 in {female}", "x", "x and true", "none of (x, false)", "at least 1 of (x, x)"),
    *(
        "x is unknown",
        "sum(x, 1)",
        "abs(x)",
        "nothing(x)",
        "mean of x",
        "1 < x < 3 < 4",
        "1 < x < z",
    ),
    *("case when x then 1 otherwise 2", "x within 3 days of 2026-03-27", "5 <= x < 7", "x + z"),
    *(
        "since(x)",
        "until(x)",
        "even(x)",
        "never(x)",
        "wrong(x)",
        "year(x)",
        "2 * x",
        "999999999999 * x",
        "true * x",
        "2026-03 * x",
        "2026-03-27 * x",
        '"female" * x',
    ),
    *(
        "all of (x, y, true)",
        "none of (false, x)",
        "any of (false, x, true)",
        "2 mg/L * x",
        "y * x",
    ),
    *("at least 2 of (true, x, false)", "any of (x, nothing)", "all of (x, nothing)"),
]


@pytest.mark.parametrize("source", [*LIMITS, *RULES])
def test_at_every_border_the_two_agree(source: str) -> None:
    """Just below, at and above a limit, in other units or kinds, unknown, or no name at all."""
    expression = parse(source)
    fast = compile_expression(expression, functions=FUNCTIONS)
    for value in VALUES:
        row = {"y": Known(5.0, "mg/L")} if value is None else {"x": value, "y": Known(5.0)}

        slow = evaluate(expression, row.get, functions=FUNCTIONS)

        assert str(fast(row.get)) == str(slow), value  # not a number is not equal to itself


def test_a_day_is_compared_as_a_day() -> None:
    """Days have a path of their own."""
    day = evaluate(parse("2026-03-27"), {}.get)

    for source in ("on < 2026-03-28", "on = 2026-03-27", "on >= 2026-03-28", "2026-03-26 < on"):
        fast = compile_expression(parse(source))({"on": day}.get)
        assert fast == evaluate(parse(source), {"on": day}.get)
        assert isinstance(fast, Known)


def test_it_is_several_times_faster() -> None:
    """Otherwise it would have no reason to be."""
    expression = parse("mrss >= 20 and (crp > 5 mg/L or hb < 11 g/dL) and sex in {female, male}")
    row = {
        "mrss": Known(22),
        "crp": Known(7.2, "mg/L"),
        "hb": Known(9.5, "g/dL"),
        "sex": Known("male"),
    }
    fast = compile_expression(expression)

    def seconds(run: object) -> float:
        times = []
        for _ in range(5):
            start = time.process_time()
            for _ in range(300):
                run(row.get)  # type: ignore[operator]
            times.append(time.process_time() - start)
        return min(times)

    assert not isinstance(fast(row.get), Unknown)
    assert seconds(fast) * 3 < seconds(lambda lookup: evaluate(expression, lookup))
