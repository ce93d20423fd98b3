"""A mapping file: which column of a warehouse feeds which value, in which unit, of which day.

    people:                          # one row a person; may be left out if `facts` has everything
      person: patient_id
      reference_date: included_on    # or --reference-date for all
      columns:
        hb: {from: hgb, unit: g/L, on: hgb_day}
        sex: {from: gender, codes: {F: female, M: male}}
    facts:                           # one row a measurement
      person: patient_id
      concept: code
      value: value
      unit: unit_code                # a column; or `unit` at each concept
      on: taken_on
      concepts:
        "1988-5": {gives: crp, unit: mg/L}

A number without a unit is compared with nothing that has one. A value whose day is known counts
if it is not after the reference date and not older than the study lets it be (`within_days`). Of
several, the one that the study picks (`pick`) counts; if those of that day differ, none does.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import polars as pl
from msgspec import Struct, field

from equipoise.language.units import UNITS, find_factor
from equipoise.problems import Problem, Refused, Where, problem
from equipoise.screening.columns import REFERENCE, judgements_of
from equipoise.study.criteria import ValueDefinition
from equipoise.study.study import Study
from equipoise.study.vocabulary import value_names
from equipoise.study.yaml_source import load_yaml

_ALL_BUT_THE_SIGN = 2**63 - 1


class Feed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A column of a table with one row a person: `codes` translates its words."""

    from_: str = field(name="from")
    unit: str = ""
    on: str = ""
    codes: Mapping[str, str] = {}


