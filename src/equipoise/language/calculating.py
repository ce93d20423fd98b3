"""Comparing and calculating with known values: units, days, bounds of what is imprecise.

Total like the logic above it: whatever the values are, the answer is a value or a reason.
"""

import datetime as dt
import math
import operator
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import product
from typing import Any, cast

from equipoise.language.functions import Function, Kind, shares_unit, shift_months
from equipoise.language.tree import Call, Name, Node, walk
from equipoise.language.units import convert, round_off
from equipoise.language.values import (
    Interval,
    Known,
    Unknown,
    Value,
    bounds_of,
    merge_reasons,
    truth,
    unknown,
)

MOST_INTERVALS = 8
"""Imprecise arguments of one call; each doubles the combinations that are tried."""

UNDEFINED = unknown("undefined")
_PLAIN, _DAYS = Known(0), Known(0, "days")
_SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


def kind_of(value: object) -> Kind | None:
    """What sort of plain value this is; an interval is of the sort of its bounds."""
    match value:
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "text"
        case dt.date():
            return "date"
        case Interval(low=low):
            return kind_of(low)
    return None


def compare(sign: str, left: Value, right: Value, *, node: Node) -> Value:
    """One comparison; `node` is the part whose names a reason gives."""
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return Unknown(merge_reasons((left, right)))
    kind = kind_of(left.value)
    if kind is None or kind != kind_of(right.value):
        return UNDEFINED
    if kind in ("boolean", "text") and sign not in "!=":
        return UNDEFINED
    if kind == "number":
        right_value = in_unit(right, left.unit, molar_mass=left.molar_mass)
        if right_value is None:
            return unknown("unit_unknown", *names_under(node))
        verdict = _compare_bounds(sign, _rounded(left.value), _rounded(right_value))
    else:
        verdict = _compare_bounds(sign, bounds_of(left.value), bounds_of(right.value))
    return unknown("ambiguous", *names_under(node)) if verdict is None else truth(verdict)


def _compare_bounds(sign: str, left: Any, right: Any) -> bool | None:
    """Whether a comparison holds for everything between the bounds; None if for some of it."""
    if sign in (">", ">="):
        return _compare_bounds(sign.replace(">", "<"), right, left)
    (low, high), (from_, to) = left, right
    match sign:
        case "<":
            return True if high < from_ else False if low >= to else None
        case "<=":
            return True if high <= from_ else False if low > to else None
    if low == high == from_ == to:
        return sign == "="
    return (
        sign == "!=" if high < from_ or low > to else None if low != high or from_ != to else False
    )


def _rounded(value: Any) -> tuple[float, float]:
    low, high = bounds_of(value)
    return _round_off(low), _round_off(high)


def _round_off(number: Any) -> float:
    return round_off(number) if isinstance(number, float) else cast("float", number)


def in_unit(known: Known, unit: str, *, molar_mass: float = 0.0) -> Any:
    """The number, or both bounds, in another unit; None if the units do not convert.

    `molar_mass` (g/mol) is that of the other side, where this one has none.
    """
    if known.unit == unit:
        return known.value
    mass = known.molar_mass or molar_mass
    low, high = cast("tuple[float, float]", bounds_of(known.value))
    least = convert(low, known.unit, unit, molar_mass=mass)
    most = convert(high, known.unit, unit, molar_mass=mass)
    return None if least is None or most is None else _interval((least, most))


def is_same(left: Value, right: Value, *, node: Node) -> bool:
    """Whether two values are certainly one, such as two branches that agree."""
    if isinstance(left, Known) and isinstance(left.value, Interval) and isinstance(right, Known):
        return (left.value, left.unit) == (right.value, right.unit)
    return compare("=", left, right, node=node) == truth(True)


def reverse_sign(value: Value) -> Value:
    """A number with a minus before it."""
    if isinstance(value, Unknown):
        return value
    if kind_of(value.value) != "number":
        return UNDEFINED
    return _result(_corners(operator.neg, [value.value]), value)


def calculate(sign: str, left: Value, right: Value) -> Value:
    """Two operands and one of `+ - * /`."""
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return Unknown(merge_reasons((left, right)))
    if kind_of(left.value) == "date":
        return _calculate_date(sign, left, right)
    if kind_of(left.value) != "number" or kind_of(right.value) != "number":
        return UNDEFINED
    if sign in "+-":
        converted, like = in_unit(right, left.unit, molar_mass=left.molar_mass), left
    else:
        converted, like = _factor(sign, left, right)
    if converted is None:
        return unknown("unit_unknown")
    return _result(_corners(_SIGNS[sign], [left.value, converted]), like)


