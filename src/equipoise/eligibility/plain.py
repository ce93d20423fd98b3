"""Values of a person as plain numbers, truths, texts and days, or `Unknown` with the reasons.

None stands for whatever is neither: contradicted, in another unit, of another type. Who asks then
takes the long way.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

from msgspec import Struct

from equipoise.eligibility.deciding import Person
from equipoise.eligibility.functions import functions_at
from equipoise.eligibility.verdict import Answer, Observation
from equipoise.language import (
    Function,
    Interval,
    Known,
    Unknown,
    merge_reasons,
    parse,
    unknown,
)
from equipoise.language.tree import Call, Name
from equipoise.language.units import find_factor
from equipoise.language.values import bounds_of, read_month
from equipoise.study.criteria import Judgement

PlainKind = Literal["number", "boolean", "text", "day", ""]
Observed = Mapping[str, Sequence[Observation]]
Read = Callable[[Person, Observed], Any]
_TYPES: Mapping[PlainKind, tuple[type, ...]] = {
    "number": (int, float),
    "boolean": (bool,),
    "text": (str,),
    "day": (str,),
    "": (),
}
MOST = 1e12
"""Larger numbers are left to the reference evaluator, which knows their digits."""

_NOTHING = Observation(
    form="", item="", encounter="", value=None, unit="", on=dt.date.min, entry=""
)
_ANY_DAY = dt.date(2000, 1, 1)
"""The signatures of functions are those of every day."""


class Plain(Struct, frozen=True, kw_only=True):
    """How a value is read: from the observations of `path`, or as the study computes it.

    `kind` is empty where it is not plain, `unit` the one that its numbers must have.
    """

    name: str
    kind: PlainKind = ""
    path: str = ""
    computed: str = ""
    unit: str = ""
    within: dt.timedelta | None = None
    is_first: bool = False
    plausible: tuple[float, float] | None = None


Find = Callable[[str], Plain | None]


def read_plain(plain: Plain, find: Find) -> Read:
    """The reader of a value; a number may come as an `Interval` unless it is observed."""
    if plain.path:
        return _observe(plain)
    return _call(plain, find) or _look_up(plain)


def read_answer(
    judgement: Judgement, *, name: str
) -> Callable[[Mapping[str, Answer], dt.date], bool | Unknown]:
    """The reader of a judgement that the right role gave, in time."""
    by, days = frozenset(judgement.by), judgement.valid_days
    valid = None if days is None else dt.timedelta(days=days)
    awaited, stale = unknown("awaiting_judgement", name), unknown("stale", name)

    def read(answers: Mapping[str, Answer], on: dt.date) -> bool | Unknown:
        answer = answers.get(name)
        if answer is None or answer.role not in by:
            return awaited
        return answer.is_true if valid is None or on - answer.on <= valid else stale

    return read


def _observe(plain: Plain) -> Read:
    """The latest observation, or the first, unless another of that day stands beside it."""
    path, types, unit, within = plain.path, _TYPES[plain.kind], plain.unit, plain.within
    missing, stale = unknown("missing", plain.name), unknown("stale", plain.name)
    choose = partial(_first, within=within) if plain.is_first else _latest
    is_number, is_day = plain.kind == "number", plain.kind == "day"
    (low, high), believe = plain.plausible or (-MOST, MOST), _believe(plain)

    def read(person: Person, observed: Observed) -> Any:
        found, on = observed.get(path, ()), person.on
        chosen = found[0] if len(found) == 1 else choose(found, on)
        if chosen is None:
            return None
        value = chosen.value
        if chosen.on > on or value is None or value == "":
            return missing
        if within is not None and on - chosen.on > within:
            return stale
        if chosen.unit != unit or type(value) not in types:
            return None
        if is_number:
            return value if low <= value <= high else believe(value)  # type: ignore[operator]
        return _read_day(str(value)) if is_day else value

    return read


def _latest(found: Sequence[Observation], on: dt.date) -> Observation | None:
    """None if two are the latest."""
    chosen, is_tied = _NOTHING, False
    for one in found:
        if chosen.on <= one.on <= on and one.value is not None and one.value != "":
            is_tied, chosen = one.on == chosen.on, one
    return None if is_tied else chosen


def _first(
    found: Sequence[Observation], on: dt.date, *, within: dt.timedelta | None
) -> Observation | None:
    """The first of those in time; of those out of time, any: it is stale."""
    past = [one for one in found if one.on <= on and one.value is not None and one.value != ""]
    fresh = [one for one in past if within is None or on - one.on <= within] or past[:1]
    day = min((one.on for one in fresh), default=on)
    first = [one for one in fresh if one.on == day] or [_NOTHING]
    return first[0] if len(first) == 1 else None


def _believe(plain: Plain) -> Callable[..., Any]:
    """Whether a number, or what lies between two, is plausible; None for what is no number."""
    (least, most), implausible = plain.plausible or (-MOST, MOST), None
    if plain.plausible:
        implausible = unknown("implausible", plain.name)

    def believe(low: Any, high: Any = None) -> Any:
        high = low if high is None else high
        if low <= most and high >= least:
            return low if low == high else Interval(low, high)
        return implausible if low <= high else None

    return believe


def _read_day(text: str) -> dt.date | Interval | None:
    try:
        return read_month(text) if len(text) == 7 else dt.date.fromisoformat(text)
    except ValueError:
        return None


def _call(plain: Plain, find: Find) -> Read | None:
    """A number that one function makes of plain ones, or of one day; None for anything else."""
    call = parse(plain.computed).root if plain.computed else None
    if not isinstance(call, Call) or plain.kind != "number":
        return None
    function = functions_at(_ANY_DAY).get(call.function)
    if function is None or function.result.unit != plain.unit or _is_special(function):
        return None
    given = [find(a.name) if isinstance(a, Name) else None for a in call.arguments]
    inputs = [plain for plain in given if plain is not None and plain.path]
    wanted = [parameter.kind for parameter in function.parameters]
    if len(inputs) != len(call.arguments) or len(inputs) != len(wanted):
        return None
    kinds = [plain.kind for plain in inputs]
    if wanted == ["date"] and kinds == ["day"] and function.is_monotone:
        return _since(plain, call.function, _observe(inputs[0]))
    if {*wanted, *kinds} != {"number"}:
        return None
    units = zip(inputs, function.parameters, strict=True)
    factors = [find_factor(given.unit, parameter.unit) for given, parameter in units]
    scaled = [(_observe(i), f) for i, f in zip(inputs, factors, strict=True) if f is not None]
    return _calculate(plain, call.function, scaled) if None not in factors else None


def _is_special(function: Function) -> bool:
    return function.keeps_unit or function.takes_name or function.is_variadic


def _since(plain: Plain, function: str, day: Read) -> Read:
    believe = _believe(plain)

    def read(person: Person, observed: Observed) -> Any:
        found = day(person, observed)
        if found is None or type(found) is Unknown:
            return found
        call = person.functions[function].call
        first, last = bounds_of(found)
        try:
            low = high = call(last)
            if first != last:
                low, high = sorted((low, call(first)))
        except (ArithmeticError, TypeError, ValueError):  # a function may give None
            return None
        return believe(low, high)

    return read


def _calculate(plain: Plain, function: str, inputs: Sequence[tuple[Read, float]]) -> Read:
    believe = _believe(plain)

    def read(person: Person, observed: Observed) -> Any:
        scaled, unknowns = [], []
        for reader, factor in inputs:
            number = reader(person, observed)
            if number is None:
                return None
            if type(number) is Unknown:
                unknowns.append(number)
            else:
                scaled.append(number * factor)
        if unknowns:
            return Unknown(merge_reasons(unknowns))
        try:
            result = person.functions[function].call(*scaled)
        except (ArithmeticError, ValueError):
            return None
        return believe(result) if type(result) is float else None

    return read


def _look_up(plain: Plain) -> Read:
    """What is given, or computed in any other way, and believed already."""
    name, unit, types = plain.name, plain.unit, (*_TYPES[plain.kind], Interval)

    def read(person: Person, _observed: Observed) -> Any:
        value = person.lookup(name)
        if not isinstance(value, Known):
            return value
        return value.value if value.unit == unit and type(value.value) in types else None

    return read
