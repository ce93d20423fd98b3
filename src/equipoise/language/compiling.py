"""The fast evaluator: an expression becomes closures once, and then answers in microseconds.

It must agree with the reference evaluator, value by value and reason by reason; whatever is not
plain (other units, bounds, borders to the last digit) is handed to it.
"""

import datetime as dt
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from equipoise.language.calculating import UNDEFINED, apply, calculate, compare
from equipoise.language.evaluation import Lookup, Setting, evaluate_node
from equipoise.language.functions import STANDARD_FUNCTIONS, Function, Functions, ValueType
from equipoise.language.tree import (
    Arithmetic,
    Call,
    Combination,
    Comparison,
    Expression,
    Literal,
    Membership,
    Name,
    Node,
    Not,
    Presence,
)
from equipoise.language.values import (
    FALSE,
    TRUE,
    Interval,
    Known,
    Unknown,
    Value,
    at_least,
    merge_reasons,
    negate,
    unknown,
)

Run = Callable[[Lookup, Functions], Value]
"""A compiled part: what its names stand for and its functions go in, its value comes out."""

_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="}
_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
}
_ONE_DAY = (ValueType("date"),)
_WIDEST = 1e12
"""Whole numbers up to here have no more digits than rounding keeps."""

_CLOSE = 1e-9
"""Two numbers that differ by more than this share compare alike before and after rounding."""


def compile_expression(
    expression: Expression, *, functions: Functions = STANDARD_FUNCTIONS
) -> Callable[[Lookup], Value]:
    """A function from a lookup to the value that `evaluate` would give."""
    run = compile_node(expression.root)
    return lambda lookup: run(lookup, functions)


def compile_node(node: Node) -> Run:
    """The closure of one part."""
    return _COMPILERS.get(type(node), _refer)(node)


def _refer(node: Node) -> Run:
    """What is rare or has many borders is left to the reference evaluator."""
    return lambda lookup, functions: evaluate_node(node, Setting(lookup, functions))


def _literal(node: Literal) -> Run:
    value = Known(node.value, node.unit)
    return lambda _lookup, _functions: value


def _name(node: Name) -> Run:
    name = node.name
    nothing = unknown("undefined", name)
    return lambda lookup, _functions: lookup(name) or nothing


def _condition(node: Node) -> Run:
    run = compile_node(node)
    if isinstance(node, Combination | Not | Comparison | Membership | Presence):
        return run

    def check(lookup: Lookup, functions: Functions) -> Value:
        value = run(lookup, functions)
        if type(value) is Known and type(value.value) is not bool:
            return UNDEFINED
        return value

    return check


def _combination(node: Combination) -> Run:
    parts = [_condition(part) for part in node.operands]
    least = node.least
    if node.join == "at_least":
        return lambda lookup, functions: at_least(least, [run(lookup, functions) for run in parts])
    join = {"all": _all, "any": _any, "none": _any}[node.join](parts)
    if node.join == "none":
        return lambda lookup, functions: negate(join(lookup, functions))
    return join


def _all(parts: Sequence[Run]) -> Run:
    """Stops at the first part that is false: the rest can change nothing."""

    def run_all(lookup: Lookup, functions: Functions) -> Value:
        unknowns: list[Value] = []
        for run in parts:
            value = run(lookup, functions)
            if type(value) is Unknown:
                unknowns.append(value)
            elif not value.value:  # type: ignore[union-attr]
                return FALSE
        return Unknown(merge_reasons(unknowns)) if unknowns else TRUE

    return run_all


def _any(parts: Sequence[Run]) -> Run:
    """Stops at the first part that is true."""

    def run_any(lookup: Lookup, functions: Functions) -> Value:
        unknowns: list[Value] = []
        for run in parts:
            value = run(lookup, functions)
            if type(value) is Unknown:
                unknowns.append(value)
            elif value.value:  # type: ignore[union-attr]
                return TRUE
        return Unknown(merge_reasons(unknowns)) if unknowns else FALSE

    return run_any


def _not(node: Not) -> Run:
    run = _condition(node.operand)
    return lambda lookup, functions: negate(run(lookup, functions))


def _presence(node: Presence) -> Run:
    run, is_known = compile_node(node.operand), node.is_known
    return lambda lookup, functions: (
        TRUE if (type(run(lookup, functions)) is Known) == is_known else FALSE
    )


def _comparison(node: Comparison) -> Run:
    if len(node.operators) > 1:
        return _chain(node)
    left, right, sign = *node.operands, node.operators[0]
    if isinstance(left, Literal):
        left, right, sign = right, left, _MIRRORED[sign]
    if isinstance(left, Name) and isinstance(right, Literal):
        return _limit(node, left.name, sign=sign, limit=right)
    if sign in "!=":
        return _code(node, left, sign=sign, code=right)
    return _order(node)


def _chain(node: Comparison) -> Run:
    """`18 years <= age <= 70 years` is both of its links; any other chain is rare."""
    low, middle, high = node.operands if len(node.operands) == 3 else (node, node, node)
    is_range = isinstance(low, Literal) and isinstance(middle, Name) and isinstance(high, Literal)
    if not is_range or not {*node.operators} <= {"<", "<=", ">", ">="}:
        return _refer(node)
    first, second = (
        _comparison(Comparison(node.operands[at : at + 2], (node.operators[at],), node.span))
        for at in (0, 1)
    )
    return lambda lookup, functions: at_least(
        2, [first(lookup, functions), second(lookup, functions)]
    )


