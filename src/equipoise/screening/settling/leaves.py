"""Criteria taken apart: each condition that holds no other, and how they are joined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from equipoise.language import Expression, parse
from equipoise.language.tree import Combination, Not
from equipoise.study.criteria import Criterion, Rule
from equipoise.study.study import Study


class Leaf(Struct, frozen=True):
    """A condition: the criterion of the split study that it is. Nobody answers a gap."""

    name: str
    is_gap: bool = False


class Join(Struct, frozen=True):
    """Conditions joined; `not` has one."""

    op: Literal["all", "any", "not"]
    parts: tuple[Node, ...]


Node = Leaf | Join


class Split(Struct, frozen=True):
    """A study whose criteria are the conditions of another, and that one's criteria over them."""

    study: Study
    roots: tuple[tuple[str, Node], ...]


def split_study(study: Study) -> Split:
    """Take the criteria of a study apart."""
    splitting = _Splitting()
    roots = tuple((name, splitting.criterion(name, c)) for name, c in study.criteria)
    eligibility = msgspec.structs.replace(
        study.eligibility,
        inclusion=tuple(splitting.leaves["I"]),
        exclusion=tuple(splitting.leaves["E"]),
    )
    return Split(msgspec.structs.replace(study, eligibility=eligibility), roots)


class _Splitting:
    """Inclusions stay inclusions: whom a gap concerns is told by that."""

    def __init__(self) -> None:
        self.leaves: dict[str, list[Criterion]] = {"I": [], "E": []}
        self._letter = "I"

    def criterion(self, name: str, criterion: Criterion) -> Node:
        self._letter = name[0]
        part = self._rule(criterion, name)
        if not criterion.when:
            return part
        condition = self._expression(criterion.when)
        if self._letter == "I":
            return Join("any", (Join("not", (condition,)), part))
        return Join("all", (condition, part))

    def _rule(self, rule: Rule | str, name: str) -> Node:
        if isinstance(rule, str):
            return self._expression(rule)
        if rule.judgement is not None or rule.gap:
            kept = Rule(id=name, judgement=rule.judgement, gap=rule.gap, assume=rule.assume)
            return self._leaf(kept, is_gap=bool(rule.gap))
        if rule.none_:
            return Join("not", (Join("any", self._parts(rule.none_)),))
        if rule.is_:
            return self._expression(rule.is_)
        return Join("all" if rule.all_ else "any", self._parts(rule.all_ or rule.any_))

    def _parts(self, rules: Sequence[Rule | str]) -> tuple[Node, ...]:
        return tuple(self._rule(r, r.id if isinstance(r, Rule) else "") for r in rules)

    def _expression(self, source: str) -> Node:
        expression = parse(source)
        return self._node(expression.root, expression)

    def _node(self, node: Any, expression: Expression) -> Node:
        if isinstance(node, Not):
            return Join("not", (self._node(node.operand, expression),))
        if isinstance(node, Combination):
            parts = tuple(self._node(n, expression) for n in node.operands)
            if node.join == "none":
                return Join("not", (Join("any", parts),))
            if node.least == len(parts):
                return Join("all", parts)
            if node.least == 1:
                return Join("any", parts)
        return self._leaf(expression.text_of(node))

    def _leaf(self, rule: Rule | str, *, is_gap: bool = False) -> Leaf:
        leaves = self.leaves[self._letter]
        number = str(len(leaves) + 1)
        leaves.append(Criterion(number=number, all_=(rule,)))
        return Leaf(f"{self._letter}{number}", is_gap)