def _factor(sign: str, left: Known, right: Known) -> tuple[Any, Known]:
    """The right operand of a product or a ratio, and what the result is like."""
    if not right.unit:
        return right.value, left
    if sign == "*":
        return (None, left) if left.unit else (right.value, right)
    return in_unit(right, left.unit, molar_mass=left.molar_mass), _PLAIN


def _calculate_date(sign: str, left: Known, right: Known) -> Value:
    if kind_of(right.value) == "date" and sign == "-":
        days = _corners(lambda a, b: (a - b).days, [left.value, right.value])
        return _result(days, _DAYS)
    if kind_of(right.value) != "number" or sign not in "+-":
        return UNDEFINED
    is_calendar = right.unit in ("years", "months")
    distance = in_unit(right, "months" if is_calendar else "days")
    if distance is None:
        return unknown("unit_unknown")
    move = _move_months if is_calendar else _move_days
    return _result(_corners(partial(move, _SIGNS[sign]), [left.value, distance]), _PLAIN)


def _move_days(sign: Callable[[Any, Any], Any], day: dt.date, days: float) -> dt.date:
    return cast("dt.date", sign(day, dt.timedelta(days=math.floor(days))))


def _move_months(sign: Callable[[Any, Any], Any], day: dt.date, months: float) -> dt.date | None:
    """None where the months are not whole: a part of a month has no one length."""
    return shift_months(day, sign(0, int(months))) if months == int(months) else None


def apply(function: Function, values: Sequence[Known], node: Call) -> Value:
    """What a function makes of known values."""
    count = len(function.parameters)
    is_too_long = len(values) > count and not function.is_variadic
    if len(values) < count - function.n_optional or is_too_long:
        return UNDEFINED
    mass = values[0].molar_mass if values else 0.0
    arguments: list[Any] = []
    for position, value in enumerate(values):
        expected = function.parameters[min(position, count - 1)]
        if not _fits(value.value, expected.kind):
            return UNDEFINED
        unit = values[0].unit if shares_unit(function, position) else expected.unit
        argument = (
            in_unit(value, unit, molar_mass=mass) if expected.kind == "number" else value.value
        )
        if argument is None:
            return unknown("unit_unknown", *names_under(node))
        arguments.append(argument)
    if not function.is_monotone and any(isinstance(a, Interval) for a in arguments):
        return unknown("ambiguous", *names_under(node))
    like = values[0] if function.keeps_unit else Known(0, function.result.unit)
    return _result(_corners(function.call, arguments), like)


def _fits(value: object, kind: Kind) -> bool:
    return kind == "any" or kind_of(value) == ("text" if kind == "choice" else kind)


def _corners(call: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    """The result, or its bounds over all combinations of the bounds of the arguments."""
    n_intervals = sum(isinstance(a, Interval) for a in arguments)
    if n_intervals > MOST_INTERVALS or _divides_through_zero(call, arguments):
        return None
    try:
        if not n_intervals:
            return call(*arguments)
        if len(arguments) == 1:
            results = [call(arguments[0].low), call(arguments[0].high)]
        else:
            results = [call(*chosen) for chosen in product(*map(_choices, arguments))]
    except (ArithmeticError, ValueError):
        return None
    return None if None in results else _interval(results)


def _choices(argument: Any) -> tuple[Any, ...]:
    return bounds_of(argument) if isinstance(argument, Interval) else (argument,)


def _divides_through_zero(call: Callable[..., Any], arguments: Sequence[Any]) -> bool:
    if call is not operator.truediv:
        return False
    low, high = cast("tuple[float, float]", bounds_of(arguments[1]))
    return low <= 0 <= high


def _interval(results: Iterable[Any]) -> Any:
    ordered = sorted(results)
    return ordered[0] if ordered[0] == ordered[-1] else Interval(ordered[0], ordered[-1])


def _result(value: Any, like: Known) -> Value:
    """A value in the unit of another, undefined if it is no number or beyond all."""
    if value is None or any(
        isinstance(b, float) and not math.isfinite(b) for b in bounds_of(value)
    ):
        return UNDEFINED
    return Known(value, like.unit, (), like.molar_mass)


def names_under(node: Node) -> list[str]:
    """The names in a part, for the reasons that hang on all of them."""
    return sorted({n.name for n, _ in walk(node) if isinstance(n, Name)})


def to_unit(value: Value, unit: str, *, name: str) -> Value:
    """A number in the unit of its definition; a number without unit is never assumed to fit."""
    if isinstance(value, Unknown) or value.unit == unit or kind_of(value.value) != "number":
        return value
    number = in_unit(value, unit)
    return unknown("unit_unknown", name) if number is None else Known(number, unit, value.sources)
