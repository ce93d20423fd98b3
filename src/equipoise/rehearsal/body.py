"""The virtual body: what stays of a person over visits, what drifts, what an infusion changes."""

import datetime as dt
import math
from collections.abc import Mapping, Sequence

from equipoise.capture import Value
from equipoise.rehearsal.drawing import (
    DAYS_A_MONTH,
    Standing,
    default_draw,
    draw_standing,
    draw_value,
    to_item_value,
)
from equipoise.rehearsal.randomness import Randomness
from equipoise.study.forms import Form, Item
from equipoise.study.scenario import Draw, Scenario

RISE_DAYS = 91
"""An effect reaches its peak three months after the infusion: an assumption."""
LASTS_DAYS = 270
"""The time constant of what is lost of it afterwards; half of it stays: an assumption."""
PLAIN_WORDS = "Rehearsal"


class Body:
    """One virtual person. Asked twice about the same day, it answers the same."""

    def __init__(self, randomness: Randomness, *, scenario: Scenario, began_on: dt.date) -> None:
        self._randomness = randomness
        self._scenario = scenario
        self._began_on = began_on
        self._infused: list[tuple[dt.date, str]] = []
        self._own: dict[str, float] = {}

    def infuse(self, product: str, *, on: dt.date) -> None:
        """From now on this product acts, as the scenario assumes."""
        self._infused.append((on, product))

    def answer(self, form: Form, name: str, *, on: dt.date, occasion: str) -> Value:
        """The value of an item, as the form holds it; None for words that nobody needs."""
        item = form.items[name]
        key = f"{form.form}.{name}"
        draw = self._scenario.items.get(key) or default_draw(item, name=name)
        if draw is None:
            return PLAIN_WORDS if item.required else None
        value = draw_value(draw, self._stand(draw, key, on=on, occasion=occasion))
        return to_item_value(item, value, on=on)

    def map_answers(self, form: Form, *, on: dt.date, occasion: str) -> dict[str, int]:
        """The points of each area of a map whose total the scenario gives; else nothing.

        The two sides of an area are alike, but not the same.
        """
        draw = self._scenario.maps.get(form.form)
        mapped = {name: item for name, item in form.items.items() if item.area}
        areas = {name: limits_of(item) for name, item in mapped.items()}
        if draw is None or not areas:
            return {}
        total = draw_value(draw, self._stand(draw, f"{form.form}/total", on=on, occasion=occasion))
        weights = [
            math.exp(0.7 * self._deviate(f"{form.form}/{item.area}") + 0.2 * self._deviate(name))
            for name, item in mapped.items()
        ]
        return spread_total(round(float(total)), areas, weights=weights)

    def _stand(self, draw: Draw, key: str, *, on: dt.date, occasion: str) -> Standing:
        fresh = self._randomness.of("day", occasion, key).generator().standard_normal()
        own = self._deviate(key)
        return draw_standing(own, float(fresh), share=draw.person, shift=self._shift(draw, on))

    def _shift(self, draw: Draw, on: dt.date) -> float:
        months = max(0, (on - self._began_on).days) / DAYS_A_MONTH
        effects = (
            draw.effect.get(product, 0.0) * derive_effect((on - day).days)
            for day, product in self._infused
        )
        return draw.monthly * months + sum(effects)

    def _deviate(self, key: str) -> float:
        """The lasting standard normal deviate of this person in one respect."""
        if key not in self._own:
            generator = self._randomness.of("own", key).generator()
            self._own[key] = float(generator.standard_normal())
        return self._own[key]


def derive_effect(days: int) -> float:
    """The share of the largest effect that shows so many days after an infusion."""
    if days <= 0:
        return 0.0
    if days <= RISE_DAYS:
        return math.sin(math.pi / 2 * days / RISE_DAYS)
    return 0.5 + 0.5 * math.exp(-(days - RISE_DAYS) / LASTS_DAYS)


def limits_of(item: Item) -> tuple[int, int]:
    """The whole numbers that an item of a scale takes."""
    low, high = item.range or (0, 10)
    return math.ceil(low), math.floor(high)


def spread_total(
    total: int, limits: Mapping[str, tuple[int, int]], *, weights: Sequence[float]
) -> dict[str, int]:
    """Whole points for each area within its limits, with this sum where the limits allow it.

    An area gets more if its weight is greater. The same weights and a total that changes a little
    change few areas: the skin of a person keeps its pattern.
    """
    points = {area: low for area, (low, _) in limits.items()}
    preferred = dict(zip(limits, weights, strict=True))
    for _ in range(total - sum(points.values())):
        open_areas = [a for a in limits if points[a] < limits[a][1]]
        if not open_areas:
            break
        # The next point goes where the most is missing, as votes go to seats (Webster, 1832).
        neediest = max(
            open_areas, key=lambda a: preferred[a] / (2 * (points[a] - limits[a][0]) + 1)
        )
        points[neediest] += 1
    return points
