"""A condition as a tree of conditions that hold no other, and the limits that each sets."""

from collections.abc import Callable, Iterator

from equipoise.language.calculating import calculate, reverse_sign
from equipoise.language.evaluation import Setting, evaluate_node
from equipoise.language.tree import (
    Arithmetic,
    Combination,
    Comparison,
    Membership,
    Name,
    Negative,
    Node,
    Not,
    Within,
    spell_out,
    walk,
)
from equipoise.language.values import Known, Value


def split(node: Node) -> Node:
    """The same condition with its windows and chains as single comparisons."""
    match node:
        case Within():
            return split(spell_out(node))
        case Not():
            return Not(split(node.operand), node.span)
        case Combination():
            parts = tuple(split(part) for part in node.operands)
            return Combination(node.join, parts, node.least, node.span)
        case Comparison() if len(node.operators) > 1:
            links = tuple(
                Comparison(node.operands[at : at + 2], (sign,), node.span)
                for at, sign in enumerate(node.operators)
            )
            return Combination("all", links, len(links), node.span)
    return node


def atoms_under(node: Node) -> Iterator[Node]:
    """The conditions of a split condition, from left to right."""
    match node:
        case Not():
            yield from atoms_under(node.operand)
        case Combination():
            for part in node.operands:
                yield from atoms_under(part)
        case _:
            yield node


def names_of_values(node: Node, setting: Setting) -> tuple[str, ...]:
    """The names in a part that are values, not codes of choices, each once."""
    names = dict.fromkeys(n.name for n, _ in walk(node) if isinstance(n, Name))
    return tuple(n for n in names if setting.lookup(n) is not None)


def limits_of(atom: Node, name: str, setting: Setting) -> tuple[Known, ...] | None:
    """The values of a name at which a condition may turn; None where they cannot be found."""
    match atom:
        case Name():
            return (Known(True),)
        case Membership(operand=Name()):
            return tuple(Known(m.value, m.unit) for m in atom.members)
        case Comparison(operands=(left, right)):
            if _count(left, name) == 1 and not _count(right, name):
                return _solved(left, name, _target(right, setting), setting)
            if _count(right, name) == 1 and not _count(left, name):
                return _solved(right, name, _target(left, setting), setting)
    return None


def _count(node: Node, name: str) -> int:
    return sum(isinstance(n, Name) and n.name == name for n, _ in walk(node))


def _target(node: Node, setting: Setting) -> Value:
    """What a name is compared with; a name that no value has is a choice's code."""
    if isinstance(node, Name) and setting.lookup(node.name) is None:
        return Known(node.name)
    return evaluate_node(node, setting)


def _solved(node: Node, name: str, target: Value, setting: Setting) -> tuple[Known, ...] | None:
    """The value of a name at which a part of an equation has a value, the rest being known."""
    while isinstance(target, Known):
        match node:
            case Name():
                return (target,)
            case Negative():
                node, target = node.operand, reverse_sign(target)
            case Arithmetic():
                is_left = _count(node.left, name) == 1
                solve = _SOLVED.get((node.operator, is_left))
                inner, other = (node.left, node.right) if is_left else (node.right, node.left)
                known = evaluate_node(other, setting)
                if solve is None or not isinstance(known, Known):
                    return None
                node, target = inner, solve(target, known)
            case _:
                return None
    return None


_SOLVED: dict[tuple[str, bool], Callable[[Known, Known], Value]] = {
    ("+", True): lambda target, other: calculate("-", target, other),
    ("+", False): lambda target, other: calculate("-", target, other),
    ("-", True): lambda target, other: calculate("+", target, other),
    ("-", False): lambda target, other: calculate("-", other, target),
    ("*", True): lambda target, other: calculate("/", target, other),
    ("*", False): lambda target, other: calculate("/", target, other),
    ("/", True): lambda target, other: calculate("*", target, other),
}
"""What stands beside a sign, on its left or its right, from the result and the other side."""