class People(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table with one row a person."""

    person: str
    reference_date: str = ""
    columns: Mapping[str, Feed] = {}


class Concept(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A concept of a table with one row a measurement, and the value that it gives."""

    gives: str
    unit: str = ""


class Facts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table with one row a measurement: its columns."""

    person: str
    concept: str
    value: str
    on: str
    unit: str = ""
    concepts: Mapping[str, Concept] = {}


class Mapped(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mapping file."""

    people: People | None = None
    facts: Facts | None = None


class Table(Struct, frozen=True):
    """One row a person, in columns called like values; `units` are those that differ."""

    rows: pl.LazyFrame
    units: Mapping[str, str]


def load_mapping(path: Path) -> Mapped:
    """Read a mapping file.

    Raises:
        Refused: if it is no YAML, or not of this shape.
    """
    source, problems = load_yaml(path, name=path.name)
    if source is None or problems:
        raise Refused(problems)
    try:
        return msgspec.convert(source.value, Mapped)
    except msgspec.ValidationError as error:
        raise Refused([problem("EQ-E037", Where(path.name), detail=str(error))]) from error


def apply_mapping(
    study: Study,
    mapped: Mapped,
    people: pl.LazyFrame | None,
    facts: pl.LazyFrame | None = None,
    *,
    reference_on: dt.date | None = None,
) -> Table:
    """One row a person from the tables of a warehouse; nothing is read yet.

    Raises:
        Refused: for columns and values that do not exist, and days without a reference date.
    """
    problems = tuple(_check(study, mapped, people=people, facts=facts, reference_on=reference_on))
    if problems:
        raise Refused(problems)
    table = None
    units: dict[str, str] = {}
    if mapped.people is not None and people is not None:
        table = _wide(study, mapped.people, people, reference_on)
        units = {n: f.unit for n, f in mapped.people.columns.items()}
    if mapped.facts is not None and facts is not None:
        has_days = table is not None and REFERENCE in table.collect_schema().names()
        days = table.select("person", REFERENCE) if has_days and table is not None else None
        found = latest(study, mapped.facts, facts, reference_on=reference_on, days=days)
        long = _pivoted(mapped.facts, found)
        everybody = facts.select(pl.col(mapped.facts.person).alias("person")).unique()
        base = everybody if table is None else table
        table = base.join(long, on="person", how="left")
    if table is None:
        raise Refused([problem("EQ-E023", Where("mapping"))])
    return Table(table, units)


def _wide(
    study: Study, people: People, rows: pl.LazyFrame, reference_on: dt.date | None
) -> pl.LazyFrame:
    reference = _reference(people, reference_on)
    given = [pl.col(people.person).alias("person")]
    if people.reference_date:
        given.append(pl.col(people.reference_date).cast(pl.Date).alias(REFERENCE))
    for name, feed in people.columns.items():
        cell = pl.col(feed.from_)
        if feed.codes:
            cell = cell.cast(pl.String).replace(dict(feed.codes))
        if feed.on:
            cell = pl.when(_counts(study, name, pl.col(feed.on), reference)).then(cell)
        given.append(cell.alias(name))
    return rows.select(given)


def _reference(people: People | None, reference_on: dt.date | None) -> pl.Expr:
    if people is not None and people.reference_date:
        return pl.col(people.reference_date).cast(pl.Date)
    return pl.lit(reference_on, dtype=pl.Date)


def _counts(study: Study, name: str, day: pl.Expr, reference: pl.Expr) -> pl.Expr:
    """Whether a value of this day counts at the reference date; unknown days do not."""
    day = day.cast(pl.Date)
    within = _definition(study, name).within_days
    if within is None:
        return day <= reference
    return (day <= reference) & (day >= reference - pl.duration(days=within))


def latest(
    study: Study,
    mapped: Facts,
    facts: pl.LazyFrame,
    *,
    reference_on: dt.date | None,
    days: pl.LazyFrame | None = None,
) -> pl.LazyFrame:
    """`person`, `concept` and the value that counts of each: filtered first, and never sorted
    as a whole. `days` are the reference dates of people, where they have their own."""
    reference = pl.lit(reference_on, dtype=pl.Date)
    rows = facts
    if days is not None:
        rows = rows.join(days, left_on=mapped.person, right_on="person", how="inner")
        reference = pl.col(REFERENCE)
    # The widest window first: it costs one comparison of days and leaves few rows.
    rows = rows.filter(_in_widest_window(study, mapped, reference))
    rows = _of_concepts(mapped, rows, facts.collect_schema()[mapped.concept])
    rows = rows.select(
        pl.col(mapped.person).alias("person"),
        pl.col(mapped.concept).alias("concept"),
        _in_study_units(study, mapped).alias("value"),
        pl.col(mapped.on).cast(pl.Date).alias("day"),
        reference.alias("reference"),
    ).filter(pl.col("value").is_not_nan())
    if len({_definition(study, m.gives).within_days for m in mapped.concepts.values()}) > 1:
        rows = rows.filter(_in_windows(study, mapped))
    least, most = _of_the_day_picked(_rank(study, mapped))
    counted = rows.group_by("person", "concept").agg(least.alias("least"), most.alias("most"))
    agreed = pl.when(pl.col("least") == pl.col("most")).then(pl.col("least"))
    return counted.select("person", "concept", agreed.alias("value"))


def _of_concepts(mapped: Facts, rows: pl.LazyFrame, dtype: pl.DataType) -> pl.LazyFrame:
    """The rows of concepts that give something; an enumeration of these alone needs no look."""
    code = pl.col(mapped.concept)
    if isinstance(dtype, pl.Enum):
        given = [c for c in dtype.categories if c in mapped.concepts]
        if len(given) == len(dtype.categories):
            return rows
        return rows.filter(code.is_in(pl.Series(given, dtype=dtype).implode()))
    text = code if isinstance(dtype, pl.String) else code.cast(pl.String)
    return rows.filter(text.is_in(list(mapped.concepts)))


def _rank(study: Study, mapped: Facts) -> pl.Expr:
    """A number that is highest on the day that counts: the last one, or the first."""
    first = [c for c, m in mapped.concepts.items() if _definition(study, m.gives).pick == "first"]
    rank = pl.col("day").cast(pl.Int32)
    if not first:
        return rank
    return pl.when(pl.col("concept").cast(pl.String).is_in(first)).then(-rank).otherwise(rank)


def _of_the_day_picked(rank: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """The least and the greatest value of that day, in one pass and without a sort: a day and the
    bits of a number, which order as numbers do once those below zero are turned, are one key."""
    value = pl.col("value")
    bits = value.reinterpret(dtype=pl.Int64)
    ordered = pl.when(bits < 0).then(bits ^ _ALL_BUT_THE_SIGN).otherwise(bits).cast(pl.Int128)
    day = rank.cast(pl.Int128) * 2**64
    return value.max_by(day - ordered), value.max_by(day + ordered)


def _in_widest_window(study: Study, mapped: Facts, reference: pl.Expr) -> pl.Expr:
    day = pl.col(mapped.on).cast(pl.Date)
    withins = [_definition(study, c.gives).within_days for c in mapped.concepts.values()]
    known = [w for w in withins if w is not None]
    if len(known) < len(withins) or not known:
        return day <= reference
    return (day <= reference) & (day >= reference - pl.duration(days=max(known)))


def _in_windows(study: Study, mapped: Facts) -> pl.Expr:
    """Concepts with the same window are filtered together."""
    windows: dict[int | None, list[str]] = {}
    for code, concept in mapped.concepts.items():
        windows.setdefault(_definition(study, concept.gives).within_days, []).append(code)
    day, reference = pl.col("day"), pl.col("reference")
    kept = pl.lit(False)
    for within, codes in windows.items():
        is_recent = pl.lit(True) if within is None else day >= reference - pl.duration(days=within)
        kept |= is_recent & pl.col("concept").cast(pl.String).is_in(codes)
    return kept


def _in_study_units(study: Study, mapped: Facts) -> pl.Expr:
    """Each number in the unit of its value: one factor for each unit that occurs, known before
    any row is read. A unit that does not convert gives nothing."""
    number = pl.col(mapped.value).cast(pl.Float64)
    code = pl.col(mapped.concept).cast(pl.String)
    types = value_names(study)
    cases: list[tuple[pl.Expr, float]] = []
    for concept, meant in mapped.concepts.items():
        target = types[meant.gives].unit
        stated = [meant.unit] if not mapped.unit or meant.unit else list(UNITS)
        for unit in stated:
            factor = find_factor(unit, target)
            if factor is not None:
                is_it = code == concept
                if mapped.unit and not meant.unit:
                    is_it &= pl.col(mapped.unit).cast(pl.String) == unit
                cases.append((is_it, factor))
    if len(cases) == len(mapped.concepts) and all(f == 1 for _, f in cases):
        return number
    return pl.coalesce(
        *(pl.when(is_it).then(number if f == 1 else number * f) for is_it, f in cases),
        pl.lit(None, dtype=pl.Float64),
    )


def _pivoted(mapped: Facts, found: pl.LazyFrame) -> pl.LazyFrame:
    """One column a value, of what few rows are left."""
    return found.group_by("person").agg(
        pl.col("value")
        .filter(pl.col("concept").cast(pl.String) == code)
        .first()
        .alias(concept.gives)
        for code, concept in mapped.concepts.items()
    )


def _definition(study: Study, name: str) -> ValueDefinition:
    return study.eligibility.values.get(name, ValueDefinition())


def _check(
    study: Study,
    mapped: Mapped,
    *,
    people: pl.LazyFrame | None,
    facts: pl.LazyFrame | None,
    reference_on: dt.date | None,
) -> Iterator[Problem]:
    known = value_names(study)
    named: list[tuple[str, str]] = []
    wanted: list[tuple[str, list[str], pl.LazyFrame | None]] = []
    if mapped.people is not None:
        feeds = mapped.people.columns
        named += [("people", n) for n in feeds]
        heads = [mapped.people.person, mapped.people.reference_date]
        heads += [h for f in feeds.values() for h in (f.from_, f.on)]
        wanted.append(("people", heads, people))
    if mapped.facts is not None:
        named += [("facts", c.gives) for c in mapped.facts.concepts.values()]
        fact = mapped.facts
        heads = [fact.person, fact.concept, fact.value, fact.on, fact.unit]
        wanted.append(("facts", heads, facts))
    for place, name in named:
        if name not in known and not _is_judgement(study, name):
            yield problem("EQ-E038", Where(place), name=name, known=", ".join(sorted(known)))
    for place, heads, rows in wanted:
        have = rows.collect_schema().names() if rows is not None else []
        for head in dict.fromkeys(h for h in heads if h and h not in have):
            yield problem("EQ-E039", Where(place), column=head, known=", ".join(have) or "–")
    has_days = mapped.facts is not None or (
        mapped.people is not None and any(f.on for f in mapped.people.columns.values())
    )
    has_reference = reference_on is not None or (mapped.people and mapped.people.reference_date)
    if has_days and not has_reference:
        yield problem("EQ-E027", Where("mapping"), columns="on")


def _is_judgement(study: Study, name: str) -> bool:
    return name in judgements_of(study)
