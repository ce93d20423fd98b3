"""The reference evaluator: one expression, the values of one person, three-valued throughout.

It is total: whatever the values are, the answer is a value or the reasons why there is none.
"""

from collections.abc import Callable, Sequence
from typing import Any, cast

from msgspec import Struct

from equipoise.language.calculating import (
    UNDEFINED,
    apply,
    calculate,
    compare,
    is_same,
    reverse_sign,
)
from equipoise.language.functions import STANDARD_FUNCTIONS, Functions
from equipoise.language.tree import (
    Arithmetic,
    Call,
    Case,
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
    Within,
    spell_out,
)
from equipoise.language.values import (
    Known,
    Unknown,
    Value,
    at_least,
    merge_reasons,
    negate,
    none_of,
    truth,
    unknown,
)

Lookup = Callable[[str], Value | None]
"""The value of a name, or None if nothing is called so (it may then be a choice's code)."""


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
        return UNDEFINED
    return value


def _presence(node: Presence, setting: Setting) -> Value:
    return truth(isinstance(evaluate_node(node.operand, setting), Known) == node.is_known)


def _comparison(node: Comparison, setting: Setting) -> Value:
    if node.operators[0] in "!=":
        values = _resolve_codes([_named(n, setting) for n in node.operands])
    else:
        values = [evaluate_node(n, setting) for n in node.operands]
    links = zip(node.operators, values, values[1:], strict=False)
    found = [compare(*link, node=node) for link in links]
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
    found = [compare("=", value, Known(m.value, m.unit), node=node) for m in node.members]
    is_member = at_least(1, found)
    return negate(is_member) if node.is_negated else is_member


def _negative(node: Negative, setting: Setting) -> Value:
    return reverse_sign(evaluate_node(node.operand, setting))


def _arithmetic(node: Arithmetic, setting: Setting) -> Value:
    left, right = (evaluate_node(n, setting) for n in (node.left, node.right))
    return calculate(node.operator, left, right)


def _call(node: Call, setting: Setting) -> Value:
    function = setting.functions.get(node.function)
    if function is None:
        return unknown("undefined", node.function)
    if function.takes_name:
        named = [n.name for n in node.arguments if isinstance(n, Name)]
        return cast("Value", function.call(named[0])) if len(named) == 1 else UNDEFINED
    values = [evaluate_node(n, setting) for n in node.arguments]
    if any(isinstance(v, Unknown) for v in values):
        return Unknown(merge_reasons(values))
    return apply(function, cast("list[Known]", values), node)


def _within(node: Within, setting: Setting) -> Value:
    return _comparison(spell_out(node), setting)


def _case(node: Case, setting: Setting) -> Value:
    """The result of the first condition that is true.

    After an unknown condition its result and those of the following all remain possible; the case
    is known only if they agree.
    """
    doubts: list[Value] = []
    possible: list[Value] = []
    for condition, result in zip(node.conditions, node.results, strict=True):
        found = _condition(condition, setting)
        if isinstance(found, Known) and not found.value:
            continue
        possible.append(evaluate_node(result, setting))
        if isinstance(found, Known):
            break
        doubts.append(found)
    else:
        possible.append(evaluate_node(node.otherwise, setting))
    if all(is_same(possible[0], other, node=node) for other in possible[1:]):
        return possible[0]
    return Unknown(merge_reasons([*doubts, *possible]))


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
    Within: _within,
    Case: _case,
}
