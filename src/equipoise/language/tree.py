"""The parts of an expression, as immutable values that know where they stand in their source."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cached_property
from typing import Any
from typing import Literal as OneOf

from msgspec import Struct

from equipoise.language.values import Interval

Plain = bool | int | float | str | dt.date | Interval
Join = OneOf["all", "any", "none", "at_least"]
Side = OneOf["before", "after", "of"]
Span = tuple[int, int]
"""First character and the one after the last, counted from 0."""


class Literal(Struct, frozen=True):
    """A number with its unit, a date, a month, a truth value, a text or a choice code."""

    value: Plain
    unit: str
    span: Span


class Name(Struct, frozen=True):
    """The name of a value, or of a choice where no value is called so."""

    name: str
    span: Span


class Call(Struct, frozen=True):
    """A function of the caller's table."""

    function: str
    arguments: tuple[Node, ...]
    span: Span


class Arithmetic(Struct, frozen=True):
    """Two operands and one of `+ - * /`."""

    operator: str
    left: Node
    right: Node
    span: Span


class Negative(Struct, frozen=True):
    """A number with a minus before it."""

    operand: Node
    span: Span


class Comparison(Struct, frozen=True):
    """`a < b` or a chain `a <= b <= c`: one operand more than operators."""

    operands: tuple[Node, ...]
    operators: tuple[str, ...]
    span: Span


class Membership(Struct, frozen=True):
    """`x in {a, b}`, or its opposite."""

    operand: Node
    members: tuple[Literal, ...]
    is_negated: bool
    span: Span


class Presence(Struct, frozen=True):
    """`x is known` or `x is unknown`: always true or false."""

    operand: Node
    is_known: bool
    span: Span


class Not(Struct, frozen=True):
    """The opposite of a condition."""

    operand: Node
    span: Span


class Combination(Struct, frozen=True):
    """Several conditions: all, any, none, or at least `least` of them."""

    join: Join
    operands: tuple[Node, ...]
    least: int
    span: Span


class Within(Struct, frozen=True):
    """`day within 2 years before other`, or `after` it, or `of` it on either side."""

    operand: Node
    distance: Node
    side: Side
    anchor: Node
    span: Span


class Case(Struct, frozen=True):
    """`case when a then x when b then y otherwise z`: as many results as conditions."""

    conditions: tuple[Node, ...]
    results: tuple[Node, ...]
    otherwise: Node
    span: Span


Node = (
    Literal
    | Name
    | Call
    | Arithmetic
    | Negative
    | Comparison
    | Membership
    | Presence
    | Not
    | Combination
    | Within
    | Case
)


class Outline(Struct, frozen=True):
    """A condition's own words, the names it reads in order, and the conditions that it joins."""

    node: Node
    text: str
    names: tuple[str, ...]
    parts: tuple[Outline, ...]


class Expression(Struct, frozen=True, dict=True):
    """A parsed expression and the text that it was parsed from."""

    source: str
    root: Node

    @cached_property
    def outline(self) -> Outline:
        """What an explanation shows of each condition, whoever it is about: made once."""
        return self._outline_of(self.root)

    def text_of(self, node: Node) -> str:
        """The part's own words."""
        return self.source[node.span[0] : node.span[1]]

    def _outline_of(self, node: Node) -> Outline:
        names = dict.fromkeys(n.name for n, _ in walk(node) if isinstance(n, Name))
        joined = parts_of(node) if isinstance(node, Combination | Not) else ()
        parts = tuple(self._outline_of(part) for part in joined)
        return Outline(node, self.text_of(node), tuple(names), parts)


def parts_of(node: Node) -> tuple[Node, ...]:
    """The parts directly under a part."""
    match node:
        case Call(arguments=parts) | Comparison(operands=parts) | Combination(operands=parts):
            return parts
        case Arithmetic(left=left, right=right):
            return left, right
        case Negative() | Membership() | Presence() | Not():
            return (node.operand,)
        case Within():
            return node.operand, node.distance, node.anchor
        case Case():
            return (*node.conditions, *node.results, node.otherwise)
    return ()


def spell_out(node: Within) -> Comparison:
    """The comparison that a window stands for: both its ends belong to it."""
    first = last = node.anchor
    if node.side != "after":
        first = Arithmetic("-", node.anchor, node.distance, node.span)
    if node.side != "before":
        last = Arithmetic("+", node.anchor, node.distance, node.span)
    return Comparison((first, node.operand, last), ("<=", "<="), node.span)


def walk(root: Node) -> Iterator[tuple[Node, int]]:
    """Every part from left to right, each with its depth; without recursion, for hostile input."""
    waiting = [(root, 1)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        waiting.extend((part, depth + 1) for part in reversed(parts_of(node)))


def names_in(expression: Expression) -> frozenset[str]:
    """The names an expression may look up. A bare choice code is among them; a code of `{...}`
    is not."""
    return frozenset(n.name for n, _ in walk(expression.root) if isinstance(n, Name))


def to_source(node: Node) -> str:
    """A part written out again, with brackets wherever they could matter.

    What `parse` makes of it is the same part, except for its spans.
    """
    return _WRITERS[type(node)](node)


def _bracketed(node: Node) -> str:
    """A part that holds together by itself, or in brackets."""
    written = to_source(node)
    is_sole = isinstance(node, Literal | Name | Call | Combination)
    return written if is_sole else f"({written})"


def _write_literal(node: Literal) -> str:
    value = node.value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, Interval):
        return str(value.low)[:7]
    number = format(Decimal(repr(value)), "f") if isinstance(value, int | float) else str(value)
    return f"{number} {node.unit}".strip()


def _write_call(node: Call) -> str:
    if node.function.endswith(" of"):
        return f"{node.function} {to_source(node.arguments[0])}"
    return f"{node.function}({', '.join(to_source(a) for a in node.arguments)})"


def _write_combination(node: Combination) -> str:
    words = f"at least {node.least}" if node.join == "at_least" else node.join
    return f"{words} of ({', '.join(to_source(o) for o in node.operands)})"


def _write_comparison(node: Comparison) -> str:
    words = [_bracketed(node.operands[0])]
    for sign, operand in zip(node.operators, node.operands[1:], strict=True):
        words += [sign, _bracketed(operand)]
    return " ".join(words)


def _write_membership(node: Membership) -> str:
    members = ", ".join(_write_literal(m) for m in node.members)
    return f"{_bracketed(node.operand)} {'not ' * node.is_negated}in {{{members}}}"


def _write_within(node: Within) -> str:
    day, distance, anchor = (_bracketed(n) for n in (node.operand, node.distance, node.anchor))
    return f"{day} within {distance} {node.side} {anchor}"


def _write_case(node: Case) -> str:
    pairs = zip(node.conditions, node.results, strict=True)
    told = " ".join(f"when {_bracketed(c)} then {_bracketed(r)}" for c, r in pairs)
    return f"case {told} otherwise {_bracketed(node.otherwise)}"


_WRITERS: dict[type, Callable[[Any], str]] = {
    Literal: _write_literal,
    Name: lambda node: str(node.name),
    Call: _write_call,
    Arithmetic: lambda n: f"{_bracketed(n.left)} {n.operator} {_bracketed(n.right)}",
    Negative: lambda node: f"-{_bracketed(node.operand)}",
    Comparison: _write_comparison,
    Membership: _write_membership,
    Presence: lambda n: f"{_bracketed(n.operand)} is {'known' if n.is_known else 'unknown'}",
    Not: lambda node: f"not {_bracketed(node.operand)}",
    Combination: _write_combination,
    Within: _write_within,
    Case: _write_case,
}
