"""The functions of eligibility rules: the standard ones, the calculators, time to a date."""

import datetime as dt
from collections.abc import Callable
from functools import lru_cache

from equipoise.clinical import CALCULATORS, completed_years
from equipoise.language import (
    STANDARD_FUNCTIONS,
    Function,
    Functions,
    ValueType,
    as_functions,
    years_between,
)

_FIXED: Functions = {**STANDARD_FUNCTIONS, **as_functions(CALCULATORS)}


@lru_cache(maxsize=1024)
def functions_at(reference_on: dt.date) -> Functions:
    """Every function; `age(x)` counts completed years, `years_since(x)` also fractions,
    `days_since(x)` days, each from a day or a month to the reference date."""
    return {
        **_FIXED,
        "age": _since(lambda born: completed_years(born, reference_on), unit="years"),
        "years_since": _since(lambda day: years_between(day, reference_on), unit="years"),
        "days_since": _since(lambda day: (reference_on - day).days, unit="days"),
    }


def _since(call: Callable[[dt.date], float], *, unit: str) -> Function:
    return Function(call, (ValueType("date"),), ValueType("number", unit), is_monotone=True)
