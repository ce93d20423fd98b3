"""Fields: what a person typed for an item, what it means, and how it is shown again."""

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from equipoise.capture.entry import MAX_TEXT
from equipoise.conduct.parts import Value
from equipoise.problems import Problem, problem
from equipoise.study.forms import Item
from equipoise.web import saying
from equipoise.web.texts import language, t

_PARTS: Mapping[str, tuple[str, ...]] = {
    "date": ("day", "month", "year"),
    "month": ("month", "year"),
}
_CHOSEN = ("boolean", "choice", "scale")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?")
_GROUPED = re.compile(r"[+-]?[0-9]{1,3},[0-9]{3}")
_BLANKS = str.maketrans({" ": "", "\u00a0": "", "\u202f": "", "\u2212": "-"})


class Field(Struct, frozen=True):
    """An item on a page. `raw` is what was typed, by part; no value is None.

    `unit` is the one in which a number was entered, empty where the item offers no other.
    """

    name: str
    item: Item
    raw: Mapping[str, str] = {}
    value: Value = None
    unit: str = ""
    not_done: str = ""
    is_not_done: bool = False
    is_shown: bool = True
    problems: tuple[Problem, ...] = ()

    @property
    def id(self) -> str:
        """The id of the first control in the page: where a link to the field leads."""
        parts = _PARTS.get(self.item.type)
        return f"f-{self.name}.{parts[0]}" if parts else f"f-{self.name}"

    @property
    def parts(self) -> Sequence[str]:
        """The boxes of a date or month."""
        return _PARTS.get(self.item.type, ())

    @property
    def scale(self) -> range:
        """The steps of a scale."""
        low, high = self.item.range or (0, 0)
        return range(int(low), int(high) + 1)

    @property
    def sent(self) -> Mapping[str, str]:
        """What a page sends to have the field read like this."""
        parts = {_name(self.name, part): text for part, text in self.raw.items() if text}
        more = {"unit": self.unit, "reason": self.not_done}
        more |= {"not_done": "yes" if self.is_not_done else ""}
        return parts | {f"{self.name}.{part}": text for part, text in more.items() if text}

    @property
    def is_empty(self) -> bool:
        """Whether nothing was typed, well or badly."""
        return not any(self.raw.values())


def read_field(name: str, item: Item, data: Mapping[str, str]) -> Field:
    """What a page sent for an item; what cannot be read is a problem and keeps its text."""
    raw = {p: _clean(data.get(_name(name, p), "")) for p in _PARTS.get(item.type, ("",))}
    is_not_done = f"{name}.not_done" in data
    reason = _clean(data.get(f"{name}.reason", ""))
    unit = _clean(data.get(f"{name}.unit", ""))[:40] if item.units else ""
    field = Field(name, item, raw, unit=unit, not_done=reason, is_not_done=is_not_done)
    if is_not_done:
        return _check_not_done(field)
    if field.is_empty:
        return field
    try:
        return replace(field, value=_parse(field))
    except _UnreadableError as error:
        return replace(field, problems=(problem(error.args[0], name, label=item.label),))


def fill_field(name: str, item: Item, value: Value, *, not_done: str = "", unit: str = "") -> Field:
    """A field that shows a value that is known, in the unit in which it is given."""
    raw = {"": "" if value is None else str(value)}
    if item.type in _PARTS:
        numbers = str(value or "").split("-")
        boxes = [n.lstrip("0") for n in numbers[: len(_PARTS[item.type])]][::-1]
        raw = dict(zip(_PARTS[item.type], boxes, strict=False)) if value else {}
    elif isinstance(value, bool):
        raw = {"": "yes" if value else "no"}
    elif isinstance(value, float):
        raw = {"": _typed(value, item.decimals)}
    filled = Field(name, item, raw, value=value, unit=unit)
    return replace(filled, not_done=not_done, is_not_done=bool(not_done))


def check_given(fields: Sequence[Field]) -> tuple[Field, ...]:
    """The fields of a page of the interface: what is required is there, a number within range."""
    return tuple(replace(f, problems=f.problems or tuple(_check_one(f))) for f in fields)


