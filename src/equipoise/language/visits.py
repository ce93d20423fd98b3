"""A value over the visits: its first, latest and worst, its mean, its change from baseline.

`mean of crp` and its like ask the caller for the history of a value; what they make of it stands
here once, for edit checks, populations and stopping rules alike.
"""

import math
from collections.abc import Callable, Sequence

from msgspec import Struct

from equipoise.language.functions import Direction, Function, Functions, ValueType
from equipoise.language.units import convert, round_off
from equipoise.language.values import Known, Source, Unknown, Value, unknown

_ANY, _NUMBER = ValueType("any"), ValueType("number")


class History(Struct, frozen=True):
    """The known values of one name: at earlier visits, oldest first, and at this one.

    `baseline` is the value before treatment, `worst` the direction in which the value gets worse;
    without one, what asks for it is unknown.
    """

    earlier: tuple[Known, ...] = ()
    current: Known | None = None
    baseline: Known | None = None
    worst: Direction = ""


def visit_functions(find: Callable[[str], History]) -> Functions:
    """`mean of x` and the others; `find(name)` gives the history of a value.

    `first`, `latest` and `previous` may also be called with brackets.
    """

    def recalling(read: Callable[[str, History], Value], result: ValueType) -> Function:
        is_number = result.kind == "number"
        return Function(
            lambda name: read(name, find(name)),
            (_NUMBER if is_number and read is not _count else _ANY,),
            result,
            keeps_unit=is_number and read is not _count,
            takes_name=True,
            needs_direction=read is _worst,
        )

    told = {f"{word} of": recalling(read, _ANY) for word, read in _PICKED.items()}
    told |= {f"{word} of": recalling(read, _NUMBER) for word, read in _COMPUTED.items()}
    return told | {word: told[f"{word} of"] for word in _PICKED}


def history_functions(recall: Callable[[str, str], Value]) -> Functions:
    """`first(x)`, `latest(x)` and `previous(x)` alone; `recall(which, name)` finds the value."""

    def recalling(which: str) -> Function:
        return Function(lambda name: recall(which, name), (_ANY,), _ANY, takes_name=True)

    return {which: recalling(which) for which in _PICKED}


def _first(name: str, history: History) -> Value:
    return next(iter(_all(history)), None) or unknown("missing", name)


def _latest(name: str, history: History) -> Value:
    return next(reversed(_all(history)), None) or unknown("missing", name)


def _previous(name: str, history: History) -> Value:
    return next(reversed(history.earlier), None) or unknown("missing", name)


def _highest(name: str, history: History) -> Value:
    return _extreme(max, name, history)


def _lowest(name: str, history: History) -> Value:
    return _extreme(min, name, history)


def _worst(name: str, history: History) -> Value:
    if not history.worst:
        return unknown("ambiguous", name)
    return (_highest if history.worst == "highest" else _lowest)(name, history)


def _mean(name: str, history: History) -> Value:
    numbers = _numbers(name, _all(history))
    if not isinstance(numbers, list):
        return numbers
    sources = dict.fromkeys(s for v in _all(history) for s in v.sources)
    mean = round_off(math.fsum(numbers) / len(numbers))
    return _like(_all(history)[-1], mean, tuple(sources))


def _change(name: str, history: History) -> Value:
    if history.baseline is None:
        return unknown("missing", f"baseline of {name}")
    if not _all(history):
        return unknown("missing", name)
    latest = _all(history)[-1]
    numbers = _numbers(name, (history.baseline, latest))
    if not isinstance(numbers, list):
        return numbers
    sources = (*history.baseline.sources, *latest.sources)
    return _like(latest, round_off(numbers[1] - numbers[0]), sources)


def _count(_name: str, history: History) -> Value:
    values = _all(history)
    return Known(len(values), "", tuple(s for v in values for s in v.sources))


def _extreme(pick: Callable[..., tuple[float, Known]], name: str, history: History) -> Value:
    values = _all(history)
    numbers = _numbers(name, values)
    if not isinstance(numbers, list):
        return numbers
    return pick(zip(numbers, values, strict=True), key=lambda pair: pair[0])[1]


def _all(history: History) -> tuple[Known, ...]:
    return history.earlier if history.current is None else (*history.earlier, history.current)


def _numbers(name: str, values: Sequence[Known]) -> list[float] | Unknown:
    """The values in the unit of the last, or why they are no numbers to calculate with."""
    if not values:
        return unknown("missing", name)
    numbers = []
    for value in values:
        plain = value.value
        if isinstance(plain, bool) or not isinstance(plain, int | float):
            return unknown("undefined", name)
        last = values[-1]
        number = convert(plain, value.unit, last.unit, molar_mass=last.molar_mass)
        if number is None:
            return unknown("unit_unknown", name)
        numbers.append(number)
    return numbers


def _like(value: Known, number: float, sources: tuple[Source, ...]) -> Known:
    return Known(number, value.unit, sources, value.molar_mass)


_PICKED = {"first": _first, "latest": _latest, "previous": _previous}
_COMPUTED = {
    "worst": _worst,
    "max": _highest,
    "min": _lowest,
    "mean": _mean,
    "count": _count,
    "change from baseline": _change,
}
