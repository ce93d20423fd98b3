"""What a form accepts: types, ranges, choices, required items, items not done."""

import datetime as dt
import math
import re
from collections.abc import Iterator, Mapping

from equipoise.capture.rules import Others, Value, is_asked
from equipoise.problems import Problem, Text, Where, problem
from equipoise.study.forms import Form, Item

MAX_TEXT = 4000
REASON_LENGTH = 3


def check_entry(
    form: Form,
    *,
    values: Mapping[str, Value],
    not_done: Mapping[str, str],
    others: Others,
    where: Where,
) -> tuple[Problem, ...]:
    """Everything that keeps a form from being accepted, item by item.

    `others` is what else is known of the participant, for rules that look across.
    """
    problems = []
    for name in (*values, *not_done):
        if name not in form.items:
            problems.append(problem("EQ-F005", _at(where, name), item=name, form=form.title))
    for name, item in form.items.items():
        asked = is_asked(form, name, values=values, others=others)
        problems += _check_item(
            item,
            values.get(name),
            asked=asked,
            reason=not_done.get(name),
            where=_at(where, name),
        )
    return tuple(problems)


def _check_item(
    item: Item, value: Value, *, asked: bool | None, reason: str | None, where: Where
) -> Iterator[Problem]:
    if reason is not None:
        yield from _check_not_done(item, value, reason=reason, where=where)
    elif value is None or value == "":
        if item.required and asked is True:
            yield problem("EQ-F001", where, item=item.label)
    elif asked is False:
        yield problem("EQ-F006", where, item=item.label)
    else:
        yield from _check_value(item, value, where=where)


def _check_not_done(item: Item, value: Value, *, reason: str, where: Where) -> Iterator[Problem]:
    if not item.may_be_not_done:
        yield problem("EQ-F007", where, item=item.label)
    if len(reason.strip()) < REASON_LENGTH:
        yield problem("EQ-F008", where, item=item.label)
    if value is not None and value != "":
        yield problem("EQ-F009", where, item=item.label)


def _check_value(item: Item, value: Value, *, where: Where) -> Iterator[Problem]:
    expected = _EXPECTED[item.type]
    if not _FITS[item.type](value):
        yield problem("EQ-F002", where, item=item.label, expected=expected, found=str(value)[:40])
    elif item.type == "choice" and value not in item.choices:
        choices = ", ".join(item.choices)
        yield problem("EQ-F004", where, item=item.label, found=value, choices=choices)
    elif item.range is not None and isinstance(value, int | float):
        low, high = item.range
        if not low <= value <= high:
            yield problem(
                "EQ-F003",
                where,
                item=item.label,
                found=f"{value:g}",
                low=f"{low:g}",
                high=f"{high:g}",
                unit=item.unit,
            )


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_integer(value: Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_date(value: Value) -> bool:
    try:
        return isinstance(value, str) and bool(dt.date.fromisoformat(value)) and len(value) == 10
    except ValueError:
        return False


def _is_month(value: Value) -> bool:
    return isinstance(value, str) and re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", value) is not None


def _is_text(value: Value) -> bool:
    return isinstance(value, str) and len(value) <= MAX_TEXT and "\0" not in value


_FITS = {
    "number": _is_number,
    "integer": _is_integer,
    "scale": _is_integer,
    "boolean": lambda value: isinstance(value, bool),
    "choice": lambda value: isinstance(value, str),
    "date": _is_date,
    "month": _is_month,
    "text": _is_text,
}

_EXPECTED = {
    "number": Text("a number", "un nombre"),
    "integer": Text("a whole number", "un nombre entier"),
    "scale": Text("a whole number", "un nombre entier"),
    "boolean": Text("yes or no", "oui ou non"),
    "choice": Text("one of the choices", "l'un des choix"),
    "date": Text("a date", "une date"),
    "month": Text("a month and a year", "un mois et une année"),
    "text": Text(f"at most {MAX_TEXT} characters", f"au plus {MAX_TEXT} caractères"),
}


def _at(where: Where, item: str) -> Where:
    return Where(record=f"{where.record}.{item}")
