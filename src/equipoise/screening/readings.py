"""The other reading of an open decision: who would get another verdict."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
from msgspec import Struct

from equipoise.problems import Refused, Where, problem
from equipoise.screening.people import with_verdict
from equipoise.screening.screen import prepare
from equipoise.study.criteria import Eligibility, read_otherwise
from equipoise.study.protocol import Assumption, Decision
from equipoise.study.study import Study
from equipoise.study.yaml_source import load_yaml

Readings = Mapping[str, Mapping[str, object]]
"""For a decision, the value of each option in the place where the study assumes another."""

NO_MORE: Readings = {}
FILE = "eligibility.yaml"
_JOINS = frozenset({"any", "all"})


class Difference(Struct, frozen=True):
    """What one option of a decision changes: `moves` counts people as `undecided > eligible`."""

    decision: str
    option: str
    changed: int
    moves: Mapping[str, int]


def compare_readings(
    study: Study,
    rows: pl.LazyFrame,
    readings: Readings | None = None,
    *,
    reference_on: dt.date | None = None,
    units: Mapping[str, str] = {},
) -> tuple[Difference, ...]:
    """Every other reading that is known, against the assumed one.

    An option is known if `readings` gives its value; if the folder says what it would `use`; if it
    is a number where a number is assumed (`14` for 28 days); or if it is `any` or `all` where the
    assumption is a list under the other.

    Raises:
        Refused: for a reading of no open decision, or one that is no eligibility.
    """
    given = readings or {}
    used = {a.decision for a in study.assumptions if a.path.startswith(f"{FILE}:")}
    strays = [d for d in given if d not in used]
    if strays:
        known = ", ".join(sorted(used))
        raise Refused([problem("EQ-E035", decision=d, known=known) for d in strays])
    table = _Table(rows, reference_on, units)
    base = _verdicts(study, table, "before")
    found = []
    for decision, option, other in other_readings(study, given):
        after = _verdicts(other, table, "after")
        both = pl.concat([base, after], how="horizontal").filter(
            pl.col("before") != pl.col("after")
        )
        moved = both.group_by("before", "after").agg(pl.len()).collect()
        moves = {f"{b} > {a}": n for b, a, n in sorted(moved.iter_rows())}
        found.append(Difference(decision, option, sum(moves.values()), moves))
    return tuple(found)


class _Table(Struct, frozen=True):
    rows: pl.LazyFrame
    reference_on: dt.date | None
    units: Mapping[str, str]


def _verdicts(study: Study, table: _Table, name: str) -> pl.LazyFrame:
    engine = prepare(
        study,
        table.rows,
        {},
        reference_on=table.reference_on,
        where=Where("people"),
        units=table.units,
    )
    return with_verdict(engine, table.rows).select(pl.col("verdict").cast(pl.String).alias(name))


def load_readings(path: Path) -> Readings:
    """Read other readings from YAML: for each decision, the value of each option.

    Raises:
        Refused: if it is no YAML, or not of this shape.
    """
    source, problems = load_yaml(path, name=path.name)
    if source is None or problems:
        raise Refused(problems)
    try:
        return msgspec.convert(source.value, dict[str, dict[str, Any]])
    except msgspec.ValidationError as error:
        raise Refused([problem("EQ-E037", Where(path.name), detail=str(error))]) from error


def unread(study: Study, found: Iterable[Difference]) -> tuple[str, ...]:
    """Open decisions on eligibility of which no other reading could be compared: words alone, or
    what no rule of the folder says."""
    known = {f.decision for f in found}
    named = {d for _, c in study.criteria for d in c.decisions}
    named |= {a.decision for a in study.assumptions if a.path.startswith(f"{FILE}:")}
    still_open = [d.id for d in study.decisions if d.status == "open"]
    return tuple(d for d in still_open if d in named and d not in known)


def other_readings(
    study: Study, readings: Readings | None = None
) -> Iterator[tuple[str, str, Study]]:
    """Each option of an open decision that is known and not assumed, and the study under it."""
    readings = readings or {}
    for decision in study.decisions:
        if decision.status != "open":
            continue
        given = readings.get(decision.id, {})
        for option in dict.fromkeys((*decision.options, *given)):
            meant = decision.options.get(option)
            if option not in given and meant is not None and meant.use is not None:
                eligibility = read_otherwise(study.eligibility, meant.use)
                yield decision.id, option, msgspec.structs.replace(study, eligibility=eligibility)
                continue
            other = _read_otherwise(study, decision, option, given)
            if other is not None:
                yield decision.id, option, other


def _read_otherwise(
    study: Study, decision: Decision, option: str, given: Mapping[str, object]
) -> Study | None:
    """The study with another option in each place that rests on the decision; None if nothing
    says what the option is there, or it is what is assumed."""
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
    if not is_changed:
        return None
    try:
        eligibility = msgspec.convert(raw, Eligibility, strict=False)
    except msgspec.ValidationError as error:
        detail = str(error)
        raise Refused(
            [problem("EQ-E036", decision=decision.id, option=option, detail=detail)]
        ) from error
    return msgspec.structs.replace(study, eligibility=eligibility)


def _places(study: Study, decision: Decision) -> Iterator[Assumption]:
    for place in study.assumptions:
        if place.decision == decision.id and place.path.startswith(f"{FILE}:"):
            yield place


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
