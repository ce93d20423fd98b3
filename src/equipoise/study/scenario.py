"""`rehearsal.yaml`: the virtual people of a rehearsal, and what happens to them.

All of it is assumption; a study without this file is rehearsed from its forms alone.
"""

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta, field

from equipoise.problems import Text
from equipoise.study.protocol import Identifier, Piece, SiteCode

Chance = Annotated[float, Meta(ge=0, le=1)]
Rate = Annotated[float, Meta(ge=0)]


class Draw(Piece, frozen=True, kw_only=True):
    """How a value is drawn: `choice`, `chance`, `normal`, `lognormal`, `uniform` or `days_ago`.

    Exactly one of them: weights of choices, the chance of true, mean and standard deviation, median
    and standard deviation of the logarithm, bounds, bounds of the age in days of a date. `low` and
    `high` truncate; `person` is the share of the variance that belongs to the person and stays over
    visits; `monthly` is the mean change in 30 days; `effect` is the largest extra change after one
    infusion of a product.
    """

    choice: Mapping[str, Rate] = {}
    chance: Chance | None = None
    normal: tuple[float, float] | None = None
    lognormal: tuple[float, float] | None = None
    uniform: tuple[float, float] | None = None
    days_ago: tuple[float, float] | None = None
    low: float | None = None
    high: float | None = None
    person: Chance = 0.8
    monthly: float = 0.0
    effect: Mapping[Identifier, float] = {}


class EventDraw(Piece, frozen=True, kw_only=True):
    """A kind of adverse event: its monthly rate, and its chance after an infusion of a product."""

    term: Text
    per_month: Rate = 0.0
    after_infusion: Mapping[Identifier, Chance] = {}
    grades: Mapping[str, Rate] = field(default_factory=lambda: {"1": 1.0})
    values: Mapping[Identifier, bool | str] = {}


class Scenario(Piece, frozen=True, kw_only=True):
    """The assumed course of the trial; chances are per occasion, rates per site or person-month.

    `judgement_met` is the chance that a judgement goes in favor of taking part; `judgement_unmet`
    gives, for a criterion such as `I6` or `E7`, the chance that it goes against.
    """

    accrual_per_month: Mapping[SiteCode, Rate] = {}
    start: str = ""
    judgement_met: Chance = 0.97
    judgement_unmet: Mapping[str, Chance] = {}
    missed_encounter: Chance = 0.04
    missing_item: Chance = 0.01
    correction: Chance = 0.01
    withdrawal_per_month: Chance = 0.01
    items: Mapping[str, Draw] = {}
    maps: Mapping[Identifier, Draw] = {}
    events: tuple[EventDraw, ...] = ()
