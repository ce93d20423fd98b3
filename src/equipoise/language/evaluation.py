"""The reference evaluator: one expression, the values of one person, three-valued throughout.

It is total: whatever the values are, the answer is a value or the reasons why there is none.
"""

import datetime as dt
import math
import operator
from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import Any, cast

from msgspec import Struct

from equipoise.language.functions import (
    STANDARD_FUNCTIONS,
    Function,
    Functions,
    Kind,
    shares_unit,
)
from equipoise.language.tree import (
    Arithmetic,
    Call,
    Combination,
    Comparison,
    Expression,
    Literal,
    Membership,
    Name,
    Negative,
    Node,
    Not,
    Presence,
    walk,
)
from equipoise.language.units import convert, round_off
from equipoise.language.values import (
    Interval,
    Known,
    Unknown,
    Value,
    at_least,
    bounds_of,
    merge_reasons,
    negate,
    none_of,
    truth,
    unknown,
)

Lookup = Callable[[str], Value | None]
"""The value of a name, or None if nothing is called so (it may then be a choice's code)."""

MOST_INTERVALS = 8
"""Imprecise arguments of one call; each doubles the combinations that are tried."""

_UNDEFINED = unknown("undefined")
_SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


class Setting(Struct, frozen=True):
    """What an expression is evaluated against."""

    lookup: Lookup
    functions: Functions


def evaluate(
    expression: Expression, lookup: Lookup, *, functions: Functions = STANDARD_FUNCTIONS
) -> Value:
    """The value of an expression, or every reason why it cannot be told."""
    return evaluate_node(expression.root, Setting(lookup, functions))


def evaluate_node(node: Node, setting: Setting) -> Value:
    """The value of one part."""
    return _EVALUATORS[type(node)](node, setting)


def kind_of(value: object) -> Kind | None:
    """What sort of plain value this is; an interval is of the sort of its bounds."""
    match value:
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "text"
        case dt.date():
            return "date"
        case Interval(low=low):
            return kind_of(low)
    return None


def _literal(node: Literal, _setting: Setting) -> Value:
    return Known(node.value, node.unit)


def _name(node: Name, setting: Setting) -> Value:
    found = setting.lookup(node.name)
    return unknown("undefined", node.name) if found is None else found


def _combination(node: Combination, setting: Setting) -> Value:
    parts = [_condition(n, setting) for n in node.operands]
    return none_of(parts) if node.join == "none" else at_least(node.least, parts)


def _not(node: Not, setting: Setting) -> Value:
    return negate(_condition(node.operand, setting))


def _condition(node: Node, setting: Setting) -> Value:
    value = evaluate_node(node, setting)
    if isinstance(value, Known) and not isinstance(value.value, bool):
        return _UNDEFINED
    return value


def _presence(node: Presence, setting: Setting) -> Value:
    return truth(isinstance(evaluate_node(node.operand, setting), Known) == node.is_known)


def _comparison(node: Comparison, setting: Setting) -> Value:
    if node.operators[0] in "!=":
        values = _resolve_codes([_named(n, setting) for n in node.operands])
    else:
        values = [evaluate_node(n, setting) for n in node.operands]
    links = zip(node.operators, values, values[1:], strict=False)
    found = [_compare(*link, node=node) for link in links]
    return found[0] if len(found) == 1 else at_least(len(found), found)


def _named(node: Node, setting: Setting) -> Value | str:
    """The value of an operand, or the bare name that nothing has."""
    if isinstance(node, Name):
        found = setting.lookup(node.name)
        return node.name if found is None else found
    return evaluate_node(node, setting)


def _resolve_codes(sides: Sequence[Value | str]) -> list[Value]:
    """A name that nothing has is a choice's code, as long as the other side is a value."""
    if all(isinstance(s, str) for s in sides):
        return [unknown("undefined", str(s)) for s in sides]
    return [Known(s) if isinstance(s, str) else s for s in sides]


def _membership(node: Membership, setting: Setting) -> Value:
    value = evaluate_node(node.operand, setting)
    found = [_compare("=", value, Known(m.value, m.unit), node=node) for m in node.members]
    is_member = at_least(1, found)
    return negate(is_member) if node.is_negated else is_member


def _compare(sign: str, left: Value, right: Value, *, node: Node) -> Value:
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return Unknown(merge_reasons((left, right)))
    kind = kind_of(left.value)
    if kind is None or kind != kind_of(right.value):
        return _UNDEFINED
    if kind in ("boolean", "text") and sign not in "!=":
        return _UNDEFINED
    if kind == "number":
        right_value = _in_unit(right, left.unit)
        if right_value is None:
            return unknown("unit_unknown", *_names_under(node))
        verdict = _compare_bounds(sign, _rounded(left.value), _rounded(right_value))
    else:
        verdict = _compare_bounds(sign, bounds_of(left.value), bounds_of(right.value))
    return unknown("ambiguous", *_names_under(node)) if verdict is None else truth(verdict)


def _compare_bounds(sign: str, left: Any, right: Any) -> bool | None:
    """Whether a comparison holds for everything between the bounds; None if for some of it."""
    if sign in (">", ">="):
        return _compare_bounds(sign.replace(">", "<"), right, left)
    (low, high), (from_, to) = left, right
    match sign:
        case "<":
            return True if high < from_ else False if low >= to else None
        case "<=":
            return True if high <= from_ else False if low > to else None
    if low == high == from_ == to:
        return sign == "="
    return (
        sign == "!=" if high < from_ or low > to else None if low != high or from_ != to else False
    )


def _rounded(value: Any) -> tuple[float, float]:
    low, high = bounds_of(value)
    return _round_off(low), _round_off(high)


def _round_off(number: Any) -> float:
    return round_off(number) if isinstance(number, float) else cast("float", number)


