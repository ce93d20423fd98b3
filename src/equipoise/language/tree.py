"""The parts of an expression, as immutable values that know where they stand in their source."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Literal as OneOf

from msgspec import Struct

from equipoise.language.values import Interval

Plain = bool | int | float | str | dt.date | Interval
Join = OneOf["all", "any", "none", "at_least"]
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
)


class Expression(Struct, frozen=True):
    """A parsed expression and the text that it was parsed from."""

    source: str
    root: Node

    def text_of(self, node: Node) -> str:
        """The part's own words."""
        return self.source[node.span[0] : node.span[1]]


def parts_of(node: Node) -> tuple[Node, ...]:
    """The parts directly under a part."""
    match node:
        case Call(arguments=parts) | Comparison(operands=parts) | Combination(operands=parts):
            return parts
        case Arithmetic(left=left, right=right):
            return left, right
        case Negative() | Membership() | Presence() | Not():
            return (node.operand,)
    return ()


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
