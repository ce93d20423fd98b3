"""The other readings of open decisions: the study under each, and what cannot be executed."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from equipoise.problems import Problem, Refused, Text, Where, problem
from equipoise.study.criteria import Eligibility, read_otherwise
from equipoise.study.protocol import Assumption, Decision
from equipoise.study.study import Study

Readings = Mapping[str, Mapping[str, object]]
"""For a decision, the value of each option in the place where the study assumes another."""

FILE = "eligibility.yaml"
_JOINS = frozenset({"any", "all"})


class Uncounted(Struct, frozen=True):
    """An open decision of which options cannot be executed: those that were, and why the others
    cannot; None where the folder does not say."""

    decision: str
    counted: tuple[str, ...] = ()
    because: Text | None = None


def other_readings(
    study: Study, readings: Readings | None = None
) -> Iterator[tuple[str, str, Study]]:
    """Each option of an open decision that is known and not assumed, and the study under it.

    An option is known if `readings` gives its value; if the folder says what it would `use`; if it
    is a number where a number is assumed (`14` for 28 days); or if it is `any` or `all` where the
    assumption is a list under the other.

    Raises:
        Refused: for an option that is no eligibility.
    """
    readings = readings or {}
    for decision in study.decisions:
        if decision.status != "open":
            continue
        given = readings.get(decision.id, {})
        for option in dict.fromkeys((*decision.options, *given)):
            other = _read(study, decision, option, given)
            if other is not None:
                yield decision.id, option, other


def hanging(study: Study) -> tuple[Decision, ...]:
    """The open decisions on which eligibility rests: a criterion names them, or a place of
    eligibility.yaml assumes one of their options."""
    named = {d for _, c in study.criteria for d in c.decisions} | assumed(study)
    return tuple(d for d in study.decisions if d.status == "open" and d.id in named)


def assumed(study: Study) -> frozenset[str]:
    """The decisions that eligibility.yaml assumes an option of."""
    return frozenset(a.decision for a in study.assumptions if _is_of_eligibility(a))


def find_uncounted(study: Study, counted: Collection[tuple[str, str]]) -> tuple[Uncounted, ...]:
    """What cannot be counted of the open decisions on eligibility, of which the options `counted`
    were: decisions with no other reading, and those that say that an option has none."""
    found = []
    for decision in hanging(study):
        options = tuple(option for name, option in counted if name == decision.id)
        if not options or decision.uncounted is not None:
            found.append(Uncounted(decision.id, options, decision.uncounted))
    return tuple(found)


def check_readings(
    study: Study, locate: Callable[[tuple[str | int, ...]], Where]
) -> Iterator[Problem]:
    """Open decisions on eligibility whose other options nobody can count, without a reason.
    `locate` gives the place of a part of decisions.yaml."""
    at = {d.id: index for index, d in enumerate(study.decisions)}
    for decision in hanging(study):
        if decision.uncounted is None and not _is_countable(study, decision):
            yield problem("EQ-E061", locate(("decisions", at[decision.id])), id=decision.id)


def _is_countable(study: Study, decision: Decision) -> bool:
    return any(
        option.use is not None or _raw_otherwise(study, decision, name, {}) is not None
        for name, option in decision.options.items()
    )


def _read(
    study: Study, decision: Decision, option: str, given: Mapping[str, object]
) -> Study | None:
    """The study under an option; None if nothing says what it is there, or it is assumed."""
    meant = decision.options.get(option)
    if option not in given and meant is not None and meant.use is not None:
        eligibility = read_otherwise(study.eligibility, meant.use)
        return msgspec.structs.replace(study, eligibility=eligibility)
    raw = _raw_otherwise(study, decision, option, given)
    if raw is None:
        return None
    try:
        eligibility = msgspec.convert(raw, Eligibility, strict=False)
    except msgspec.ValidationError as error:
        detail = str(error)
        raise Refused(
            [problem("EQ-E036", decision=decision.id, option=option, detail=detail)]
        ) from error
    return msgspec.structs.replace(study, eligibility=eligibility)


def _raw_otherwise(
    study: Study, decision: Decision, option: str, given: Mapping[str, object]
) -> Any | None:
    """eligibility.yaml with the option in each place that rests on the decision."""
    raw: Any = msgspec.json.decode(msgspec.json.encode(study.eligibility))
    is_changed = False
    for place in _places(study, decision):
        path = place.path.partition(":")[2].split(".")
        if option in given:
            is_changed |= _put(raw, path, given[option])
        elif _is_number(place.value) and _is_number_text(option):
            is_changed |= _put(raw, path, float(option))
        elif path[-1] in _JOINS and option in _JOINS and set(decision.options) >= _JOINS:
            is_changed |= _rename(raw, path, option)
    return raw if is_changed else None


def _places(study: Study, decision: Decision) -> Iterator[Assumption]:
    for place in study.assumptions:
        if place.decision == decision.id and _is_of_eligibility(place):
            yield place


def _is_of_eligibility(place: Assumption) -> bool:
    return place.path.startswith(f"{FILE}:")


def _put(raw: Any, path: list[str], value: object) -> bool:
    holder = _holder(raw, path)
    key: Any = int(path[-1]) if isinstance(holder, list) else path[-1]
    plain = int(value) if isinstance(value, float) and value.is_integer() else value
    if holder[key] == plain:
        return False
    holder[key] = plain
    return True


def _rename(raw: Any, path: list[str], join: str) -> bool:
    holder = _holder(raw, path)
    if path[-1] == join:
        return False
    holder[join], holder[path[-1]] = holder[path[-1]], []
    return True


def _holder(raw: Any, path: list[str]) -> Any:
    for part in path[:-1]:
        raw = raw[int(part)] if isinstance(raw, list) else raw[part]
    return raw


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_number_text(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()
