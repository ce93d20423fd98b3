"""An expression becomes an operand over columns: one function for each type of node.

A type that is not listed here cannot be compiled, which is said and never guessed; the evaluator
of the language stays the reference for all of them.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from equipoise.eligibility.functions import functions_at
from equipoise.language import Expression, convert, evaluate
from equipoise.language.functions import shift_months
from equipoise.language.tree import (
    Arithmetic,
    Call,
    Case,
    Combination,
    Comparison,
    Literal,
    Membership,
    Name,
    Negative,
    Not,
    Presence,
    Within,
    spell_out,
    walk,
)
from equipoise.language.values import Known
from equipoise.screening.compiler.cases import choose_result
from equipoise.screening.compiler.functions import BUILDERS, SINCE
from equipoise.screening.compiler.operands import (
    CannotCompileError,
    Operand,
    as_condition,
    compare,
    from_bounds,
    from_condition,
    from_value,
    in_unit,
    never,
)
from equipoise.screening.compiler.terms import (
    Term,
    at_least,
    bounds_product,
    calculate,
    conjunction,
    constant,
    disjunction,
    extremes,
    inverse,
)

_MOST_MONTHS = 12 * 9998
"""No two days lie further apart."""

_FIXED = functions_at(dt.date(2000, 1, 1))


class Scope(Struct, frozen=True):
    """What names mean: `lookup` gives None for what may be a choice's code."""

    lookup: Callable[[str], Operand | None]
    reference: Operand


def compile_expression(expression: Expression, scope: Scope) -> Operand:
    """The operand of a whole expression.

    Raises:
        CannotCompileError: with the words of the part that has no column form.
    """
    try:
        return compile_node(expression.root, scope)
    except CannotCompileError as error:
        node = error.args[0]
        words = node if isinstance(node, str) else expression.text_of(node)
        raise CannotCompileError(words) from None


def compile_node(node: Any, scope: Scope) -> Operand:
    """The operand of a part."""
    compiler = _COMPILERS.get(type(node))
    if compiler is None:
        raise CannotCompileError(node)
    if _is_constant(node):
        return from_value(evaluate(Expression("", node), lambda _: None, functions=_FIXED))
    return compiler(node, scope)


def _is_constant(node: Any) -> bool:
    return all(
        type(n) in _COMPILERS and not isinstance(n, Name) and not _moves(n) for n, _ in walk(node)
    )


def _moves(node: object) -> bool:
    return isinstance(node, Call) and (node.function in SINCE or node.function not in _FIXED)


def _name(node: Name, scope: Scope) -> Operand:
    return scope.lookup(node.name) or never()


def _combination(node: Combination, scope: Scope) -> Operand:
    parts = [as_condition(compile_node(n, scope)) for n in node.operands]
    conditions = [p.condition for p in parts]
    if node.join == "none":
        return from_condition(inverse(disjunction(conditions)), parts)
    return from_condition(at_least(node.least, conditions), parts)


def _not(node: Not, scope: Scope) -> Operand:
    part = as_condition(compile_node(node.operand, scope))
    return from_condition(inverse(part.condition), (part,))


def _presence(node: Presence, scope: Scope) -> Operand:
    is_known = compile_node(node.operand, scope).is_known
    return from_condition(is_known if node.is_known else inverse(is_known), ())


def _comparison(node: Comparison, scope: Scope) -> Operand:
    if node.operators[0] in "!=":
        operands = _with_codes(node, scope)
    else:
        operands = [compile_node(n, scope) for n in node.operands]
    links = zip(node.operators, operands, operands[1:], strict=False)
    found = [_compare(*link) for link in links]
    return from_condition(conjunction(f.condition for f in found), found)


def _with_codes(node: Comparison, scope: Scope) -> list[Operand]:
    """A name that nothing has is a choice's code, as long as another operand is a value."""
    sides: list[Operand | str] = []
    for n in node.operands:
        found = scope.lookup(n.name) if isinstance(n, Name) else compile_node(n, scope)
        sides.append(n.name if found is None and isinstance(n, Name) else found or never())
    if all(isinstance(s, str) for s in sides):
        return [never() for _ in sides]
    return [from_value(Known(s)) if isinstance(s, str) else s for s in sides]


def _membership(node: Membership, scope: Scope) -> Operand:
    operand = compile_node(node.operand, scope)
    compared = [operand]
    if operand.kind == "text" and all(isinstance(m.value, str) for m in node.members):
        codes = tuple(constant(str(m.value)) for m in node.members)
        term = Term("masked", (Term("one_of", (operand.low, *codes)), conjunction(operand.valid)))
        found = term if operand.valid else Term("one_of", (operand.low, *codes))
    else:
        members = (from_value(Known(m.value, m.unit)) for m in node.members)
        compared = [_compare("=", operand, m) for m in members]
        found = disjunction(c.condition for c in compared)
    return from_condition(inverse(found) if node.is_negated else found, compared)


def _compare(sign: str, left: Operand, right: Operand) -> Operand:
    both_are_numbers = left.kind == right.kind == "number"
    if both_are_numbers and convert(1.0, right.unit, left.unit) is None:
        return never(left, right, because="unit_unknown")
    return compare(sign, left, right)