def problems_of(fields: Sequence[Field]) -> tuple[Problem, ...]:
    """Every problem of every field, in their order."""
    return tuple(p for f in fields for p in f.problems)


class _UnreadableError(Exception):
    """The code of the problem with what was typed."""


def _name(name: str, part: str) -> str:
    return f"{name}.{part}" if part else name


def _clean(text: str) -> str:
    return text.replace("\x00", "").strip()


def _check_one(field: Field) -> Iterator[Problem]:
    label, text = field.item.label, field.raw.get("", "")
    if field.item.required and field.is_empty:
        yield problem("EQ-W001", field.name, label=label)
    if len(text) > MAX_TEXT:
        expected = t("field.longest", n=MAX_TEXT)
        yield problem("EQ-F002", field.name, item=label, expected=expected, found=text[:40])
    yield from _check_range(field)


def _check_range(field: Field) -> Iterator[Problem]:
    """A number in the item's own unit; another unit is judged where it is kept."""
    item, value = field.item, field.value
    if item.range is None or field.unit or isinstance(value, bool | str | None):
        return
    low, high = item.range
    if not low <= value <= high:
        yield problem(
            "EQ-F003",
            field.name,
            item=item.label,
            found=f"{value:g}",
            low=f"{low:g}",
            high=f"{high:g}",
            unit=item.unit,
        )


def _check_not_done(field: Field) -> Field:
    found = []
    # A radio button cannot be cleared again: there, "not done" is the last word.
    if not field.is_empty and field.item.type not in _CHOSEN:
        found.append(problem("EQ-W006", field.name, label=field.item.label))
    if len(field.not_done) < 3:
        found.append(problem("EQ-W007", field.name, label=field.item.label))
    return replace(
        field, raw={} if field.item.type in _CHOSEN else field.raw, problems=tuple(found)
    )


def _parse(field: Field) -> Value:
    item, text = field.item, field.raw.get("", "")
    match item.type:
        case "number":
            return _number(text)
        case "integer" | "scale":
            return _integer(text)
        case "boolean":
            return _one_of(text, ("yes", "no")) == "yes"
        case "choice":
            return _one_of(text, tuple(item.choices))
        case "date":
            return _date(field.raw).isoformat()
        case "month":
            return _date({"day": "1", **field.raw}).isoformat()[:7]
        case "text":
            return text


def _number(text: str) -> float:
    digits = text.translate(_BLANKS)
    if not _NUMBER.fullmatch(digits):
        raise _UnreadableError("EQ-W002")
    if language() == "en" and _GROUPED.fullmatch(digits):
        raise _UnreadableError("EQ-W003")  # 12,500: a decimal comma, or thousands?
    return float(digits.replace(",", "."))


def _integer(text: str) -> int:
    digits = text.translate(_BLANKS)
    if not re.fullmatch(r"[+-]?[0-9]{1,15}", digits):
        raise _UnreadableError("EQ-W004")
    return int(digits)


def _one_of(text: str, choices: Sequence[str]) -> str:
    if text not in choices:
        raise _UnreadableError("EQ-W008")
    return text


def _date(raw: Mapping[str, str]) -> dt.date:
    try:
        day, month, year = (raw.get(p, "") for p in ("day", "month", "year"))
        if not all(re.fullmatch(r"[0-9]{1,4}", p) for p in (day, month, year)) or len(year) != 4:
            raise ValueError
        return dt.date(int(year), int(month), int(day))
    except ValueError:
        raise _UnreadableError("EQ-W005") from None


def _typed(value: float, decimals: int | None) -> str:
    """A number as its own field takes it back: no groups, and no digit dropped."""
    text = saying.plain(value)
    whole, _, fraction = text.partition(".")
    if decimals and len(fraction) < decimals:
        text = f"{whole}.{fraction.ljust(decimals, '0')}"
    return text.replace(".", ",") if language() == "fr" else text
