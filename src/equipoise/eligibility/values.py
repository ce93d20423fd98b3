"""The named values of a person at the reference date, each known or unknown for stated reasons."""

import datetime as dt
from collections.abc import Mapping, Sequence

import msgspec

from equipoise.eligibility.functions import functions_at
from equipoise.eligibility.types import REFERENCE, find_definition, find_item
from equipoise.eligibility.verdict import Observation
from equipoise.language import (
    Interval,
    Known,
    Source,
    Unknown,
    Value,
    ValueType,
    evaluate,
    names_in,
    parse,
    read_value,
    to_unit,
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
        self.observations = observations
        self.reference_on = reference_on
        self.functions = functions_at(reference_on)
        self._known: dict[str, Value] = dict(given or {})
        self._under_way: set[str] = set()

    def lookup(self, name: str) -> Value | None:
        """The value of a name; None if the study has no such value."""
        if name in self._known:
            return self._known[name]
        if name == REFERENCE:
            return Known(self.reference_on)
        definition = find_definition(self.study, name)
        if definition is None:
            return None
        if name in self._under_way:
            return unknown("undefined", name)
        self._under_way.add(name)
        self._known[name] = value = self._read(name, definition)
        return value

    def _read(self, name: str, definition: ValueDefinition) -> Value:
        value = (
            self._computed(name, definition)
            if definition.value
            else self._observed(name, definition)
        )
        return believe(name, value, definition)

    def _computed(self, name: str, definition: ValueDefinition) -> Value:
        expression = parse(definition.value)
        value = evaluate(expression, self.lookup, functions=self.functions)
        if isinstance(value, Unknown):
            reasons = [
                r if r.name else msgspec.structs.replace(r, name=name) for r in value.reasons
            ]
            return Unknown(tuple(dict.fromkeys(reasons)))
        inputs = [self.lookup(n) for n in sorted(names_in(expression))]
        sources = [s for i in inputs if isinstance(i, Known) for s in i.sources]
        return to_unit(
            msgspec.structs.replace(value, sources=tuple(dict.fromkeys(sources))),
            definition.unit or value.unit,
            name=name,
        )

    def _observed(self, name: str, definition: ValueDefinition) -> Value:
        found = [o for o in self.observations.get(definition.from_, ()) if _counts(o)]
        past = [o for o in found if o.on <= self.reference_on]
        if not past:
            return unknown("missing", name)
        if definition.within_days is not None:
            earliest = self.reference_on - dt.timedelta(days=definition.within_days)
            past = [o for o in past if o.on >= earliest]
        if not past:
            return unknown("stale", name)
        pick = min if definition.pick == "first" else max
        day = pick(o.on for o in past)
        return self._agreed(name, definition, [o for o in past if o.on == day])

    def _agreed(
        self, name: str, definition: ValueDefinition, observations: Sequence[Observation]
    ) -> Value:
        """What all observations of the day say; which of two is right, no rule may guess."""
        item = find_item(self.study, definition.from_) or ValueType("any")
        unit = definition.unit or item.unit
        values = [
            to_unit(read_value(o.value, item.kind, unit=o.unit, name=name), unit, name=name)
            for o in observations
        ]
        if len(set(values)) > 1:
            return unknown("conflicting", name)
        if isinstance(values[0], Unknown):
            return values[0]
        sources = tuple(Source(definition.from_, o.on, o.entry) for o in observations)
        return msgspec.structs.replace(values[0], sources=sources)


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


def _counts(observation: Observation) -> bool:
    return observation.value is not None and observation.value != ""
