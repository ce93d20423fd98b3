"""From a `Draw` of the scenario to a value that a form accepts.

A person stands at a `quantile` of everybody's values, between 0 and 1. Reading every kind of draw
through a quantile lets one person keep a high or low standing over visits, whatever is drawn.
"""

import datetime as dt
import math
from collections.abc import Mapping
from statistics import NormalDist

from msgspec import Struct

from equipoise.capture import Value
from equipoise.study.forms import Item
from equipoise.study.scenario import Draw

_NORMAL = NormalDist()
_EDGE = 1e-9
DAYS_A_MONTH = 30.0
"""The month of a scenario's `monthly`."""

Drawn = bool | float | str
"""What a draw gives, before an item makes it a value of its own."""


class Standing(Struct, frozen=True):
    """Where a value lies among everybody's, and by how much it has moved since the beginning."""

    quantile: float
    shift: float = 0.0


def draw_standing(own: float, fresh: float, *, share: float, shift: float = 0.0) -> Standing:
    """Mix a person's lasting standard normal deviate with the day's; `share` is of variance."""
    mixed = math.sqrt(share) * own + math.sqrt(1.0 - share) * fresh
    return Standing(_NORMAL.cdf(mixed), shift)


def draw_value(draw: Draw, standing: Standing) -> Drawn:
    """What a draw gives to somebody with this standing; days of age for `days_ago`."""
    if draw.choice:
        return pick(draw.choice, standing.quantile)
    if draw.chance is not None:
        return standing.quantile >= 1.0 - min(1.0, max(0.0, draw.chance + standing.shift))
    return _bounded(_quantity(draw, standing.quantile) + standing.shift, draw)


def pick(weights: Mapping[str, float], quantile: float) -> str:
    """The choice at a quantile of the weights, in the order given; all zero counts as equal."""
    total = sum(weights.values())
    shares = weights if total > 0 else dict.fromkeys(weights, 1.0)
    left = quantile * sum(shares.values())
    for choice, weight in shares.items():
        left -= weight
        if left < 0:
            return choice
    return [c for c, weight in shares.items() if weight > 0][-1]


def to_item_value(item: Item, drawn: Drawn, *, on: dt.date) -> Value:
    """The drawn value as the item holds it: in range, rounded, a date seen from day `on`."""
    match item.type:
        case "boolean":
            return drawn if isinstance(drawn, bool) else str(drawn).lower() in ("true", "1", "1.0")
        case "date":
            return day_before(on, drawn).isoformat()
        case "month":
            return day_before(on, drawn).strftime("%Y-%m")
        case "number" | "integer" | "scale":
            return _to_number(item, float(drawn))
    return str(drawn)


def day_before(on: dt.date, days: Drawn) -> dt.date:
    """The day that lies so many days back, never one ahead."""
    return on - dt.timedelta(days=max(0, round(float(days))))


def default_draw(item: Item, *, name: str) -> Draw | None:
    """What to assume of an item that no scenario speaks of; None leaves it to be plain words."""
    match item.type:
        case "boolean":
            return Draw(chance=0.5)
        case "choice":
            return Draw(choice=dict.fromkeys(item.choices, 1.0), person=0.9)
        case "date":
            return Draw(days_ago=(0, 0))
        case "month":
            years = (20, 65) if "birth" in name else (1, 8)
            return Draw(days_ago=(years[0] * 365, years[1] * 365), person=1.0)
        case "text":
            return None
        case "scale":
            low, high = item.range or (0, 10)
            return Draw(uniform=(low - 0.499, high + 0.499))
    low, high = item.usual or item.range or (0, 100)
    return Draw(normal=((low + high) / 2, (high - low) / 6), low=low, high=high)


def _quantity(draw: Draw, quantile: float) -> float:
    if draw.normal is not None:
        return _truncated(draw, quantile, moments=draw.normal)
    if draw.lognormal is not None:
        return _truncated(draw, quantile, moments=draw.lognormal, is_log=True)
    low, high = draw.uniform or draw.days_ago or (0.0, 0.0)
    return low + (high - low) * quantile


def _truncated(
    draw: Draw, quantile: float, *, moments: tuple[float, float], is_log: bool = False
) -> float:
    """The quantile of a normal, or of a lognormal by its median, cut off at `low` and `high`."""
    center, spread = (math.log(moments[0]), moments[1]) if is_log else moments
    if spread <= 0:
        return moments[0]
    normal = NormalDist(center, spread)
    below = normal.cdf(_scaled(draw.low, is_log)) if draw.low is not None else 0.0
    above = normal.cdf(_scaled(draw.high, is_log)) if draw.high is not None else 1.0
    within = below + (above - below) * quantile
    found = normal.inv_cdf(min(1.0 - _EDGE, max(_EDGE, within)))
    return math.exp(found) if is_log else found


def _scaled(bound: float, is_log: bool) -> float:
    if not is_log:
        return bound
    return math.log(bound) if bound > 0 else -math.inf


def _bounded(value: float, draw: Draw) -> float:
    low = -math.inf if draw.low is None else draw.low
    high = math.inf if draw.high is None else draw.high
    return min(high, max(low, value))


def _to_number(item: Item, value: float) -> int | float:
    low, high = item.range or (-math.inf, math.inf)
    if item.type != "number" or item.decimals == 0:
        return round(min(high, max(low, value)))
    digits = 1 if item.decimals is None else item.decimals
    return min(high, max(low, round(value, digits)))
