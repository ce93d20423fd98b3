"""The ways in which a condition comes to be true, or false: which cells which values must be in.

By Kleene's rules a combination is true, or false, as soon as enough of its conditions are; so its
ways are put together from theirs, exactly, and two conditions on one value meet in its cells.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from msgspec import Struct

from equipoise.language.alternatives.atoms import atoms_under, limits_of, names_of_values, split
from equipoise.language.alternatives.cells import Cells, cut, to_condition
from equipoise.language.evaluation import Setting, evaluate_node
from equipoise.language.functions import ValueType
from equipoise.language.tree import Combination, Name, Node, Not, Presence, walk
from equipoise.language.values import Interval, Known, Unknown, Value

Box = Mapping[str, int]
"""For each value a mask of the cells that it may be in; a name that is left out may be anything."""

MOST = 200
"""Ways kept on the way; whatever has more is too much to show anybody."""

MOST_PAIRS = 2000
"""Pairs of ways that are put together at a time."""


class TooManyError(Exception):
    """More ways than are worth looking at."""


class Whole(Struct, frozen=True):
    """A condition that no cells describe, taken as one: true (the second bit) or not (the third),
    once every one of its values is known."""

    node: Node
    names: tuple[str, ...]
    now: int
    every: int = 0b111


Part = Cells | Whole


class Space(Struct, frozen=True):
    """A split condition, its open names and what each may be; `is_exact` unless a condition taken
    as a whole shares a value with another one."""

    root: Node
    parts: Mapping[str, Part]
    answers: Mapping[Node, tuple[Box, Box]]
    is_exact: bool

    def names_of(self, box: Box) -> tuple[str, ...]:
        """The values that a way asks to be other than they are."""
        found: dict[str, None] = {}
        for name in self.moved(box):
            part = self.parts[name]
            found |= dict.fromkeys(part.names if isinstance(part, Whole) else (name,))
        return tuple(found)

    def conditions_of(self, box: Box) -> tuple[Node, ...]:
        """The same in conditions."""
        return tuple(self.condition(name, mask) for name, mask in self.moved(box).items())

    def moved(self, box: Box) -> Box:
        """What a way asks beyond what is so already."""
        return {n: mask for n, mask in box.items() if not mask >> self.parts[n].now & 1}

    def condition(self, name: str, mask: int) -> Node:
        """What a mask says of a value."""
        part = self.parts[name]
        if isinstance(part, Cells):
            return to_condition(part, mask)
        return part.node if mask & 0b10 else Not(part.node, part.node.span)


def open_space(
    node: Node, setting: Setting, *, types: Mapping[str, ValueType], is_free: bool
) -> Space:
    """Lay out what the values of a condition may be.

    Those that are unknown or imprecise are open; if `is_free`, the known ones too.
    """
    root = split(node)
    atoms = list(dict.fromkeys(atoms_under(root)))
    opened = {a: _open_names(a, setting, is_free=is_free) for a in atoms}
    limits: dict[str, list[Known]] = {}
    wholes: dict[Node, tuple[str, ...]] = {}
    for atom, names in opened.items():
        if isinstance(atom, Presence) and isinstance(atom.operand, Name):
            for name in names:
                limits.setdefault(name, [])
            continue
        found = limits_of(atom, names[0], setting) if len(names) == 1 else None
        if found is not None:
            limits.setdefault(names[0], []).extend(found)
        elif names:
            wholes[atom] = names
    parts: dict[str, Part] = {}
    for name, ends in limits.items():
        present = setting.lookup(name)
        assert present is not None
        parts[name] = cut(name, ends, present=present, kind=types.get(name), is_free=is_free)
    for at, (atom, names) in enumerate(wholes.items()):
        parts[f"?{at}"] = Whole(atom, names, _now(evaluate_node(atom, setting)) if is_free else 0)
    keys = {atom: f"?{at}" for at, atom in enumerate(wholes)}
    answers = {a: _answers(a, keys.get(a, ""), parts, setting) for a in atoms}
    return Space(root, parts, answers, _is_exact(opened, wholes))


def find_ways(space: Space, target: bool) -> list[Box]:
    """Every way to this answer that no other contains.

    Raises:
        TooManyError: there are more than anybody would read.
    """
    return _ways(space.root, space, target=target)


def least_of(space: Space, boxes: Iterable[Box]) -> list[Box]:
    """What the ways ask for that ask for the smallest sets of values, fewest first; those through
    one value as one."""
    by_names: dict[frozenset[str], list[Box]] = {}
    for moved in map(space.moved, boxes):
        alike = by_names.setdefault(frozenset(space.names_of(moved)), [])
        if moved not in alike:
            alike.append(moved)
    least = [s for s in by_names if not any(other < s for other in by_names)]
    return [box for names in sorted(least, key=len) for box in _merged(by_names[names])]


def _merged(boxes: Sequence[Box]) -> Sequence[Box]:
    keys = {name for box in boxes for name in box}
    if len(keys) != 1:
        return boxes
    (name,) = keys
    mask = 0
    for box in boxes:
        mask |= box[name]
    return [{name: mask}]


def _ways(node: Node, space: Space, *, target: bool) -> list[Box]:
    match node:
        case Not():
            return _ways(node.operand, space, target=not target)
        case Combination():
            n, least = len(node.operands), node.least
            wanted = target != (node.join == "none")
            needed = least if wanted else n - least + 1
            if needed <= 0:
                return [{}]
            return _enough([_ways(p, space, target=wanted) for p in node.operands], needed)
    box = space.answers[node][0 if target else 1]
    return [] if 0 in box.values() else [box]


def _enough(ways: Sequence[list[Box]], needed: int) -> list[Box]:
    """Ways in which at least so many of several conditions hold."""
    if needed > len(ways):
        return []
    if needed == 1:
        return _absorb([], (box for way in ways for box in way))
    found: list[Box] = []
    for n_chosen, chosen in enumerate(combinations(ways, needed)):
        if n_chosen > MOST:
            raise TooManyError
        joined: list[Box] = [{}]
        for way in sorted(chosen, key=len):
            if len(joined) * len(way) > MOST_PAIRS:
                raise TooManyError
            both = (_meet(a, b) for a in joined for b in way)
            joined = _absorb([], (box for box in both if box is not None))
        found = _absorb(found, joined)
    return found


def _meet(one: Box, other: Box) -> Box | None:
    """What is in both; None if nothing is."""
    joined = dict(one)
    for name, mask in other.items():
        joined[name] = joined.get(name, -1) & mask
        if not joined[name]:
            return None
    return joined


def _absorb(kept: list[Box], boxes: Iterable[Box]) -> list[Box]:
    """Those that are kept and new ones, without any that lies within another."""
    for box in boxes:
        if any(_contains(other, box) for other in kept):
            continue
        kept = [other for other in kept if not _contains(box, other)]
        kept.append(box)
        if len(kept) > MOST:
            raise TooManyError
    return kept


def _contains(large: Box, small: Box) -> bool:
    return all(small.get(name, -1) & ~mask == 0 for name, mask in large.items())


def _open_names(atom: Node, setting: Setting, *, is_free: bool) -> tuple[str, ...]:
    names = names_of_values(atom, setting)
    return tuple(n for n in names if _is_open(setting.lookup(n), is_free=is_free))


def _is_open(value: Value | None, *, is_free: bool) -> bool:
    """Whether a value can be another: not where the source itself lacks it."""
    if isinstance(value, Unknown):
        return any(r.kind != "not_in_source" for r in value.reasons)
    return is_free or (isinstance(value, Known) and isinstance(value.value, Interval))


def _now(value: Value) -> int:
    """The bit of an answer: unknown, true, false."""
    if isinstance(value, Unknown) or not isinstance(value.value, bool):
        return 0
    return 1 if value.value else 2


def _answers(atom: Node, key: str, parts: Mapping[str, Part], setting: Setting) -> tuple[Box, Box]:
    """Where a condition is true and where false; a mask of nothing is never."""
    found = _now(evaluate_node(atom, setting))
    if key and parts[key].now == found:
        return {key: 0b10}, {key: 0b100}
    names = [n for n in names_of_values(atom, setting) if n in parts]
    if key or len(names) != 1:
        return ({} if found == 1 else {"": 0}), ({} if found == 2 else {"": 0})
    cells = parts[names[0]]
    assert isinstance(cells, Cells)
    masks = [0, 0, 0]
    for at, cell in enumerate(cells.cells, start=1):
        masks[_now(evaluate_node(atom, _with(setting, cells.name, cell.value)))] |= 1 << at
    if not cells.now:
        masks[found] |= 1
    return _boxed(cells, masks[1]), _boxed(cells, masks[2])


def _boxed(cells: Cells, mask: int) -> Box:
    """A way through one value; nobody is asked to forget one that is known."""
    every = cells.every & ~1 if cells.now else cells.every
    return {} if mask == every else {cells.name: mask}


def _with(setting: Setting, name: str, value: Known) -> Setting:
    """The same person with another value of one name."""
    return Setting(lambda n: value if n == name else setting.lookup(n), setting.functions)


def _is_exact(
    opened: Mapping[Node, tuple[str, ...]], wholes: Mapping[Node, tuple[str, ...]]
) -> bool:
    """Whether each value that stands in a condition taken as a whole stands in that one alone."""
    uses = Counter(name for names in opened.values() for name in names)
    is_alone = all(uses[name] == 1 for names in wholes.values() for name in names)
    return is_alone and not any(isinstance(n, Presence) for a in wholes for n, _ in walk(a))