def _limit(node: Comparison, name: str, *, sign: str, limit: Literal) -> Run:
    """A value against a literal of its own kind and unit."""
    slow, order, bound, unit = _refer(node), _ORDERS[sign], limit.value, limit.unit
    kind = type(bound)
    if kind in (int, float) and abs(cast("float", bound)) < _WIDEST:
        return _number_limit(slow, name, order=order, bound=cast("float", bound), unit=unit)
    if kind is dt.date or (kind in (bool, str) and sign in "!="):

        def check(lookup: Lookup, functions: Functions) -> Value:
            value = lookup(name)
            if type(value) is Known and type(value.value) is kind:
                return TRUE if order(value.value, bound) else FALSE
            return slow(lookup, functions)

        return check
    return slow


def _number_limit(
    slow: Run, name: str, *, order: Callable[[Any, Any], bool], bound: float, unit: str
) -> Run:
    margin = abs(bound) * _CLOSE

    def check(lookup: Lookup, functions: Functions) -> Value:
        value = lookup(name)
        if type(value) is Known and value.unit == unit:
            number = value.value
            if (type(number) is float or type(number) is int) and -_WIDEST < number < _WIDEST:
                away = number - bound
                if away > margin or away < -margin or not away:
                    return TRUE if order(away, 0) else FALSE
            elif type(number) is Interval and type(number.low) is not dt.date:
                low, high = cast("float", number.low), cast("float", number.high)
                is_apart = low > bound + margin or high < bound - margin
                if is_apart and low > -_WIDEST and high < _WIDEST:
                    return TRUE if order(low, bound) else FALSE
        elif type(value) is Unknown and len(value.reasons) == 1:
            return value
        return slow(lookup, functions)

    return check


def _code(node: Comparison, left: Node, *, sign: str, code: Node) -> Run:
    """`sex = female`, where nothing is called female."""
    slow, is_equal = _refer(node), sign == "="
    if not isinstance(left, Name) or not isinstance(code, Name):
        return slow
    name, written = left.name, code.name

    def check(lookup: Lookup, functions: Functions) -> Value:
        value = lookup(name)
        if type(value) is Known and type(value.value) is str and lookup(written) is None:
            return TRUE if (value.value == written) == is_equal else FALSE
        return slow(lookup, functions)

    return check


def _order(node: Comparison) -> Run:
    sign, order = node.operators[0], _ORDERS[node.operators[0]]
    first, second = (compile_node(operand) for operand in node.operands)

    def check(lookup: Lookup, functions: Functions) -> Value:
        left, right = first(lookup, functions), second(lookup, functions)
        if type(left) is Known and type(right) is Known and left.unit == right.unit:
            one, other = left.value, right.value
            if type(one) is float and type(other) is float:
                away = one - other
                margin = max(abs(one), abs(other)) * _CLOSE
                if away > margin or away < -margin:
                    return TRUE if order(away, 0) else FALSE
        return compare(sign, left, right, node=node)

    return check


def _membership(node: Membership) -> Run:
    slow, is_negated = _refer(node), node.is_negated
    codes = frozenset(m.value for m in node.members if isinstance(m.value, str))
    if not isinstance(node.operand, Name) or len(codes) != len(node.members):
        return slow
    name = node.operand.name

    def check(lookup: Lookup, functions: Functions) -> Value:
        value = lookup(name)
        if type(value) is Known and type(value.value) is str:
            return TRUE if (value.value in codes) != is_negated else FALSE
        return slow(lookup, functions)

    return check


def _arithmetic(node: Arithmetic) -> Run:
    sign = node.operator
    first, second = compile_node(node.left), compile_node(node.right)
    scale = node.left if isinstance(node.left, Literal) and not node.left.unit else None
    is_scaling = sign == "*" and scale is not None and type(scale.value) in (int, float)

    def run(lookup: Lookup, functions: Functions) -> Value:
        left, right = first(lookup, functions), second(lookup, functions)
        if is_scaling and type(right) is Known and type(right.value) is float:
            product = left.value * right.value  # type: ignore[union-attr, operator]
            if -_WIDEST < product < _WIDEST:
                return Known(product, right.unit, (), right.molar_mass)
        return calculate(sign, left, right)

    return run


def _call(node: Call) -> Run:
    slow, runs, name = _refer(node), [compile_node(a) for a in node.arguments], node.function

    def call(lookup: Lookup, functions: Functions) -> Value:
        function = functions.get(name)
        if function is None or function.takes_name:
            return slow(lookup, functions)
        values = [run(lookup, functions) for run in runs]
        for value in values:
            if type(value) is Unknown:
                return Unknown(merge_reasons(values))
        if len(values) == 1 and function.parameters == _ONE_DAY:
            return _since(function, cast("Known", values[0]), node)
        return apply(function, cast("list[Known]", values), node)

    return call


def _since(function: Function, value: Known, node: Call) -> Value:
    """What counts the time from a day, or from a month of which both ends are counted from."""
    days = value.value
    if type(days) is Interval and type(days.low) is dt.date and function.is_monotone:
        try:
            ends = function.call(days.low), function.call(days.high)
        except (ArithmeticError, ValueError):
            return UNDEFINED
        if None not in ends:
            low, high = sorted(ends)
            return Known(low if low == high else Interval(low, high), function.result.unit)
    return apply(function, [value], node)


_COMPILERS: Mapping[type, Callable[[Any], Run]] = {
    Literal: _literal,
    Name: _name,
    Call: _call,
    Arithmetic: _arithmetic,
    Comparison: _comparison,
    Membership: _membership,
    Presence: _presence,
    Not: _not,
    Combination: _combination,
}
