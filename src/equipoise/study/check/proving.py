"""What can be proved of a rule before anybody is assessed: always true, never true, left open.

One value at a time is taken through every case that the limits beside it tell apart, all others
being unknown. What Kleene's logic then decides is decided for everybody.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal as OneOf

from msgspec import Struct

from equipoise.language import (
    Expression,
    Known,
    Value,
    ValueType,
    all_of,
    any_of,
    at_least,
    convert,
    evaluate,
    negate,
    unknown,
)
from equipoise.language.tree import (
    Combination,
    Comparison,
    Literal,
    Membership,
    Name,
    Node,
    Not,
    walk,
)
from equipoise.language.values import bounds_of
from equipoise.study.check.places import Path
from equipoise.study.vocabulary import Names

OPEN = unknown("undefined")

MOST_LIMITS = 24
"""Limits of one value that are taken together. A study has a handful; the work grows with their
number and with that of the conditions, and rules beyond this are left unproved."""


class Part(Struct, frozen=True):
    """A rule or a part of one: where it stands, and how its parts are joined.

    `path` leads to the expression or rule in its file, `at` is the character within it. A part
    with neither `node` nor `parts` is for a person to judge.
    """

    path: Path
    text: str
    at: int = 0
    join: OneOf["all", "any", "none", "at_least", "not"] = "all"
    least: int = 0
    parts: tuple["Part", ...] = ()
    node: Node | None = None
    is_expression: bool = False


class Case(Struct, frozen=True):
    """One case of a value, and whether it is a single point between two others."""

    value: Known
    is_point: bool


def part_of(expression: Expression, path: Path) -> Part:
    """An expression as a part."""
    return _part(expression.root, expression, path)


def _part(node: Node, expression: Expression, path: Path) -> Part:
    text, at = expression.text_of(node), node.span[0]
    if isinstance(node, Combination):
        parts = tuple(_part(n, expression, path) for n in node.operands)
        return Part(path, text, at, node.join, node.least, parts, is_expression=True)
    if isinstance(node, Not):
        inner = (_part(node.operand, expression, path),)
        return Part(path, text, at, "not", 0, inner, is_expression=True)
    return Part(path, text, at, node=node, is_expression=True)


def find_constants(part: Part, names: Names) -> Iterator[tuple[Part, str, bool]]:
    """Each smallest part that has one answer for every believable value of a name."""
    found, _ = _constants(part, names)
    yield from found


def names_under(part: Part, names: Names) -> set[str]:
    """The values that stand in a part."""
    if part.node is not None:
        return {n.name for n, _ in walk(part.node) if isinstance(n, Name) and n.name in names}
    return {name for inner in part.parts for name in names_under(inner, names)}


def cases_of(name: str, parts: Sequence[Part], names: Names) -> tuple[Case, ...]:
    """Every case of a value that the limits in some parts tell apart, least first; none where
    there are more than `MOST_LIMITS`."""
    kind = names[name]
    if kind.kind == "boolean":
        return tuple(Case(Known(value), False) for value in (False, True))
    if kind.kind == "choice":
        return tuple(Case(Known(code), False) for code in kind.codes)
    limits = {x for p in parts for x in _limits(p, name, names)}
    if len(limits) > MOST_LIMITS:
        return ()
    days = sorted(x for x in limits if isinstance(x, dt.date))
    numbers = sorted(x for x in limits if isinstance(x, int | float))
    return _days(days) if kind.kind == "date" else _numbers(numbers, kind)


def decide(part: Part, name: str, case: Case, *, names: Names) -> Value:
    """The answer of a part where one value is known and no other is."""
    if part.node is not None:
        if not isinstance(part.node, Literal) and not _speaks_of(part.node, name, names):
            return OPEN
        return evaluate(Expression(part.text, part.node), {name: case.value}.get)
    if not part.parts:
        return OPEN
    values = [decide(p, name, case, names=names) for p in part.parts]
    match part.join:
        case "not":
            return negate(values[0])
        case "all":
            return all_of(values)
        case "at_least":
            return at_least(part.least, values)
    return negate(any_of(values)) if part.join == "none" else any_of(values)


def single_parts(
    part: Part, name: str, names: Names, *, is_meant: bool = True
) -> Iterator[tuple[Part, bool]]:
    """The largest parts that speak of one value alone, each with whether it counts as it is.

    What a rule asks of the value at once is one part, such as both ends of a band.
    """
    if part.node is not None:
        if _speaks_of(part.node, name, names):
            yield part, is_meant
        return
    flips = part.join in ("not", "none")
    singles = tuple(p for p in part.parts if _is_single(p, name, names))
    if singles and part.join == ("all" if is_meant else "any"):
        text = " and ".join(p.text for p in singles)
        first = singles[0]
        yield (
            Part(first.path, text, first.at, part.join, 0, singles, None, first.is_expression),
            is_meant,
        )
    else:
        singles = ()
    for inner in part.parts:
        if inner not in singles:
            yield from single_parts(inner, name, names, is_meant=is_meant != flips)


def _constants(part: Part, names: Names) -> tuple[list[tuple[Part, str, bool]], bool]:
    """What is constant in a part, and whether the part itself or one within it is."""
    inner = [_constants(p, names) for p in part.parts]
    found = [claim for claims, _ in inner for claim in claims]
    if any(is_constant for _, is_constant in inner):
        return found, True
    for name in sorted(names_under(part, names)):
        cases = cases_of(name, [part], names)
        answers = {decide(part, name, case, names=names) for case in cases}
        if len(answers) == 1 and isinstance(answer := answers.pop(), Known):
            is_told = part.node is not None and _is_beyond(part.node, names[name])
            claim = (part, name, answer.value is True)
            return (found if is_told else [*found, claim]), True
    return found, False


def _is_single(part: Part, name: str, names: Names) -> bool:
    if part.node is not None:
        return _speaks_of(part.node, name, names)
    return bool(part.parts) and all(_is_single(p, name, names) for p in part.parts)


def _speaks_of(node: Node, name: str, names: Names) -> bool:
    """Whether a condition hangs on one value and on limits alone."""
    match node:
        case Name():
            return node.name == name
        case Membership(operand=Name(name=asked)):
            return asked == name and _has_codes(node.members, name, names[name])
        case Comparison():
            used = {n.name for n in node.operands if isinstance(n, Name) and n.name in names}
            plain = [n for n in node.operands if isinstance(n, Name | Literal)]
            is_alone = used == {name} and len(plain) == len(node.operands)
            return is_alone and _has_codes(plain, name, names[name])
    return False


def _has_codes(parts: Sequence[Name | Literal], name: str, kind: ValueType) -> bool:
    """Whether all codes in a condition are choices of the value; a wrong one is told elsewhere."""
    told = {n.name if isinstance(n, Name) else str(n.value) for n in parts}
    return not kind.codes or told - {name} <= set(kind.codes)


def _limits(part: Part, name: str, names: Names) -> Iterator[object]:
    for inner in part.parts:
        yield from _limits(inner, name, names)
    if part.node is None or not _speaks_of(part.node, name, names):
        return
    found: list[Literal] = [n for n, _ in walk(part.node) if isinstance(n, Literal)]
    if isinstance(part.node, Membership):
        found += part.node.members
    for literal in found:
        for bound in bounds_of(literal.value):
            converted = _converted(bound, literal.unit, names[name])
            if converted is not None:
                yield converted


def _converted(bound: object, unit: str, kind: ValueType) -> object:
    if isinstance(bound, bool | str):
        return None
    if isinstance(bound, int | float):
        return convert(bound, unit, kind.unit, molar_mass=kind.molar_mass)
    return bound


def _is_beyond(node: Node, kind: ValueType) -> bool:
    """Whether a limit lies outside what is believed, which the expression's own check tells."""
    if kind.plausible is None or not isinstance(node, Comparison):
        return False
    low, high = kind.plausible
    literals = [n for n in node.operands if isinstance(n, Literal)]
    limits = [_converted(n.value, n.unit, kind) for n in literals]
    return any(isinstance(x, int | float) and not low <= x <= high for x in limits)


def _numbers(limits: list[float], kind: ValueType) -> tuple[Case, ...]:
    """Each limit, and a number between each two; within what is believed of the value."""
    if not limits:
        return ()
    low, high = kind.plausible or (limits[0] - 1, limits[-1] + 1)
    points = sorted({low, high, *(x for x in limits if low <= x <= high)})
    between = {(one + other) / 2 for one, other in pairwise(points)}
    inner = {x for x in limits if low < x < high}
    return tuple(
        Case(Known(x, kind.unit, (), kind.molar_mass), x in inner)
        for x in sorted({*points, *between})
    )


def _days(limits: list[dt.date]) -> tuple[Case, ...]:
    day = dt.timedelta(days=1)
    before = {x - day for x in limits if x > dt.date.min}
    after = {x + day for x in limits if x < dt.date.max}
    inner = {x for x in limits if dt.date.min < x < dt.date.max}
    near = {*limits, *before, *after}
    return tuple(Case(Known(x), x in inner) for x in sorted(near))
