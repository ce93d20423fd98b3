"""The fewest values that would settle a condition which is unknown, and which way."""

from collections.abc import Iterable, Mapping, Sequence, Set
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

MOST_STEPS = 2000
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
    `is_exact` is false there were too many to try, and a list may be empty, or two conditions
    calculate with one value: then sets may exist that are smaller, and ways that no value takes.
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
    every = [box for found in boxes.values() for box in found]
    is_whole = len(boxes) == 2
    names = _names(space, {n for b in every for n in b} if is_whole else set(space.parts))
    sure: Sequence[tuple[str, ...]] = []
    try:
        sure = _find_sure(space, every, names) if is_whole else []
    except TooManyError:
        is_whole = False
    return Settlement(
        names,
        tuple(sure),
        _alternatives(space, boxes.get(True, [])),
        _alternatives(space, boxes.get(False, [])),
        is_whole and space.is_exact,
    )


def _alternatives(space: Space, boxes: Iterable[Box]) -> tuple[Alternative, ...]:
    return tuple(
        Alternative(space.names_of(box), space.conditions_of(box)) for box in least_of(space, boxes)
    )


def _names(space: Space, keys: Set[str]) -> tuple[str, ...]:
    """The values that parts of a space hang on, in the order of the rule."""
    found: dict[str, None] = {}
    for name, part in space.parts.items():
        if name in keys:
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


_Asked = tuple[tuple[int, int], ...]
"""What a way asks: places of values in the order of the rule, each with its mask."""


class _Proof:
    """Whether ways leave out no case, by cases of one value after the other."""

    def __init__(self, space: Space, boxes: Sequence[Box]) -> None:
        self._parts = tuple(space.parts.items())
        place = {name: at for at, (name, _) in enumerate(self._parts)}
        self._boxes = [sorted((place[n], mask) for n, mask in box.items()) for box in boxes]
        self._steps = 0

    def holds(self, names: Iterable[str]) -> bool:
        """Whether every case of these values, all others staying unknown, lies in a way."""
        known = frozenset(names)
        is_known = [
            known.issuperset(part.names if isinstance(part, Whole) else (name,))
            for name, part in self._parts
        ]
        boxes = frozenset(
            tuple((at, mask) for at, mask in box if is_known[at])
            for box in self._boxes
            if all(is_known[at] or mask & 1 for at, mask in box)
        )
        return self._covers(boxes, {})

    def _covers(self, boxes: frozenset[_Asked], seen: dict[frozenset[_Asked], bool]) -> bool:
        if () in boxes:
            return True
        if not boxes:
            return False
        if boxes in seen:
            return seen[boxes]
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise TooManyError
        first = min(box[0][0] for box in boxes)
        free = [box for box in boxes if box[0][0] != first]
        bound = [box for box in boxes if box[0][0] == first]
        cases = {
            frozenset((*free, *(box[1:] for box in bound if box[0][1] >> bit & 1)))
            for bit in range(1, self._parts[first][1].every.bit_length())
        }
        seen[boxes] = all(self._covers(case, seen) for case in cases)
        return seen[boxes]
