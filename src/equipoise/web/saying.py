"""Days, instants, numbers and problems as a reader of each language writes them."""

import datetime as dt
import re
from collections.abc import Iterable, Mapping

from django.utils import timezone
from msgspec.structs import replace

from equipoise.analysis.values import label_of
from equipoise.language import Reason
from equipoise.language.words import REASONS
from equipoise.problems import Problem, Text
from equipoise.study.forms import Item, ItemValue
from equipoise.study.study import Study
from equipoise.web.texts import language, say, t

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_MONTHS_FR = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"
THIN = "\u202f"
"""The narrow no-break space between groups of three digits."""
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def day(on: dt.date | str | None) -> str:
    """A day: 27/03/2026 in French, 27 Mar 2026 in English."""
    if not on:
        return "–"
    if isinstance(on, str):
        on = dt.date.fromisoformat(on)
    if language() == "fr":
        return f"{on:%d/%m/%Y}"
    return f"{on.day} {_MONTHS[on.month - 1]} {on.year}"


def month(of: str) -> str:
    """A month from `2026-03`: mars 2026, Mar 2026."""
    year, number = of.split("-")[:2]
    names = _MONTHS_FR.split() if language() == "fr" else _MONTHS
    return f"{names[int(number) - 1]} {year}"


def instant(at: dt.datetime | None) -> str:
    """A day and a time of the server's time zone."""
    if at is None:
        return "–"
    here = timezone.localtime(at)
    return f"{day(here.date())} {here:%H:%M}"


def number(value: float | None, decimals: int | None = None) -> str:
    """A number with the decimal sign of the language; big whole numbers in groups of three."""
    if value is None:
        return "–"
    if decimals is None:
        text = f"{value:,}" if isinstance(value, int) else f"{value:,.10g}"
    else:
        text = f"{value:,.{decimals}f}"
    text = text.replace(",", THIN)
    return text.replace(".", ",") if language() == "fr" else text


def plain(value: float) -> str:
    """A number with a point, no groups and no needless zero: 70, 70.5."""
    return str(int(value)) if value == int(value) else repr(value)


def power(value: float) -> str:
    """A large count as 1.4 × 10⁸."""
    mantissa, exponent = f"{value:.6e}".split("e")
    digits = number(float(mantissa))
    return f"{digits}\u00a0×\u00a010{str(int(exponent)).translate(_SUPERSCRIPT)}"


def unit(of: str) -> str:
    """A unit as print has it: 10⁹/L, kg/m², µmol/L, °C."""
    raised = re.sub(r"\^(-?[0-9]+)", lambda found: found[1].translate(_SUPERSCRIPT), of)
    return re.sub(r"^u(?=[a-zA-Z])", "µ", raised.replace("degC", "°C"))


def value_of(item: Item, value: object, of: str = "") -> str:
    """The value of an item as a reader sees it, with its unit, or another one that it is in."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return t("common.yes") if value else t("common.no")
    match item.type:
        case "choice":
            return say(item.choices.get(str(value))) or str(value)
        case "date":
            return day(str(value))
        case "month":
            return month(str(value))
        case "text":
            return str(value)
    decimals = None if of else item.decimals  # what was entered has the digits that it had
    shown = number(value, decimals) if isinstance(value, int | float) else str(value)
    return f"{shown}\u00a0{unit(of or item.unit)}" if of or item.unit else shown


def message(problem: Problem) -> str:
    """What is wrong, in the reader's language and manner of writing."""
    return _spoken(problem).say(language())


def hint(problem: Problem) -> str:
    """What to do about it."""
    return _spoken(problem).advise(language())


def _spoken(problem: Problem) -> Problem:
    values: Mapping[str, object] = {k: _speak(v) for k, v in problem.values.items()}
    return replace(problem, values=values)


def _speak(value: object) -> object:
    if isinstance(value, ItemValue):
        return value_of(value.item, value.value)
    if isinstance(value, Text):
        return say(value)
    if isinstance(value, dt.datetime):
        return instant(value)
    if isinstance(value, dt.date):
        return day(value)
    if isinstance(value, float):
        return number(value)
    return value


def because(study: Study, reasons: Iterable[Reason]) -> str:
    """Why something is not known: `Sex at birth: missing`."""
    known = {reason.name: REASONS[reason.kind].say(language()) for reason in reasons}
    return ", ".join(f"{_label(study, name)}: {kind}" for name, kind in known.items())


def _label(study: Study, name: str) -> str:
    form, _, item = name.partition(".")
    return say(label_of(study, name)) if item and form in study.forms else name
