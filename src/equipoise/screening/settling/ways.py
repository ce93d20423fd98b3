"""Which answers settle an undecided person for sure, and which may."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Literal

from msgspec import Struct

from equipoise.screening.settling.leaves import Join, Leaf, Node, Split

Names = frozenset[str]
Pattern = frozenset[tuple[str, str]]
"""For one person every condition that is open and matters, with a name that it waits for."""

_MOST = 64
"""Ways that are followed together; the longest are given up first."""


class Missing(Struct, frozen=True):
    """People whose verdict some answers decide: `settles`, whatever the answers will be, or
    `may settle`, if they are the ones that decide. `names` are values of the study, or ids of
    judgements. A person is settled by one list, and may be by several."""

    names: tuple[str, ...]
    people: int
    kind: Literal["settles", "may settle"] = "settles"


class Ways(Struct, frozen=True):
    """The smallest sets of names whose answers can make a condition true, and false."""

    true: tuple[Names, ...]
    false: tuple[Names, ...]


def list_missing(split: Split, patterns: Iterable[tuple[Pattern, int]]) -> tuple[Missing, ...]:
    """The work list for people with these patterns: first what settles, then what may, each with
    the fewest answers first, and among as many those that concern most people.

    What may settle is told by how the conditions are joined: that one of them can be true, and can
    be false, is taken for granted, as the check of a study tells where it is not so.
    """
    finding = _Finding(split)
    sure: Counter[Names] = Counter()
    may: Counter[Names] = Counter()
    for pattern, people in patterns:
        everything = frozenset(name for _, name in pattern)
        sure[everything] += people
        for names in finding.ways(pattern):
            if names != everything:
                may[names] += people
    kinds: tuple[tuple[Literal["settles", "may settle"], Counter[Names]], ...] = (
        ("settles", sure),
        ("may settle", may),
    )
    return tuple(m for kind, counts in kinds for m in _in_order(kind, counts))


def _in_order(kind: Literal["settles", "may settle"], counts: Mapping[Names, int]) -> list[Missing]:
    found = [Missing(tuple(sorted(names)), n, kind) for names, n in counts.items()]
    return sorted(found, key=lambda m: (len(m.names), -m.people, m.names))


class _Finding:
    """A criterion's ways are worked out once for each pattern of it."""

    def __init__(self, split: Split) -> None:
        self._roots = dict(split.roots)
        self._owners = {leaf: name for name, root in split.roots for leaf in _leaves(root)}
        self._known: dict[tuple[str, Pattern], Ways | None] = {}

    def ways(self, pattern: Pattern) -> list[Names]:
        """One criterion that bars decides, or all open ones that let the person in."""
        by_criterion: dict[str, set[tuple[str, str]]] = {}
        for leaf, name in pattern:
            by_criterion.setdefault(self._owners[leaf], set()).add((leaf, name))
        bars: list[Names] = []
        lets: list[Sequence[Names]] = []
        for criterion, part in by_criterion.items():
            found = self._ways(criterion, frozenset(part))
            is_inclusion = criterion.startswith("I")
            bars += found.false if is_inclusion else found.true
            lets.append(found.true if is_inclusion else found.false)
        bars = _smallest(bars)
        return _smallest([*bars, *_together(lets, instead=bars)])

    def _ways(self, criterion: str, pattern: Pattern) -> Ways:
        key = criterion, pattern
        if key not in self._known:
            waiting: dict[str, set[str]] = {}
            for leaf, name in pattern:
                waiting.setdefault(leaf, set()).add(name)
            self._known[key] = _ways_of(self._roots[criterion], waiting)
        return self._known[key] or Ways((), ())


def _ways_of(node: Node, waiting: Mapping[str, set[str]]) -> Ways | None:
    """The ways of an open condition; None for one that is known or makes no difference."""
    if isinstance(node, Leaf):
        if node.name not in waiting:
            return None
        ways = () if node.is_gap else (frozenset(waiting[node.name]),)
        return Ways(ways, ways)
    parts = [w for w in (_ways_of(p, waiting) for p in node.parts) if w is not None]
    if not parts:
        return None
    if node.op == "not":
        return Ways(parts[0].false, parts[0].true)
    if node.op == "all":
        return Ways(
            _together([p.true for p in parts]), tuple(_smallest(n for p in parts for n in p.false))
        )
    return Ways(
        tuple(_smallest(n for p in parts for n in p.true)), _together([p.false for p in parts])
    )


def _leaves(node: Node) -> list[str]:
    if isinstance(node, Join):
        return [leaf for part in node.parts for leaf in _leaves(part)]
    return [node.name]


def _together(parts: Sequence[Sequence[Names]], instead: Sequence[Names] = ()) -> tuple[Names, ...]:
    """One way of each part at once, unless one of those `instead` is shorter."""
    found: list[Names] = [frozenset()]
    for ways in parts:
        joined = (one | other for one, other in product(found, ways))
        found = _smallest(n for n in joined if not any(short <= n for short in instead))
        if len(found) > _MOST:
            found = sorted(found, key=lambda n: (len(n), sorted(n)))[:_MOST]
    return tuple(found)


def _smallest(ways: Iterable[Names]) -> list[Names]:
    """Without those that hold another one, the shortest first; most are single names."""
    ordered = sorted(set(ways), key=len)
    if ordered and not ordered[0]:
        return ordered[:1]
    found = [names for names in ordered if len(names) == 1]
    singles = frozenset[str]().union(*found)
    longer: list[Names] = []
    for names in ordered[len(found) :]:
        if singles.isdisjoint(names) and not any(shorter <= names for shorter in longer):
            longer.append(names)
    return found + longer
