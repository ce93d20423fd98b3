"""A mapping over files: Polars frames that are not read until they are screened."""

import datetime as dt
from collections.abc import Mapping

import polars as pl
from msgspec import Struct

from equipoise.problems import Refused, Where, problem
from equipoise.screening.columns import REFERENCE
from equipoise.screening.mapping.checks import (
    check_mapping,
    definition_of,
    find_factors,
    picked_first,
    within_days,
)
from equipoise.screening.mapping.shape import Facts, Mapped, People
from equipoise.study.study import Study

_ALL_BUT_THE_SIGN = 2**63 - 1
_A_DAY = 2**64
_OF_THE_PERSON = "reference date of the person"  # facts may have a column reference_date


class Table(Struct, frozen=True):
    """One row a person, in columns called like values; `units` are those that differ."""

    rows: pl.LazyFrame
    units: Mapping[str, str]


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
    problems = tuple(
        check_mapping(
            study,
            mapped,
            people=people.collect_schema().names() if people is not None else None,
            facts=facts.collect_schema().names() if facts is not None else None,
            reference_on=reference_on,
        )
    )
    if problems:
        raise Refused(problems)
    if mapped.people and mapped.facts and people is not None and facts is not None:
        people = _with_plain_key(people, mapped.people.person)
        facts = _with_plain_key(facts, mapped.facts.person)
        _check_keys(_type(people, mapped.people.person), _type(facts, mapped.facts.person))
    table = None
    units: dict[str, str] = {}
    if mapped.people is not None and people is not None:
        table = _wide(study, mapped.people, people, reference_on)
        units = {n: f.unit for n, f in mapped.people.columns.items()}
    if mapped.facts is not None and facts is not None:
        has_days = table is not None and REFERENCE in table.collect_schema().names()
        own = pl.col(REFERENCE).alias(_OF_THE_PERSON)
        days = table.select("person", own) if has_days and table is not None else None
        found = latest(study, mapped.facts, facts, reference_on=reference_on, days=days)
        long = _pivoted(mapped.facts, found)
        everybody = facts.select(pl.col(mapped.facts.person).alias("person")).unique()
        base = everybody if table is None else table
        table = base.join(long, on="person", how="left")
    if table is None:
        raise Refused([problem("EQ-E023", Where("mapping"))])
    return Table(table, units)


def _type(rows: pl.LazyFrame, header: str) -> pl.DataType:
    return rows.collect_schema()[header]


def _with_plain_key(rows: pl.LazyFrame, header: str) -> pl.LazyFrame:
    """Words of an enumeration join with words."""
    if not isinstance(_type(rows, header), pl.Enum | pl.Categorical):
        return rows
    return rows.with_columns(pl.col(header).cast(pl.String))


def _check_keys(people: pl.DataType, facts: pl.DataType) -> None:
    if people != facts and not (people.is_integer() and facts.is_integer()):
        found = {"people": str(people), "facts": str(facts)}
        raise Refused([problem("EQ-E045", Where("facts"), **found)])


def _wide(
    study: Study, people: People, rows: pl.LazyFrame, reference_on: dt.date | None
) -> pl.LazyFrame:
    reference = pl.lit(reference_on, dtype=pl.Date)
    given = [pl.col(people.person).alias("person")]
    if people.reference_date:
        reference = _day(rows, people.reference_date)
        given.append(reference.alias(REFERENCE))
    for name, feed in people.columns.items():
        cell = pl.col(feed.from_)
        if feed.codes:
            cell = cell.cast(pl.String).replace(dict(feed.codes))
        if feed.on:
            cell = pl.when(_counts(study, name, _day(rows, feed.on), reference)).then(cell)
        given.append(cell.alias(name))
    return rows.select(given)


def _day(rows: pl.LazyFrame, header: str) -> pl.Expr:
    """A date, the day of an instant, or a text like 2026-03-27; other texts stop the reading."""
    cell = pl.col(header)
    if not isinstance(_type(rows, header), pl.String):
        return cell.cast(pl.Date)
    return _stripped(cell).str.to_date("%Y-%m-%d")


def _stripped(cell: pl.Expr) -> pl.Expr:
    """A text without spaces around; what is empty is missing."""
    text = cell.str.strip_chars()
    return pl.when(text != "").then(text)


