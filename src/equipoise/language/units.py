"""The closed table of units: how each is written, its UCUM code, and what it converts to.

Only units of one quantity convert. `%`, multiples of an upper limit of normal, and glomerular
filtration with and without indexing to body surface are quantities of their own, although their
dimensions agree: to convert one into the other is an error that no arithmetic would notice.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any

from msgspec import Struct


class Unit(Struct, frozen=True):
    """One unit; `pint` is its expression for the conversion, empty where nothing converts."""

    symbol: str
    ucum: str
    quantity: str
    pint: str = ""


def _units(quantity: str, *rows: tuple[str, str, str]) -> tuple[Unit, ...]:
    return tuple(Unit(symbol, ucum, quantity, pint) for symbol, ucum, pint in rows)


_MASS, _AMOUNT = "mass concentration", "amount concentration"

_TABLE = (
    *_units(
        _MASS,
        ("g/L", "g/L", "g/L"),
        ("g/dL", "g/dL", "g/dL"),
        ("mg/L", "mg/L", "mg/L"),
        ("mg/dL", "mg/dL", "mg/dL"),
        ("ug/L", "ug/L", "ug/L"),
        ("ng/mL", "ng/mL", "ng/mL"),
        ("ug/mL", "ug/mL", "ug/mL"),
    ),
    *_units(
        _AMOUNT,
        ("mol/L", "mol/L", "mol/L"),
        ("mmol/L", "mmol/L", "mmol/L"),
        ("umol/L", "umol/L", "umol/L"),
        ("nmol/L", "nmol/L", "nmol/L"),
    ),
    *_units(
        "number concentration",
        ("10^9/L", "10*9/L", "1e9/L"),
        ("10^6/mL", "10*6/mL", "1e6/mL"),
        ("10^3/uL", "10*3/uL", "1e3/uL"),
        ("10^6/L", "10*6/L", "1e6/L"),
        ("1/mm3", "/mm3", "1/mm**3"),
        ("cells/mL", "{cells}/mL", "1/mL"),
    ),
    *_units(
        "enzyme activity",
        ("U/L", "U/L", "1/L"),
        ("kU/L", "kU/L", "1000/L"),
        ("ukat/L", "ukat/L", "60/L"),
    ),
    *_units("pressure", ("mmHg", "mm[Hg]", "mmHg"), ("kPa", "kPa", "kPa"), ("hPa", "hPa", "hPa")),
    *_units("flow", ("mL/min", "mL/min", "mL/min"), ("L/min", "L/min", "L/min")),
    *_units("indexed flow", ("mL/min/1.73m2", "mL/min/{1.73_m2}", "mL/min")),
    *_units("percentage", ("%", "%", "")),
    *_units("multiple of the upper limit of normal", ("ULN", "{ULN}", "")),
    *_units("mass", ("kg", "kg", "kg"), ("g", "g", "g"), ("mg", "mg", "mg"), ("ug", "ug", "ug")),
    *_units("length", ("m", "m", "m"), ("cm", "cm", "cm"), ("mm", "mm", "mm")),
    *_units("area", ("m2", "m2", "m**2")),
    *_units("mass per area", ("kg/m2", "kg/m2", "kg/m**2")),
    *_units("volume", ("L", "L", "L"), ("dL", "dL", "dL"), ("mL", "mL", "mL"), ("uL", "uL", "uL")),
    *_units(
        "time",
        ("years", "a", "year"),
        ("months", "mo", "month"),
        ("weeks", "wk", "week"),
        ("days", "d", "day"),
        ("hours", "h", "hour"),
        ("minutes", "min", "minute"),
    ),
    *_units("speed", ("m/s", "m/s", "m/s"), ("cm/s", "cm/s", "cm/s")),
    *_units("rate", ("bpm", "/min", "1/minute"), ("/min", "/min", "1/minute")),
    *_units("temperature", ("°C", "Cel", "")),
    *_units(
        "diffusing capacity",
        ("mL/min/mmHg", "mL/min/mm[Hg]", "mL/min/mmHg"),
    ),
    *_units("molar diffusing capacity", ("mmol/min/kPa", "mmol/min/kPa", "mmol/min/kPa")),
    *_units("cells", ("cells", "{cells}", "")),
    *_units("cells per mass", ("cells/kg", "{cells}/kg", "")),
    *_units("vascular resistance", ("WU", "[wood'U]", "")),
    *_units("score", ("points", "{score}", "")),
)

_ALIASES = {
    "year": "years",
    "month": "months",
    "week": "weeks",
    "day": "days",
    "hour": "hours",
    "h": "hours",
    "minute": "minutes",
    "min": "minutes",
    "IU/L": "U/L",
    "UI/L": "U/L",
    "G/L": "10^9/L",
    "10^9/l": "10^9/L",
    "10^3/mm3": "10^3/uL",
    "beats/min": "bpm",
    "point": "points",
    "score": "points",
    "kg/m^2": "kg/m2",
    "m^2": "m2",
    "mL/min/1.73m^2": "mL/min/1.73m2",
    "mL/min/1.73 m2": "mL/min/1.73m2",
    "mL/min/1.73 m^2": "mL/min/1.73m2",
    "g/dl": "g/dL",
    "g/l": "g/L",
    "mg/l": "mg/L",
    "mg/dl": "mg/dL",
    "ml": "mL",
    "l": "L",
    "ml/min": "mL/min",
}

_UCUM = {unit.ucum: unit.symbol for unit in reversed(_TABLE)} | {
    "[iU]/L": "U/L",
    "[IU]/L": "U/L",
    "[IU]/mL": "kU/L",
    "[iU]/mL": "kU/L",
    "mL/min/1.73.m2": "mL/min/1.73m2",
    "mL/min/{1.73m2}": "mL/min/1.73m2",
    "mL/min/{1.73.m2}": "mL/min/1.73m2",
    "{beats}/min": "bpm",
    "/uL": "1/mm3",
    "10*3/mm3": "10^3/uL",
    "%{predicted}": "%",
    "{points}": "points",
}
"""Our symbol for each UCUM code, with other codes for the same."""

UNITS: Mapping[str, Unit] = {unit.symbol: unit for unit in _TABLE}
"""Every unit by the symbol that the language writes it with."""


@cache
def find_unit(text: str) -> str | None:
    """The symbol of a unit however it is written (`µ`, `²`, `IU/L`, UCUM `10*9/L`), or None."""
    plain = text.replace("µ", "u").replace("μ", "u").replace("²", "2").replace("³", "3")
    symbol = _ALIASES.get(plain, plain)
    return symbol if symbol in UNITS else find_ucum(text)


SPELLINGS: tuple[str, ...] = tuple(dict.fromkeys((*UNITS, *_ALIASES, *_UCUM)))
"""Every way to write a unit that `find_unit` knows, letters of other alphabets apart."""


@cache
def find_ucum(code: str) -> str | None:
    """The symbol of a UCUM code (ucum.org, case-sensitive form), or None.

    An annotation is read only where the table knows it: `mL/min/{1.73_m2}` is indexed filtration,
    and what any other pair of braces meant is not guessed.
    """
    return _UCUM.get(code)


def nearest_units(text: str) -> str:
    """The known units nearest to what was written."""
    return ", ".join(get_close_matches(text, UNITS, n=3, cutoff=0))


def find_factor(source: str, target: str, *, molar_mass: float = 0.0) -> float | None:
    """What a number in `source` is multiplied by to be in `target`, however both are written.

    Mass and amount concentrations convert by the analyte's `molar_mass` (g/mol); None if they do
    not convert.
    """
    return 1.0 if source == target else _find_factor(source, target, molar_mass)


@cache
def _find_factor(source: str, target: str, molar_mass: float) -> float | None:
    a, b = UNITS.get(find_unit(source) or ""), UNITS.get(find_unit(target) or "")
    if a is None or b is None:
        return None
    scale = _scale_between(a.quantity, b.quantity, molar_mass)
    if scale is None:
        return None
    if a == b:
        return 1.0
    ratio = (_registry()(a.pint) / _registry()(_over(b.pint, scale))).to_base_units()
    return round_off(float(ratio.magnitude))


def _scale_between(source: str, target: str, molar_mass: float) -> str | None:
    """What joins two quantities: nothing if they are one, a molar mass between mass and amount."""
    if source == target:
        return ""
    if molar_mass > 0 and (source, target) == (_MASS, _AMOUNT):
        return f"* {molar_mass!r} g/mol"
    if molar_mass > 0 and (source, target) == (_AMOUNT, _MASS):
        return f"/ ({molar_mass!r} g/mol)"
    return None


def _over(unit: str, scale: str) -> str:
    return f"({unit}) {scale}" if scale else unit


def convert(number: float, source: str, target: str, *, molar_mass: float = 0.0) -> float | None:
    """A number in another unit, None if the units do not convert; `molar_mass` is in g/mol."""
    factor = find_factor(source, target, molar_mass=molar_mass)
    if factor is None:
        return None
    try:
        return number if factor == 1 else round_off(number * factor)
    except OverflowError:  # a number without limit, which only a program can have made
        return None


def round_off(number: float) -> float:
    """To twelve significant digits: what is left is meant, what goes is binary noise.

    Without it 38.1 would be above 3 × 12.7.
    """
    return float(f"{number:.12g}")


@cache
def _registry() -> Any:
    # A tenth of a second that most commands need not pay.
    from pint import UnitRegistry  # noqa: PLC0415

    return UnitRegistry()
