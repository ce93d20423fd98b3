"""Values of a person as plain numbers, truths, texts and days, or None where that is not all.

None stands for whatever is missing, stale, contradicted, in another unit, implausible or otherwise
not plain: who asks then takes the long way.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from equipoise.eligibility.deciding import Person
from equipoise.eligibility.functions import functions_at
from equipoise.eligibility.verdict import Answer, Observation
from equipoise.language import Function, Interval, Known, parse
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
    plausible: tuple[float, float] = (0.0, 0.0)


Find = Callable[[str], Plain | None]


def read_plain(plain: Plain, find: Find) -> Read:
    """The reader of a value; a number may come as an `Interval` if it is computed."""
    if plain.path:
        return _observe(plain)
    return _call(plain, find) or _look_up(plain)


def read_answer(
    judgement: Judgement, name: str
) -> Callable[[Mapping[str, Answer], dt.date], bool | None]:
    """The reader of a judgement that the right role gave, in time."""
    by, days = frozenset(judgement.by), judgement.valid_days
    valid = None if days is None else dt.timedelta(days=days)

    def read(answers: Mapping[str, Answer], on: dt.date) -> bool | None:
        answer = answers.get(name)
        if answer is None or answer.role not in by:
            return None
        return answer.is_true if valid is None or on - answer.on <= valid else None

    return read


def _observe(plain: Plain) -> Read:
    """The latest observation, or the first, unless another of that day stands beside it."""
    path, types, unit, within = plain.path, _TYPES[plain.kind], plain.unit, plain.within
    (low, high), is_first = plain.plausible, plain.is_first
    is_number, is_day = plain.kind == "number", plain.kind == "day"

    def read(person: Person, observed: Observed) -> Any:
        on, chosen = person.on, None
        for found in observed.get(path, ()):
            if found.on > on or found.value is None or found.value == "":
                continue
            if is_first and within is not None and on - found.on > within:
                continue
            if chosen is None or (found.on < chosen.on if is_first else found.on > chosen.on):
                chosen = found
            elif found.on == chosen.on:
                return None
        if chosen is None or chosen.unit != unit or type(value := chosen.value) not in types:
            return None
        if within is not None and on - chosen.on > within:
            return None
        if is_number:
            return value if low <= value <= high else None  # type: ignore[operator]
        return _read_day(str(value)) if is_day else value

    return read


def _read_day(text: str) -> dt.date | Interval | None:
    try:
        return read_month(text) if len(text) == 7 else dt.date.fromisoformat(text)
    except ValueError:
        return None


def _call(plain: Plain, find: Find) -> Read | None:
    """A number that one function makes of plain ones, or of one day; None for anything else."""
    call = parse(plain.computed).root
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
    least, most = plain.plausible

    def read(person: Person, observed: Observed) -> Any:
        found = day(person, observed)
        if found is None:
            return None
        call = person.functions[function].call
        try:
            low, high = sorted(call(end) for end in bounds_of(found))
        except (ArithmeticError, TypeError, ValueError):  # a function may give None
            return None
        if high < least or low > most:
            return None
        return low if low == high else Interval(low, high)

    return read


def _calculate(plain: Plain, function: str, inputs: Sequence[tuple[Read, float]]) -> Read:
    least, most = plain.plausible

    def read(person: Person, observed: Observed) -> Any:
        arguments = []
        for reader, factor in inputs:
            number = reader(person, observed)
            if number is None:
                return None
            arguments.append(number * factor)
        try:
            number = person.functions[function].call(*arguments)
        except (ArithmeticError, ValueError):
            return None
        return number if type(number) is float and least <= number <= most else None

    return read


def _look_up(plain: Plain) -> Read:
    """What the study computes in any other way, believed already."""
    name, unit, types = plain.name, plain.unit, (*_TYPES[plain.kind], Interval)

    def read(person: Person, _observed: Observed) -> Any:
        value = person.lookup(name)
        if not isinstance(value, Known) or type(value.value) not in types:
            return None
        return value.value if value.unit == unit else None

    return read
