"""Values that may be unknown, and the logic of Kleene over them.

A value is `Known`, or `Unknown` with the reasons why. False decides `and`, true decides `or`, even
beside something unknown; nothing ever turns what is unknown into a no.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal, cast

from msgspec import Struct

ReasonKind = Literal[
    "missing",
    "stale",
    "conflicting",
    "unit_unknown",
    "implausible",
    "ambiguous",
    "awaiting_judgement",
    "not_in_source",
    "undefined",
]


class Reason(Struct, frozen=True):
    """Why something cannot be told, and the value or question that it hangs on."""

    kind: ReasonKind
    name: str = ""


class Source(Struct, frozen=True, omit_defaults=True):
    """Where a value comes from: its day and the ledger entry that holds it."""

    name: str
    on: dt.date | None = None
    entry: str = ""


class Interval(Struct, frozen=True):
    """A number or a day known only to lie between two bounds, both included."""

    low: int | float | dt.date
    high: int | float | dt.date


class Known(Struct, frozen=True):
    """A value, its unit (`""` for none), where it comes from, its analyte's molar mass in g/mol."""

    value: bool | int | float | str | dt.date | Interval
    unit: str = ""
    sources: tuple[Source, ...] = ()
    molar_mass: float = 0.0


class Unknown(Struct, frozen=True):
    """No value, and every reason for it."""

    reasons: tuple[Reason, ...]


Value = Known | Unknown
TRUE, FALSE = Known(True), Known(False)


def unknown(kind: ReasonKind, *names: str) -> Unknown:
    """One reason, for each of the names."""
    return Unknown(tuple(Reason(kind, name) for name in names or ("",)))


def truth(value: bool) -> Known:
    """The one true or the one false."""
    return TRUE if value else FALSE


def merge_reasons(values: Iterable[Value]) -> tuple[Reason, ...]:
    """The reasons of all unknown values, each once, in order."""
    found = (r for v in values if isinstance(v, Unknown) for r in v.reasons)
    return tuple(dict.fromkeys(found))


def negate(value: Value) -> Value:
    """Not: an unknown stays unknown."""
    return value if isinstance(value, Unknown) else truth(not value.value)


def all_of(values: Sequence[Value]) -> Value:
    """True if every value is; false as soon as one is."""
    return at_least(len(values), values)


def any_of(values: Sequence[Value]) -> Value:
    """True as soon as one value is; false if every value is."""
    return at_least(1, values)


def none_of(values: Sequence[Value]) -> Value:
    """True if every value is false."""
    return negate(any_of(values))


def at_least(least: int, values: Sequence[Value]) -> Value:
    """True if `least` values are; false if too few can still be."""
    n_true = n_unknown = 0
    for value in values:
        if isinstance(value, Unknown):
            n_unknown += 1
        elif value.value:
            n_true += 1
    if n_true >= least:
        return TRUE
    if n_true + n_unknown < least:
        return FALSE
    return Unknown(merge_reasons(values))


@lru_cache(maxsize=4096)
def read_month(text: str) -> Interval:
    """`YYYY-MM` as the days it may stand for; ValueError if there is no such month."""
    low = dt.date.fromisoformat(f"{text}-01")
    following = (low.replace(day=28) + dt.timedelta(days=4)).replace(day=1)
    return Interval(low, following - dt.timedelta(days=1))


def bounds_of(value: object) -> tuple[object, object]:
    """The least and the greatest that a value may be."""
    return (value.low, value.high) if isinstance(value, Interval) else (value, value)


def read_value(raw: object, kind: str, *, unit: str = "", name: str = "") -> Value:
    """A recorded JSON value of an item as a value: days and months (`YYYY-MM`) from their text.

    None and the empty text are missing; what is not of its kind is undefined.
    """
    if raw is None or raw == "":
        return unknown("missing", name)
    if kind in ("date", "month"):
        return _read_day(str(raw), name=name)
    if not _is_of(raw, kind):
        return unknown("undefined", name)
    return Known(cast("bool | int | float | str", raw), unit)


def _is_of(raw: object, kind: str) -> bool:
    if kind == "boolean":
        return isinstance(raw, bool)
    if kind == "number":
        return isinstance(raw, int | float) and not isinstance(raw, bool)
    return isinstance(raw, str)


def _read_day(text: str, *, name: str) -> Value:
    try:
        return Known(read_month(text) if len(text) == 7 else dt.date.fromisoformat(text))
    except ValueError:
        return unknown("undefined", name)
