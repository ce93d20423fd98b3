"""The named values of a person at the reference date, each known or unknown for stated reasons."""

import datetime as dt
from collections.abc import Mapping, Sequence
from itertools import chain

import msgspec

from equipoise.eligibility.functions import functions_at
from equipoise.eligibility.plan import ValuePlan, plan_of
from equipoise.eligibility.types import REFERENCE
from equipoise.eligibility.verdict import Observation
from equipoise.language import (
    Expression,
    Interval,
    Known,
    Source,
    Unknown,
    Value,
    convert,
    evaluate,
    read_value,
    unknown,
)
from equipoise.study.criteria import ValueDefinition
from equipoise.study.study import Study

Observations = Mapping[str, Sequence[Observation]]


class Reading:
    """The values of one person, read when asked for and once each.

    `given` are values that someone states directly, such as a column of a table: they win over
    what would be read or computed.
    """

    def __init__(
        self,
        study: Study,
        observations: Observations,
        *,
        reference_on: dt.date,
        given: Mapping[str, Value] | None = None,
    ) -> None:
        self.study = study
        self.plan = plan_of(study)
        self.observations = observations
        self.reference_on = reference_on
        self.functions = functions_at(reference_on)
        self.is_given = bool(given)
        self._known: dict[str, Value] = dict(given) if given else {}
        self._under_way: set[str] = set()

    def lookup(self, name: str) -> Value | None:
        """The value of a name; None if the study has no such value."""
        known = self._known.get(name)
        if known is not None:
            return known
        if name == REFERENCE:
            return Known(self.reference_on)
        plan = self.plan.value(name)
        if plan is None:
            return None
        if plan.expression is None:
            value = self._observed(name, plan)
        elif name in self._under_way:
            return unknown("undefined", name)
        else:
            self._under_way.add(name)
            value = self._computed(name, plan, expression=plan.expression)
        self._known[name] = value = believe(name, value, plan.definition)
        return value

    def _computed(self, name: str, plan: ValuePlan, *, expression: Expression) -> Value:
        value = evaluate(expression, self.lookup, functions=self.functions)
        if isinstance(value, Unknown):
            reasons = [
                r if r.name else msgspec.structs.replace(r, name=name) for r in value.reasons
            ]
            return Unknown(tuple(dict.fromkeys(reasons)))
        inputs = [self.lookup(n) for n in plan.inputs]
        sources = [i.sources for i in inputs if isinstance(i, Known)]
        unique = sources[0] if len(sources) == 1 else tuple(dict.fromkeys(chain(*sources)))
        known = Known(value.value, value.unit, unique)
        return _in_unit(known, plan.unit or value.unit, name=name, molar_mass=plan.molar_mass)

    def _observed(self, name: str, plan: ValuePlan) -> Value:
        """What the latest day says, or the first; without a value, why there is none."""
        reference_on, within = self.reference_on, plan.definition.within_days
        found = self.observations.get(plan.definition.from_, ())
        if len(found) == 1:
            value = _take(found[0], plan, reference_on)
            if value is not None:
                return value
        past = [o for o in found if o.on <= reference_on and o.value is not None and o.value != ""]
        if not past:
            return unknown("missing", name)
        if within is not None:
            earliest = reference_on - dt.timedelta(days=within)
            past = [o for o in past if o.on >= earliest]
            if not past:
                return unknown("stale", name)
        if len(past) > 1:
            day = (min if plan.definition.pick == "first" else max)(o.on for o in past)
            past = [o for o in past if o.on == day]
        return self._agreed(name, plan, past)

    def _agreed(self, name: str, plan: ValuePlan, observations: Sequence[Observation]) -> Value:
        """What all observations of the day say; which of two is right, no rule may guess."""
        values = [
            _in_unit(
                read_value(o.value, plan.item.kind, unit=o.unit, name=name),
                plan.unit,
                name=name,
                molar_mass=plan.molar_mass,
            )
            for o in observations
        ]
        if len(values) > 1 and len(set(values)) > 1:
            return unknown("conflicting", name)
        value = values[0]
        if isinstance(value, Unknown):
            return value
        path = plan.definition.from_
        sources = tuple(Source(path, o.on, o.entry) for o in observations)
        return Known(value.value, value.unit, sources, plan.molar_mass)


def _take(observation: Observation, plan: ValuePlan, reference_on: dt.date) -> Known | None:
    """A single observation that needs no second look: in time, of its kind, in its unit."""
    raw, within = observation.value, plan.definition.within_days
    is_plain = type(raw) in plan.plain and observation.unit == plan.unit and raw != ""
    age = (reference_on - observation.on).days
    if not is_plain or age < 0 or (within is not None and age > within):
        return None
    source = Source(plan.definition.from_, observation.on, observation.entry)
    return Known(raw, observation.unit, (source,), plan.molar_mass)  # type: ignore[arg-type]


def believe(name: str, value: Value, definition: ValueDefinition) -> Value:
    """The value, unless it lies outside what its definition believes."""
    bounds = definition.plausible
    if bounds is None or isinstance(value, Unknown):
        return value
    least, most = bounds
    plain = value.value
    low, high = (plain.low, plain.high) if isinstance(plain, Interval) else (plain, plain)
    if isinstance(low, int | float) and isinstance(high, int | float):
        return unknown("implausible", name) if high < least or low > most else value
    return unknown("undefined", name)


def _in_unit(value: Value, unit: str, *, name: str, molar_mass: float) -> Value:
    """A number in the unit of its definition; a number without unit is never assumed to fit."""
    if isinstance(value, Unknown) or value.unit == unit:
        return value
    plain = value.value
    low, high = (plain.low, plain.high) if isinstance(plain, Interval) else (plain, plain)
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return value
    least = convert(low, value.unit, unit, molar_mass=molar_mass)
    most = convert(high, value.unit, unit, molar_mass=molar_mass)
    if least is None or most is None:
        return unknown("unit_unknown", name)
    number = least if least == most else Interval(least, most)
    return Known(number, unit, value.sources, molar_mass)
