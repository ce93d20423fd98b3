"""The Single European Code of tissues and cells: 40 characters, parsed and checked.

Directive 2006/86/EC, Annex VII, as set by (EU) 2015/565: country (2 letters), tissue establishment
(6), unique donation number (13), product coding system (1 letter), product number (7), split
number (3), expiry (YYYYMMDD). It carries no check digit: what can be checked is its form, its
country, its day.
"""

import datetime as dt
import re

from msgspec import Struct

from equipoise.problems import Problem, Where, problem

LENGTH = 40
SYSTEMS = "ABE"
"""Product coding systems: ISBT 128 (A), Eurocode (B), EUTC (E)."""
NO_EXPIRY = "00000000"
COUNTRIES = frozenset(
    {"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR", "HR", "HU"}
    | {"IE", "IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI"}
    | {"SK", "XI"}
)
"""ISO codes of the EU and EEA; GB and XI for what was coded there before or under the Protocol."""

_FORM = re.compile(
    r"(?P<country>[A-Z]{2})(?P<establishment>[A-Z0-9]{6})(?P<donation>[A-Z0-9]{13})"
    r"(?P<system>[A-Z])(?P<product>[A-Z0-9]{7})(?P<split>[A-Z0-9]{3})(?P<expiry>\d{8})"
)


class EuropeanCode(Struct, frozen=True):
    """The parts of a code; `expires_on` is None where the donation has no day of expiry."""

    country: str
    establishment: str
    donation: str
    system: str
    product: str
    split: str
    expires_on: dt.date | None

    @property
    def donation_sequence(self) -> str:
        """The 21 characters that name the donation, for ever and everywhere."""
        return f"{self.country}{self.establishment}{self.donation}"


def read_european_code(
    text: str, *, where: Where
) -> tuple[EuropeanCode | None, tuple[Problem, ...]]:
    """The parts of a code as scanned or typed, spaces and case aside; or what is wrong with it."""
    code = "".join(text.split()).removeprefix("SEC:").upper()
    if len(code) != LENGTH:
        return None, (problem("EQ-B014", where, n=len(code)),)
    found = _FORM.fullmatch(code)
    if found is None or found["system"] not in SYSTEMS or found["country"] not in COUNTRIES:
        return None, (problem("EQ-B015", where, code=code),)
    expires_on = _day(found["expiry"])
    if expires_on is None and found["expiry"] != NO_EXPIRY:
        return None, (problem("EQ-B016", where, expiry=found["expiry"]),)
    parts = {k: v for k, v in found.groupdict().items() if k != "expiry"}
    return EuropeanCode(**parts, expires_on=expires_on), ()


def _day(text: str) -> dt.date | None:
    try:
        return dt.datetime.strptime(text, "%Y%m%d").replace(tzinfo=dt.UTC).date()
    except ValueError:
        return None