def _in_unit(known: Known, unit: str) -> Any:
    """The number, or both bounds, in another unit; None if the units do not convert."""
    if known.unit == unit:
        return known.value
    bounds = [convert(cast("float", b), known.unit, unit) for b in bounds_of(known.value)]
    return None if bounds[0] is None or bounds[1] is None else _interval(bounds)


def _negative(node: Negative, setting: Setting) -> Value:
    return _calculate("-", Known(0), evaluate_node(node.operand, setting), is_sign=True)


def _arithmetic(node: Arithmetic, setting: Setting) -> Value:
    left, right = (evaluate_node(n, setting) for n in (node.left, node.right))
    return _calculate(node.operator, left, right)


def _calculate(sign: str, left: Value, right: Value, *, is_sign: bool = False) -> Value:
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return Unknown(merge_reasons((left, right)))
    if kind_of(left.value) == "date":
        return _calculate_date(sign, left, right)
    if kind_of(left.value) != "number" or kind_of(right.value) != "number":
        return _UNDEFINED
    if is_sign:
        return _result(_corners(operator.sub, [0, right.value]), right.unit)
    if sign in "+-":
        converted, unit = _in_unit(right, left.unit), left.unit
    else:
        converted, unit = _factor(sign, left, right)
    if converted is None:
        return unknown("unit_unknown")
    return _result(_corners(_SIGNS[sign], [left.value, converted]), unit)


def _factor(sign: str, left: Known, right: Known) -> tuple[Any, str]:
    """The right operand of a product or a ratio, and the unit of the result."""
    if not right.unit:
        return right.value, left.unit
    if sign == "*":
        return (None, "") if left.unit else (right.value, right.unit)
    return _in_unit(right, left.unit), ""


def _calculate_date(sign: str, left: Known, right: Known) -> Value:
    if kind_of(right.value) == "date" and sign == "-":
        return _result(_corners(lambda a, b: (a - b).days, [left.value, right.value]), "days")
    if kind_of(right.value) != "number" or sign not in "+-":
        return _UNDEFINED
    days = _in_unit(right, "days")
    if days is None:
        return unknown("unit_unknown")

    def move(day: dt.date, by: float) -> dt.date:
        return cast("dt.date", _SIGNS[sign](day, dt.timedelta(days=math.floor(by))))

    return _result(_corners(move, [left.value, days]), "")


def _call(node: Call, setting: Setting) -> Value:
    function = setting.functions.get(node.function)
    if function is None:
        return unknown("undefined", node.function)
    if function.takes_name:
        named = [n.name for n in node.arguments if isinstance(n, Name)]
        return cast("Value", function.call(named[0])) if len(named) == 1 else _UNDEFINED
    values = [evaluate_node(n, setting) for n in node.arguments]
    if any(isinstance(v, Unknown) for v in values):
        return Unknown(merge_reasons(values))
    return _apply(function, cast("list[Known]", values), node)


def _apply(function: Function, values: Sequence[Known], node: Call) -> Value:
    count = len(function.parameters)
    is_too_long = len(values) > count and not function.is_variadic
    if len(values) < count - function.n_optional or is_too_long:
        return _UNDEFINED
    arguments: list[Any] = []
    for position, value in enumerate(values):
        expected = function.parameters[min(position, count - 1)]
        if not _fits(value.value, expected.kind):
            return _UNDEFINED
        unit = values[0].unit if shares_unit(function, position) else expected.unit
        argument = _in_unit(value, unit) if expected.kind == "number" else value.value
        if argument is None:
            return unknown("unit_unknown", *_names_under(node))
        arguments.append(argument)
    if not function.is_monotone and any(isinstance(a, Interval) for a in arguments):
        return unknown("ambiguous", *_names_under(node))
    unit = values[0].unit if function.keeps_unit else function.result.unit
    return _result(_corners(function.call, arguments), unit)


def _fits(value: object, kind: Kind) -> bool:
    return kind == "any" or kind_of(value) == ("text" if kind == "choice" else kind)


def _corners(call: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    """The result, or its bounds over all combinations of the bounds of the arguments."""
    n_intervals = sum(isinstance(a, Interval) for a in arguments)
    if n_intervals > MOST_INTERVALS or _divides_through_zero(call, arguments):
        return None
    try:
        if not n_intervals:
            return call(*arguments)
        results = [call(*chosen) for chosen in product(*map(_choices, arguments))]
    except (ArithmeticError, ValueError):
        return None
    return None if None in results else _interval(results)


def _choices(argument: Any) -> tuple[Any, ...]:
    return bounds_of(argument) if isinstance(argument, Interval) else (argument,)


def _divides_through_zero(call: Callable[..., Any], arguments: Sequence[Any]) -> bool:
    if call is not operator.truediv:
        return False
    low, high = cast("tuple[float, float]", bounds_of(arguments[1]))
    return low <= 0 <= high


def _interval(results: Iterable[Any]) -> Any:
    ordered = sorted(results)
    return ordered[0] if ordered[0] == ordered[-1] else Interval(ordered[0], ordered[-1])


def _result(value: Any, unit: str) -> Value:
    if value is None or any(
        isinstance(b, float) and not math.isfinite(b) for b in bounds_of(value)
    ):
        return _UNDEFINED
    return Known(value, unit)


def _names_under(node: Node) -> list[str]:
    return sorted({n.name for n, _ in walk(node) if isinstance(n, Name)})


_EVALUATORS: dict[type, Callable[[Any, Setting], Value]] = {
    Literal: _literal,
    Name: _name,
    Call: _call,
    Arithmetic: _arithmetic,
    Negative: _negative,
    Comparison: _comparison,
    Membership: _membership,
    Presence: _presence,
    Not: _not,
    Combination: _combination,
}
