"""Results as the laboratory's sheet has them: entered in its unit, kept in the item's own."""

from collections.abc import Mapping

from msgspec import Struct

from equipoise.capture.rules import MOLAR_MASSES, Value
from equipoise.language import convert, find_unit
from equipoise.problems import Problem, Where, problem
from equipoise.study.forms import Form, Item

Entered = tuple[int | float, str]
"""A number and the unit in which it was entered."""


class Converted(Struct, frozen=True):
    """Values in their items' units, the numbers that were entered in others, what is wrong."""

    values: Mapping[str, Value]
    entered: Mapping[str, Entered]
    problems: tuple[Problem, ...]


def to_own_units(
    form: Form, *, values: Mapping[str, Value], units: Mapping[str, str]
) -> Mapping[str, Value]:
    """The values with each number in its item's unit; one that does not convert stays as it is."""
    return {**values, **{n: _convert(form, n, values.get(n), unit=u) for n, u in units.items()}}


def read_units(
    form: Form, *, values: Mapping[str, Value], units: Mapping[str, str], where: Where
) -> Converted:
    """Values in their items' units, beside what was entered; each unit must be one offered."""
    problems = []
    for name, unit in units.items():
        item = form.items.get(name)
        if item is not None and unit not in (item.unit, *item.units):
            at = Where(record=f"{where.record}.{name}")
            listed = ", ".join((item.unit, *item.units))
            problems.append(problem("EQ-F010", at, item=item.label, unit=unit, units=listed))
    converted = to_own_units(form, values=values, units=units)
    entered = {
        name: (value, unit)
        for name, unit in units.items()
        if name in form.items and _is_other(form.items[name], unit)
        if isinstance(value := values.get(name), int | float) and not isinstance(value, bool)
    }
    return Converted(converted, entered, tuple(problems))


def _convert(form: Form, name: str, value: Value, *, unit: str) -> Value:
    item = form.items.get(name)
    if item is None or isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if not _is_other(item, unit):
        return value
    mass = MOLAR_MASSES.get(item.analyte or "", 0.0)
    converted = convert(value, unit, item.unit, molar_mass=mass)
    return value if converted is None else converted


def _is_other(item: Item, unit: str) -> bool:
    return unit in item.units and find_unit(unit) != find_unit(item.unit)
