"""The nearest changes that would turn an answer: which values, past which limit, by how much."""

from collections.abc import Mapping, Sequence
from typing import cast

from msgspec import Struct

from equipoise.language.alternatives.cells import Cells, edges_of
from equipoise.language.alternatives.ways import (
    Space,
    TooManyError,
    Whole,
    find_ways,
    least_of,
    open_space,
)
from equipoise.language.calculating import UNDEFINED, calculate, kind_of
from equipoise.language.evaluation import Lookup, Setting, evaluate_node
from equipoise.language.functions import STANDARD_FUNCTIONS, Functions, ValueType
from equipoise.language.tree import Comparison, Node
from equipoise.language.units import round_off
from equipoise.language.values import Known, Unknown, Value, bounds_of


class Shift(Struct, frozen=True):
    """One condition that would have to hold, the values it reads now, and how far the first is
    from the limit: a number in its unit, or days. `limit` and `difference` are None for choices."""

    condition: Node
    names: tuple[str, ...]
    now: Value
    limit: Known | None = None
    difference: Known | None = None


class Change(Struct, frozen=True):
    """What would have to be different together."""

    shifts: tuple[Shift, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The values that would change."""
        return tuple(dict.fromkeys(n for s in self.shifts for n in s.names))


class Changes(Struct, frozen=True):
    """The smallest sets of values that would turn an answer, each with the limits to pass.

    Where `is_exact` is false there were too many to list, or values that hang together: of those
    of one condition, one may be enough.
    """

    changes: tuple[Change, ...]
    is_exact: bool


def find_changes(
    node: Node,
    lookup: Lookup,
    *,
    target: bool,
    functions: Functions = STANDARD_FUNCTIONS,
    types: Mapping[str, ValueType] | None = None,
) -> Changes:
    """What would have to be different for a condition to be `target`; fewest values first."""
    setting = Setting(lookup, functions)
    space = open_space(node, setting, types=types or {}, is_free=True)
    try:
        boxes = find_ways(space, target)
    except TooManyError:
        return Changes((), False)
    wholes = [part for part in space.parts.values() if isinstance(part, Whole)]
    is_exact = space.is_exact and all(len(whole.names) == 1 for whole in wholes)
    found = (
        Change(tuple(_shift(space, setting, name, mask) for name, mask in box.items()))
        for box in least_of(space, boxes)
    )
    return Changes(tuple(c for c in found if c.shifts), is_exact)


def _shift(space: Space, setting: Setting, name: str, mask: int) -> Shift:
    part, condition = space.parts[name], space.condition(name, mask)
    if isinstance(part, Cells):
        now = setting.lookup(name) or UNDEFINED
        edges = [Known(e, part.unit) for e in edges_of(part, mask) if e is not None]
        return Shift(condition, (name,), now, *_nearest(now, edges))
    if isinstance(part.node, Comparison):
        now, limit = (evaluate_node(n, setting) for n in part.node.operands)
        return Shift(condition, part.names, now, *_nearest(now, [limit]))
    return Shift(condition, part.names, evaluate_node(part.node, setting))


def _nearest(now: Value, edges: Sequence[Value]) -> tuple[Known | None, Known | None]:
    """The limit that lies nearest, and the distance to it."""
    found = [(d, e) for e in edges if isinstance(e, Known) and (d := _distance(now, e))]
    if not found:
        return None, None
    distance, limit = min(found, key=lambda pair: cast("float", pair[0].value))
    return limit, distance


def _distance(now: Value, limit: Known) -> Known | None:
    away = calculate("-", now, limit)
    if isinstance(away, Unknown) or kind_of(away.value) != "number":
        return None
    low, high = cast("tuple[float, float]", bounds_of(away.value))
    least = 0 if low <= 0 <= high else min(abs(low), abs(high))
    return Known(round_off(least), away.unit)
