"""The fewest values that would settle a condition which is unknown, and which way."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from msgspec import Struct

from equipoise.language.alternatives.ways import (
    Box,
    Space,
    TooManyError,
    Whole,
    find_ways,
    least_of,
    open_space,
)
from equipoise.language.evaluation import Lookup, Setting
from equipoise.language.functions import STANDARD_FUNCTIONS, Functions, ValueType
from equipoise.language.tree import Node

MOST_STEPS = 5000
"""Cases looked at to prove that values settle whatever they are."""

MOST_OPTIONAL = 8
"""Values of which every selection is tried."""


class Alternative(Struct, frozen=True):
    """Values that decide, and what each would have to be for that."""

    names: tuple[str, ...]
    conditions: tuple[Node, ...]


class Settlement(Struct, frozen=True):
    """What would settle an unknown condition.

    `sure` are the smallest sets of values that settle it whatever they turn out to be, `true` and
    `false` those that can, and when they do. `names` is every value that it may hang on. Where
    `is_exact` is false there were too many to try, or values that hang together: what is said is
    right, but smaller sets may exist, or others.
    """

    names: tuple[str, ...]
    sure: tuple[tuple[str, ...], ...]
    true: tuple[Alternative, ...]
    false: tuple[Alternative, ...]
    is_exact: bool


def find_settlement(
    node: Node,
    lookup: Lookup,
    *,
    functions: Functions = STANDARD_FUNCTIONS,
    types: Mapping[str, ValueType] | None = None,
) -> Settlement:
    """What would settle a condition; `types` bound what its values can be."""
    setting = Setting(lookup, functions)
    space = open_space(node, setting, types=types or {}, is_free=False)
    boxes: dict[bool, list[Box]] = {}
    for target in (True, False):
        try:
            boxes[target] = find_ways(space, target)
        except TooManyError:
            continue
    names = _names(space)
    is_exact = space.is_exact and len(boxes) == 2
    sure: Sequence[tuple[str, ...]] = [names] if names else []
    if len(boxes) == 2:
        try:
            sure = _find_sure(space, [*boxes[True], *boxes[False]], names)
        except TooManyError:
            is_exact = False
    return Settlement(
        names,
        tuple(sure),
        _alternatives(space, boxes.get(True, [])),
        _alternatives(space, boxes.get(False, [])),
        is_exact,
    )


def _alternatives(space: Space, boxes: Iterable[Box]) -> tuple[Alternative, ...]:
    return tuple(
        Alternative(space.names_of(box), space.conditions_of(box)) for box in least_of(space, boxes)
    )


def _names(space: Space) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for name, part in space.parts.items():
        found |= dict.fromkeys(part.names if isinstance(part, Whole) else (name,))
    return tuple(found)


def _find_sure(space: Space, boxes: Sequence[Box], names: Sequence[str]) -> list[tuple[str, ...]]:
    """Sets of values such that every case of theirs lies in a way; none contains another."""
    proof = _Proof(space, boxes)
    if any(mask == 1 for box in boxes for mask in box.values()):
        # Something is to stay unknown: more knowledge may then settle less.
        essential: tuple[str, ...] = ()
    else:
        if not proof.holds(names):
            return []
        essential = tuple(n for n in names if not proof.holds([m for m in names if m != n]))
    optional = [n for n in names if n not in essential]
    if len(optional) > MOST_OPTIONAL:
        raise TooManyError
    found: list[frozenset[str]] = []
    for n_more in range(len(optional) + 1):
        for more in combinations(optional, n_more):
            chosen = frozenset((*essential, *more))
            if not any(other <= chosen for other in found) and proof.holds(chosen):
                found.append(chosen)
    return [tuple(n for n in names if n in chosen) for chosen in found]


class _Proof:
    """Whether ways leave out no case, by cases of one value after the other."""

    def __init__(self, space: Space, boxes: Sequence[Box]) -> None:
        self._space, self._boxes, self._steps = space, boxes, 0

    def holds(self, names: Iterable[str]) -> bool:
        """Whether every case of these values, all others staying unknown, lies in a way."""
        known = frozenset(names)
        boxes = set()
        for box in self._boxes:
            left = self._left(box, known)
            if left is not None:
                boxes.add(left)
        return self._covers(frozenset(boxes), {})

    def _left(self, box: Box, known: frozenset[str]) -> frozenset[tuple[str, int]] | None:
        """What a way still asks of the known values; None if it asks something of the others."""
        left = []
        for name, mask in box.items():
            part = self._space.parts[name]
            needs = part.names if isinstance(part, Whole) else (name,)
            if known.issuperset(needs):
                left.append((name, mask & ~1))
            elif not mask & 1:
                return None
        return frozenset(left)

    def _covers(
        self,
        boxes: frozenset[frozenset[tuple[str, int]]],
        seen: dict[frozenset[frozenset[tuple[str, int]]], bool],
    ) -> bool:
        if frozenset() in boxes:
            return True
        if not boxes:
            return False
        if boxes in seen:
            return seen[boxes]
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise TooManyError
        name = min(n for box in boxes for n, _ in box)
        cases = set()
        for bit in range(1, self._space.parts[name].every.bit_length()):
            case = (
                frozenset((n, m) for n, m in box if n != name)
                for box in boxes
                if all(m >> bit & 1 for n, m in box if n == name)
            )
            cases.add(frozenset(case))
        seen[boxes] = all(self._covers(case, seen) for case in cases)
        return seen[boxes]
