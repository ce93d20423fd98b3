"""The values that a name may have, cut wherever a condition may turn: within a cell none does."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from msgspec import Struct

from equipoise.language.calculating import in_unit, kind_of
from equipoise.language.functions import Kind, ValueType, family
from equipoise.language.tree import (
    Combination,
    Comparison,
    Literal,
    Membership,
    Name,
    Node,
    Not,
    Presence,
)
from equipoise.language.values import Interval, Known, Value, bounds_of

SPAN = (0, 0)
UNSAID = "…"
"""Stands for every choice that no rule names, where nobody said which there are."""

Bound = Any
"""A number or a day, or None where there is no limit."""


class Cell(Struct, frozen=True):
    """One value, or all between two limits that do not belong to it; `value` is one of them."""

    value: Known
    low: Bound = None
    high: Bound = None


class Cells(Struct, frozen=True):
    """The cells of one name in order. In masks the lowest bit stands for "not known", the next for
    the first cell; `now` is the bit of the present value."""

    name: str
    kind: Kind
    unit: str
    cells: tuple[Cell, ...]
    now: int

    @property
    def every(self) -> int:
        """The mask of all cells and of "not known"."""
        return (1 << (len(self.cells) + 1)) - 1


def cut(
    name: str, limits: Sequence[Known], *, present: Value, kind: ValueType | None, is_free: bool
) -> Cells:
    """The cells of a name between limits; a single one if nothing tells what it can be.

    If `is_free` a known value keeps its place among them; an imprecise one does where it lies in a
    single cell. Otherwise what is known to lie between two bounds stays within them.
    """
    exact = present if isinstance(present, Known) and is_free else None
    sort = _sort(limits, present, kind)
    fitting = [x for x in limits if kind_of(x.value) == sort]
    unit = _unit(fitting, present, kind)
    if sort == "boolean":
        cells: Iterable[Cell] = (Cell(Known(False)), Cell(Known(True)))
    elif sort == "text":
        cells = (Cell(Known(code)) for code in _codes(fitting, exact, kind))
    elif sort == "any":
        cells = (Cell(Known(UNSAID)),)
    else:
        ends = _ends(present, kind, is_free=is_free)
        mass = _mass(present, kind)
        cells = _between(fitting, ends, unit=unit, molar_mass=mass, is_day=sort == "date")
    found = tuple(cells)
    at = 0 if exact is None else _place(exact, found)
    return Cells(name, sort, unit, found, at)


def to_condition(cells: Cells, mask: int) -> Node:
    """The cells of a mask as a condition on the name."""
    name = Name(cells.name, SPAN)
    chosen = [at for at in range(len(cells.cells)) if mask >> (at + 1) & 1]
    if len(chosen) == len(cells.cells):
        return Presence(name, True, SPAN)
    if cells.kind == "boolean":
        return name if cells.cells[chosen[0]].value.value else Not(name, SPAN)
    if cells.kind == "text":
        return _membership(cells, name, chosen)
    parts = tuple(_run(cells, name, run) for run in _runs(chosen))
    return parts[0] if len(parts) == 1 else Combination("any", parts, 1, SPAN)


def edges_of(cells: Cells, mask: int) -> Iterator[Bound]:
    """The limits at both ends of each run of a mask."""
    for run in _runs([at for at in range(len(cells.cells)) if mask >> (at + 1) & 1]):
        for bound, cell in (("low", cells.cells[run[0]]), ("high", cells.cells[run[-1]])):
            yield getattr(cell, bound) if _is_open(cell) else cell.value.value


def _sort(limits: Sequence[Known], present: Value, kind: ValueType | None) -> Kind:
    if kind is not None and kind.kind != "any":
        return family(kind)
    plain = present.value if isinstance(present, Known) else limits[0].value if limits else None
    return kind_of(plain) or "any"


def _unit(limits: Sequence[Known], present: Value, kind: ValueType | None) -> str:
    if isinstance(present, Known):
        return present.unit
    if kind is not None and kind.kind == "number":
        return kind.unit
    return limits[0].unit if limits else ""


def _codes(limits: Sequence[Known], exact: Known | None, kind: ValueType | None) -> tuple[str, ...]:
    if kind is not None and kind.codes:
        return kind.codes
    named = dict.fromkeys(str(x.value) for x in (*limits, *([exact] if exact else [])))
    return (*named, UNSAID)


def _mass(present: Value, kind: ValueType | None) -> float:
    """The molar mass of the analyte, from whoever knows it."""
    told = present.molar_mass if isinstance(present, Known) else 0.0
    return told or (kind.molar_mass if kind else 0.0)


def _between(
    limits: Sequence[Known],
    ends: tuple[Any, Any],
    *,
    unit: str,
    molar_mass: float,
    is_day: bool,
) -> Iterator[Cell]:
    least, most = ends
    numbers: set[Any] = set()
    for limit in limits:
        value = limit.value if is_day else in_unit(limit, unit, molar_mass=molar_mass)
        numbers |= set() if value is None else set(bounds_of(value))
    ordered = sorted(numbers)
    step = _day_between if is_day else _number_between

    def known(value: Any) -> Known:
        return Known(value, unit, (), molar_mass)

    for low, high in zip([None, *ordered], [*ordered, None], strict=True):
        inside = step(low, high, least, most)
        if inside is not None:
            yield Cell(known(inside), low, high)
        if high is not None and (least is None or least <= high) and (most is None or high <= most):
            yield Cell(known(high), high, high)


def _ends(present: Value, kind: ValueType | None, *, is_free: bool) -> tuple[Any, Any]:
    """The bounds of an imprecise value, or those that anybody believes."""
    if isinstance(present, Known):
        is_bound = isinstance(present.value, Interval) and not is_free
        return bounds_of(present.value) if is_bound else (None, None)
    return kind.plausible if kind is not None and kind.plausible else (None, None)


def _number_between(low: Any, high: Any, least: Any, most: Any) -> Any:
    """A number above `low` and below `high`, from `least` to `most`."""
    first = low if least is None or (low is not None and low >= least) else least
    last = high if most is None or (high is not None and high <= most) else most
    if first is None and last is None:
        return 0
    if first is None:
        return float(last) - max(1.0, abs(last))
    if last is None:
        return float(first) + max(1.0, abs(first))
    if first == last:
        return float(first) if first not in (low, high) else None
    return (first + last) / 2 if first < last else None


def _day_between(low: Any, high: Any, least: Any, most: Any) -> Any:
    """A day after `low` and before `high`, from `least` to `most`."""
    if low == dt.date.max or high == dt.date.min:
        return None
    one = dt.timedelta(days=1)
    first = max((x for x in (low and low + one, least) if x), default=None)
    last = min((x for x in (high and high - one, most) if x), default=None)
    found = first or last or dt.date(2000, 1, 1)
    return found if (first is None or last is None or first <= last) else None


def _place(exact: Known, cells: Sequence[Cell]) -> int:
    """The bit of the cell that a known value lies in; none where its kind is another."""
    places = {_bit(value, cells) for value in bounds_of(exact.value)}
    return places.pop() if len(places) == 1 else 0


def _bit(value: Any, cells: Sequence[Cell]) -> int:
    for at, cell in enumerate(cells, start=1):
        if kind_of(value) != kind_of(cell.value.value):
            break
        if cell.value.value == value or (_is_open(cell) and _lies(value, cell.low, cell.high)):
            return at
    return 0


def _is_open(cell: Cell) -> bool:
    return kind_of(cell.value.value) in ("number", "date") and (
        cell.low != cell.high or cell.low is None
    )


def _lies(value: Any, low: Any, high: Any) -> bool:
    return (low is None or low < value) and (high is None or value < high)


def _membership(cells: Cells, name: Name, chosen: Sequence[int]) -> Node:
    codes = [str(cell.value.value) for cell in cells.cells]
    inside = {at for at in chosen if codes[at] != UNSAID}
    is_negated = len(inside) < len(chosen)
    members = [c for at, c in enumerate(codes) if c != UNSAID and (at in inside) != is_negated]
    return Membership(name, tuple(Literal(c, "", SPAN) for c in members), is_negated, SPAN)


def _runs(chosen: Sequence[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for at in chosen:
        if runs and runs[-1][-1] == at - 1:
            runs[-1].append(at)
        else:
            runs.append([at])
    return runs


def _run(cells: Cells, name: Name, run: Sequence[int]) -> Node:
    """Neighboring cells as one range."""
    first, last = cells.cells[run[0]], cells.cells[run[-1]]
    low = first.low if run[0] else None
    high = last.high if run[-1] < len(cells.cells) - 1 else None
    after, before = ("<" if _is_open(cell) else "<=" for cell in (first, last))
    if low is None:
        return _compare(name, before, high, cells.unit)
    if high is None:
        return _compare(name, {"<": ">", "<=": ">="}[after], low, cells.unit)
    if low == high:
        return _compare(name, "=", low, cells.unit)
    ends = Literal(low, cells.unit, SPAN), Literal(high, cells.unit, SPAN)
    return Comparison((ends[0], name, ends[1]), (after, before), SPAN)


def _compare(name: Name, sign: str, limit: Any, unit: str) -> Node:
    return Comparison((name, Literal(limit, unit, SPAN)), (sign,), SPAN)