def _counts(study: Study, name: str, day: pl.Expr, reference: pl.Expr) -> pl.Expr:
    """Whether a value of this day counts at the reference date; unknown days do not."""
    within = definition_of(study, name).within_days
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
    day = _day(facts, mapped.on)
    rows = facts
    if days is not None:
        rows = rows.join(days, left_on=mapped.person, right_on="person", how="inner")
        reference = pl.col(_OF_THE_PERSON)
    # The widest window first: it costs one comparison of days and leaves few rows.
    rows = rows.filter(_in_widest_window(study, mapped, day, reference))
    rows = _of_concepts(mapped, rows, facts.collect_schema()[mapped.concept])
    is_text = isinstance(_type(facts, mapped.value), pl.String)
    rows = rows.select(
        pl.col(mapped.person).alias("person"),
        pl.col(mapped.concept).alias("concept"),
        _in_study_units(study, mapped, is_text=is_text).alias("value"),
        day.alias("day"),
        reference.alias("reference"),
    ).filter(pl.col("value").is_not_nan())
    if len(within_days(study, mapped)) > 1:
        rows = rows.filter(_in_windows(study, mapped))
    return _agreed(rows, _rank(study, mapped))


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
    first = picked_first(study, mapped)
    rank = pl.col("day").cast(pl.Int32)
    if not first:
        return rank
    return pl.when(pl.col("concept").cast(pl.String).is_in(first)).then(-rank).otherwise(rank)


def _agreed(rows: pl.LazyFrame, rank: pl.Expr) -> pl.LazyFrame:
    """The value of the day picked, null where that day has several: its least and its greatest are
    found in one pass and without a sort. A day and the bits of a number are one key, which orders
    as they do once the numbers below zero are turned; the greatest key tells both again."""
    bits = pl.col("value").reinterpret(dtype=pl.Int64)
    day, number = rank.cast(pl.Int128) * _A_DAY, _turned(bits).cast(pl.Int128)
    found = rows.group_by("person", "concept").agg(
        rank.max().alias("day"),
        (day + number).max().alias("most"),
        (day - number).max().alias("least"),
    )
    picked = pl.col("day").cast(pl.Int128) * _A_DAY
    most, least = _number(pl.col("most") - picked), _number(picked - pl.col("least"))
    return found.select("person", "concept", pl.when(least == most).then(least).alias("value"))


def _number(ordered: pl.Expr) -> pl.Expr:
    return _turned(ordered.cast(pl.Int64)).reinterpret(dtype=pl.Float64)


def _turned(bits: pl.Expr) -> pl.Expr:
    """The bits of a number below zero, so that they order as numbers do; twice is not at all."""
    return pl.when(bits < 0).then(bits ^ _ALL_BUT_THE_SIGN).otherwise(bits)


def _in_widest_window(study: Study, mapped: Facts, day: pl.Expr, reference: pl.Expr) -> pl.Expr:
    withins = within_days(study, mapped)
    known = [w for w in withins if w is not None]
    if len(known) < len(withins) or not known:
        return day <= reference
    return (day <= reference) & (day >= reference - pl.duration(days=max(known)))


def _in_windows(study: Study, mapped: Facts) -> pl.Expr:
    """Concepts with the same window are filtered together."""
    day, reference = pl.col("day"), pl.col("reference")
    kept = pl.lit(False)
    for within, codes in within_days(study, mapped).items():
        is_recent = pl.lit(True) if within is None else day >= reference - pl.duration(days=within)
        kept |= is_recent & pl.col("concept").cast(pl.String).is_in(codes)
    return kept


def _in_study_units(study: Study, mapped: Facts, *, is_text: bool) -> pl.Expr:
    """Each number in the unit of its value; a unit that does not convert gives nothing."""
    value = pl.col(mapped.value)
    number = (_stripped(value) if is_text else value).cast(pl.Float64)
    code = pl.col(mapped.concept).cast(pl.String)
    factors = list(find_factors(study, mapped))
    if len(factors) == len(mapped.concepts) and all(f.unit is None and f.by == 1 for f in factors):
        return number
    cases: list[tuple[pl.Expr, float]] = []
    for factor in factors:
        is_it = code == factor.concept
        if factor.unit is not None:
            is_it &= pl.col(mapped.unit).cast(pl.String) == factor.unit
        cases.append((is_it, factor.by))
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
