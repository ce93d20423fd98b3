"""Numbers, units and days as a reader of each language writes them."""

import datetime as dt
import re
from collections.abc import Mapping

from equipoise.language.values import Interval
from equipoise.problems import Language, Text

THIN, FIXED = "\u202f", "\u00a0"
"""The narrow no-break space between groups of three digits; the one before a unit."""

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_MONTHS_FR = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_ONE_AND_MORE: Mapping[str, tuple[Text, Text]] = {
    "years": (Text("year", "an"), Text("years", "ans")),
    "months": (Text("month", "mois"), Text("months", "mois")),
    "weeks": (Text("week", "semaine"), Text("weeks", "semaines")),
    "days": (Text("day", "jour"), Text("days", "jours")),
    "hours": (Text("hour", "heure"), Text("hours", "heures")),
    "minutes": (Text("minute", "minute"), Text("minutes", "minutes")),
    "points": (Text("point", "point"), Text("points", "points")),
    "cells": (Text("cell", "cellule"), Text("cells", "cellules")),
}
_OTHERWISE: Mapping[str, Text] = {
    "cells/kg": Text("cells/kg", "cellules/kg"),
    "cells/mL": Text("cells/mL", "cellules/mL"),
    "ULN": Text("× ULN", "× LSN"),
    "U/L": Text("U/L", "UI/L"),
}


def say_number(value: float, language: Language, *, decimals: int | None = None) -> str:
    """A number with the decimal sign of the language; big ones in groups of three."""
    if decimals is not None:
        text = f"{value:,.{decimals}f}"
    else:
        text = f"{value:,}" if isinstance(value, int) else f"{value:,.10g}"
    text = text.replace(",", THIN)
    return text.replace(".", ",") if language == "fr" else text


def say_unit(unit: str) -> str:
    """A unit as print has it: 10⁹/L, kg/m², µmol/L, °C."""
    raised = re.sub(r"\^(-?[0-9]+)", lambda found: found[1].translate(_RAISED), unit)
    raised = re.sub(r"(?<=m)([23])(?![0-9])", lambda found: found[1].translate(_RAISED), raised)
    return re.sub(r"^u(?=[a-zA-Z])", "µ", raised.replace("degC", "°C"))


def say_quantity(value: float, unit: str, language: Language) -> str:
    """A number and its unit: 2 years or 2 ans, 11 g/dL, 0,5 × 10⁹/L."""
    if isinstance(value, float) and len(repr(value)) > 12:
        # Calculated: more digits than anybody means.
        value = float(f"{value:.6g}" if abs(value) >= 100 else f"{value:.4g}")
    number = say_number(value, language)
    if not unit:
        return number
    return f"{number}{FIXED}{_unit_word(value, unit, language)}"


def _unit_word(value: float, unit: str, language: Language) -> str:
    if unit in _ONE_AND_MORE:
        is_one = abs(value) < 2 if language == "fr" else abs(value) == 1
        return _ONE_AND_MORE[unit][0 if is_one else 1].say(language)
    if unit in _OTHERWISE:
        return _OTHERWISE[unit].say(language).replace(" ", FIXED)
    return f"×{FIXED}{say_unit(unit)}" if unit.startswith("10^") else say_unit(unit)


def say_day(on: dt.date, language: Language) -> str:
    """A day: 27/03/2026 in French, 27 Mar 2026 in English."""
    if language == "fr":
        return f"{on:%d/%m/%Y}"
    return f"{on.day} {_MONTHS[on.month - 1]} {on.year}"


def say_month(of: dt.date, language: Language) -> str:
    """The month of a day: mars 2026, Mar 2026."""
    names = _MONTHS_FR.split() if language == "fr" else _MONTHS
    return f"{names[of.month - 1]} {of.year}"


def say_plain(value: object, unit: str, language: Language) -> str:
    """Any value of the language or as explanations store it: bounds with a dash, days of ISO."""
    match value:
        case bool():
            return Text("yes", "oui").say(language) if value else Text("no", "non").say(language)
        case int() | float():
            return say_quantity(value, unit, language)
        case dt.date():
            return say_day(value, language)
        case Interval(low=low, high=high) | (low, high):
            first = say_plain(low, "", language)
            return f"{first} – {say_plain(high, unit, language)}"
    text = str(value)
    try:
        return say_day(dt.datetime.strptime(text, "%Y-%m-%d").date(), language)  # noqa: DTZ007
    except ValueError:
        return text