def _negative(node: Negative, scope: Scope) -> Operand:
    operand = compile_node(node.operand, scope)
    if operand.kind != "number":
        return never(operand)
    return _calculated("-", Operand(kind="number", low=constant(0), high=constant(0)), operand)


def _arithmetic(node: Arithmetic, scope: Scope) -> Operand:
    left, right = compile_node(node.left, scope), compile_node(node.right, scope)
    if left.kind == "date":
        return _date_arithmetic(node.operator, left, right)
    if left.kind != "number" or right.kind != "number":
        return never(left, right)
    return _calculated(node.operator, left, right)


def _calculated(sign: str, left: Operand, right: Operand) -> Operand:
    is_sign = left.low == constant(0) and not left.unit
    converted, unit = _fitted(sign, left, right, is_sign=is_sign)
    if converted is None:
        return never(left, right, because="unit_unknown")
    corners = bounds_product((left.bounds, converted.bounds))
    low, high = extremes(_calculate(sign, left, *corner) for corner in corners)
    low_by, high_by = converted.bounds
    apart = (Term("gt", (low_by, constant(0))), Term("lt", (high_by, constant(0))))
    return from_bounds(
        "number",
        (low, high),
        (left, right),
        unit=unit,
        valid=(disjunction(apart),) if sign == "/" else (),
        is_positive=sign in "*/" and left.is_positive and right.is_positive,
    )


def _calculate(sign: str, left: Operand, a: Term, b: Term) -> Term:
    """A known factor stands last, where it may become one with the next."""
    is_factor = sign == "*" and left.known is not None
    return calculate(sign, b, a) if is_factor else calculate(sign, a, b)


def _fitted(
    sign: str, left: Operand, right: Operand, *, is_sign: bool
) -> tuple[Operand | None, str]:
    """The right operand in the unit that the calculation needs, and the unit of the result."""
    if is_sign and sign == "-":
        return right, right.unit
    if sign in "+-":
        return in_unit(right, left.unit), left.unit
    if not right.unit:
        return right, left.unit
    if sign == "*":
        return (None, "") if left.unit else (right, right.unit)
    return in_unit(right, left.unit), ""


def _date_arithmetic(sign: str, left: Operand, right: Operand) -> Operand:
    if right.kind == "date" and sign == "-":
        corners = bounds_product((left.bounds, right.bounds))
        low, high = extremes(Term("days_between", (b, a)) for a, b in corners)
        return from_bounds("number", (low, high), (left, right), unit="days")
    if right.kind == "number" and sign in "+-" and right.unit in ("years", "months"):
        return _months_away(sign, left, right)
    if right.kind != "number" or sign not in "+-":
        return never(left, right)
    days = in_unit(right, "days")
    if days is None:
        return never(left, right, because="unit_unknown")
    corners = bounds_product((left.bounds, days.bounds))
    moved = (
        Term(
            "add_days",
            (day, calculate("*", Term("floor", (n,)), constant(1 if sign == "+" else -1))),
        )
        for day, n in corners
    )
    return from_bounds("date", extremes(moved), (left, right))


def _case(node: Case, scope: Scope) -> Operand:
    conditions, results = (
        [compile_node(n, scope) for n in nodes] for nodes in (node.conditions, node.results)
    )
    return choose_result(conditions, results, compile_node(node.otherwise, scope))


def _months_away(sign: str, day: Operand, right: Operand) -> Operand:
    """By the calendar, for a known whole number of months; a part of a month has no length."""
    distance = in_unit(right, "months")
    number = distance.known.value if distance is not None and distance.known else None
    if not isinstance(number, int | float):
        raise CannotCompileError(f"{sign} {right.unit}")
    if number != int(number) or abs(number) > _MOST_MONTHS:
        return never(day, right)
    months = int(number) if sign == "+" else -int(number)
    if months > 0:
        is_in_calendar = Term("le", (day.high, constant(shift_months(dt.date.max, -months))))
    else:
        is_in_calendar = Term("ge", (day.low, constant(shift_months(dt.date.min, -months))))
    moved = tuple(Term("add_months", (bound, constant(months))) for bound in day.bounds)
    return from_bounds("date", (moved[0], moved[1]), (day,), valid=(is_in_calendar,))


def _call(node: Call, scope: Scope) -> Operand:
    build = BUILDERS.get(node.function)
    if build is None:
        raise CannotCompileError(node)
    arguments = tuple(compile_node(n, scope) for n in node.arguments)
    if any(a.kind == "never" for a in arguments):
        return never(*arguments)
    since = (scope.reference,) if node.function in SINCE else ()
    if since and scope.reference.kind == "never":
        return never(*arguments, scope.reference)
    return build((*arguments, *since))


_COMPILERS: Mapping[type, Callable[[Any, Scope], Operand]] = {
    Literal: lambda node, _scope: from_value(Known(node.value, node.unit)),
    Name: _name,
    Call: _call,
    Arithmetic: _arithmetic,
    Negative: _negative,
    Comparison: _comparison,
    Membership: _membership,
    Presence: _presence,
    Case: _case,
    Within: lambda node, scope: _comparison(spell_out(node), scope),
    Not: _not,
    Combination: _combination,
}
