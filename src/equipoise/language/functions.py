"""The functions that an expression may call: tables from a name to a callable and its types."""

import datetime as dt
import math
from calendar import monthrange
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from equipoise.language.units import find_factor

Kind = Literal["number", "boolean", "choice", "text", "date", "any"]
Direction = Literal["", "highest", "lowest"]
Signature = tuple[Callable[..., Any], Sequence[tuple[Kind, str]], tuple[Kind, str]]


class ValueType(Struct, frozen=True):
    """What a value can be: its kind, a number's unit and plausible bounds, a choice's codes.

    `worst` is the direction in which it gets worse, where the study says so; `molar_mass` (g/mol)
    is that of the analyte, by which mass and amount concentrations convert.
    """

    kind: Kind
    unit: str = ""
    codes: tuple[str, ...] = ()
    plausible: tuple[float, float] | None = None
    worst: Direction = ""
    molar_mass: float = 0.0


class Function(Struct, frozen=True):
    """A callable over known values and the types it takes and gives.

    It returns a plain value, an `Interval`, or None where the result is undefined. `is_variadic`
    repeats the last parameter; `n_optional` parameters may be left out; `keeps_unit` means that
    all numbers share the first one's unit and so does the result. `is_monotone` says that it
    rises or falls in each argument, so that bounds of the arguments give bounds of the result.
    `takes_name` hands over the name of a value instead, and a `Value` comes back;
    `needs_direction` that the study must say which way that value gets worse.
    """

    call: Callable[..., Any]
    parameters: tuple[ValueType, ...]
    result: ValueType
    is_variadic: bool = False
    n_optional: int = 0
    keeps_unit: bool = False
    is_monotone: bool = False
    takes_name: bool = False
    needs_direction: bool = False


def shares_unit(function: Function, position: int) -> bool:
    """Whether an argument has the unit of the first; the digits of `round`, say, stand apart."""
    is_extra = position >= len(function.parameters) - function.n_optional
    return function.keeps_unit and (function.is_variadic or not is_extra)


def family(kind: ValueType) -> Kind:
    """Choices are texts to a comparison."""
    return "text" if kind.kind == "choice" else kind.kind


def number_like(kind: ValueType) -> ValueType:
    """A number calculated from another: in its unit, but no longer between its bounds."""
    if kind.kind == "any":
        return kind
    return ValueType("number", kind.unit, molar_mass=kind.molar_mass)


def converts(one: ValueType, other: ValueType) -> bool:
    """Whether numbers of two types have one quantity, by the analyte's molar mass if need be."""
    mass = one.molar_mass or other.molar_mass
    return find_factor(one.unit, other.unit, molar_mass=mass) is not None


NUDGE = 1 + 1e-12
"""What is half by its twelve digits is a half, although binary fractions fall a hair below."""

Functions = Mapping[str, Function]
_NUMBER, _DATE, _BOOLEAN = ValueType("number"), ValueType("date"), ValueType("boolean")


def years_between(start: dt.date, end: dt.date) -> float:
    """Years from one day to another: whole at each anniversary, a fraction of that year between.

    Who is born on 29 February has the anniversary on 1 March in other years.
    """
    if end < start:
        return -years_between(end, start)
    whole = end.year - start.year - ((end.month, end.day) < (start.month, start.day))
    last, following = _anniversary(start, whole), _anniversary(start, whole + 1)
    return whole + (end - last).days / (following - last).days


def shift_months(day: dt.date, months: int) -> dt.date:
    """The same day of another month, or that month's last where it has no such day.

    So do ISO 8601 calendars in SQL and HL7 CQL (2.2, date arithmetic): a month after 31 January is
    the end of February. OverflowError or ValueError outside the years 1 to 9999.
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    length = monthrange(year, month + 1)[1]
    return dt.date(year, month + 1, min(day.day, length))


def round_half_up(number: float, digits: float = 0) -> float:
    """As a clinician rounds: 0.5 goes away from zero, and 1.005 to two digits is 1.01."""
    scale = 10.0 ** int(digits)
    return math.copysign(math.floor(abs(number) * (scale * NUDGE) + 0.5), number) / scale


def _points(is_true: bool, points: float) -> float:
    return points if is_true else 0


def _anniversary(start: dt.date, years: int) -> dt.date:
    try:
        return dt.date(start.year + years, start.month, start.day)
    except ValueError:
        return dt.date(start.year + years, 3, 1)


def _of_numbers(call: Callable[[tuple[float, ...]], float]) -> Function:
    return Function(
        lambda *numbers: call(numbers),
        (_NUMBER,),
        _NUMBER,
        is_variadic=True,
        keeps_unit=True,
        is_monotone=True,
    )


STANDARD_FUNCTIONS: Functions = {
    "sum": _of_numbers(sum),
    "min": _of_numbers(min),
    "max": _of_numbers(max),
    "mean": _of_numbers(lambda numbers: math.fsum(numbers) / len(numbers)),
    "abs": Function(abs, (_NUMBER,), _NUMBER, keeps_unit=True),
    "round": Function(
        round_half_up,
        (_NUMBER, _NUMBER),
        _NUMBER,
        n_optional=1,
        keeps_unit=True,
        is_monotone=True,
    ),
    "count": Function(lambda *conditions: sum(conditions), (_BOOLEAN,), _NUMBER, is_variadic=True),
    "points": Function(_points, (_BOOLEAN, _NUMBER), _NUMBER),
    "years_between": Function(
        years_between, (_DATE, _DATE), ValueType("number", "years"), is_monotone=True
    ),
}
"""What every expression may call. `count` counts conditions that are true; `points(x, 3)` is 3
where x is true and 0 where it is false. Each is unknown as long as an argument is."""


def as_functions(calculators: Mapping[str, Signature]) -> Functions:
    """A table of calculators, `name: (callable, ((kind, unit), ...), (kind, unit))`, as functions.

    Calculators rise or fall in each of their arguments.
    """
    return {
        name: Function(
            call, tuple(ValueType(*p) for p in parameters), ValueType(*result), is_monotone=True
        )
        for name, (call, parameters, result) in calculators.items()
    }
