"""A mapping over tables of a database: one query that gives one row a person, in columns called
like values. Measurements are filtered first and pivoted last, as in files."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce

from msgspec import Struct
from sqlglot import exp

from equipoise.problems import Problem, Refused, Where, problem
from equipoise.screening.columns import REFERENCE
from equipoise.screening.mapping import (
    Facts,
    Mapped,
    People,
    check_mapping,
    definition_of,
    find_factors,
    picked_first,
    within_days,
)
from equipoise.screening.warehouse.tables import (
    FLOATS,
    INTEGERS,
    TEXTS,
    Described,
    as_day,
    base_of,
)
from equipoise.screening.warehouse.terms import cast, days_between, literal
from equipoise.screening.warehouse.texts import trimmed
from equipoise.study.study import Study

_PERSON = "person"


class Source(Struct, frozen=True):
    """A table or the last of `steps`, each a query by its name; the types of its columns, and the
    units that differ from those of the study."""

    table: exp.Expression
    types: Mapping[str, str]
    units: Mapping[str, str] = {}
    steps: tuple[tuple[str, exp.Select], ...] = ()


def map_tables(
    study: Study,
    mapped: Mapped,
    people: Described | None,
    facts: Described | None,
    *,
    reference_on: dt.date | None,
) -> Source:
    """One row a person from the tables of a database.

    Raises:
        Refused: for columns and values that do not exist or do not fit, and days without a
            reference date.
    """
    problems = tuple(
        check_mapping(
            study,
            mapped,
            people=list(people.types) if people else None,
            facts=list(facts.types) if facts else None,
            reference_on=reference_on,
        )
    )
    if problems or (people is None and facts is None):
        raise Refused(problems or [problem("EQ-E023", Where("mapping"))])
    problems = tuple(_misfits(mapped, people, facts))
    if problems:
        raise Refused(problems)
    types = {**_types_of_people(mapped, people), **_types_of_facts(mapped, facts)}
    units = {n: f.unit for n, f in (mapped.people.columns if mapped.people else {}).items()}
    ctes: list[tuple[str, exp.Select]] = []
    if mapped.people is not None and people is not None:
        ctes.append(("mapped people", _wide(study, mapped.people, people, reference_on)))
    if mapped.facts is not None and facts is not None:
        ctes += _long(study, mapped, facts, reference_on)
    return Source(_table(ctes[-1][0]), types, units, tuple(ctes))


def _misfits(
    mapped: Mapped, people: Described | None, facts: Described | None
) -> Iterator[Problem]:
    """Columns whose type cannot be what the mapping says they are."""
    if mapped.people is not None and people is not None:
        days = [mapped.people.reference_date, *(f.on for f in mapped.people.columns.values())]
        for header in dict.fromkeys(d for d in days if d):
            yield from _misfit("people", header, people.types[header], kind="date")
    if mapped.facts is not None and facts is not None:
        for header, kind in ((mapped.facts.on, "date"), (mapped.facts.value, "number")):
            yield from _misfit("facts", header, facts.types[header], kind=kind)
    if mapped.people and mapped.facts and people and facts:
        one, other = people.types[mapped.people.person], facts.types[mapped.facts.person]
        if _family(one) != _family(other):
            yield problem("EQ-E045", Where("facts"), people=one, facts=other)


def _misfit(place: str, header: str, found: str, *, kind: str) -> Iterator[Problem]:
    fits = base_of(found) in INTEGERS | FLOATS | TEXTS
    if kind == "date":
        fits = as_day(exp.null(), found) is not None
    if not fits:
        yield problem("EQ-E031", Where(place), column=header, found=found, expected=kind)


def _family(sql_type: str) -> str:
    base = base_of(sql_type)
    return "integer" if base in INTEGERS else "text" if base in TEXTS else base


def _types_of_people(mapped: Mapped, people: Described | None) -> dict[str, str]:
    if mapped.people is None or people is None:
        return {}
    types = {_PERSON: people.types[mapped.people.person]}
    if mapped.people.reference_date:
        types[REFERENCE] = "date"
    for name, feed in mapped.people.columns.items():
        types[name] = "text" if feed.codes else people.types[feed.from_]
    return types


def _types_of_facts(mapped: Mapped, facts: Described | None) -> dict[str, str]:
    if mapped.facts is None or facts is None:
        return {}
    given = {c.gives: "double" for c in mapped.facts.concepts.values()}
    return given if mapped.people else {_PERSON: facts.types[mapped.facts.person], **given}


def _wide(
    study: Study, people: People, described: Described, reference_on: dt.date | None
) -> exp.Select:
    columns = [_as(_column(people.person), _PERSON)]
    reference: exp.Expression = literal(reference_on) if reference_on else exp.null()
    if people.reference_date:
        reference = _day(people.reference_date, described)
        columns.append(_as(reference, REFERENCE))
    for name, feed in people.columns.items():
        cell: exp.Expression = _column(feed.from_)
        if feed.codes:
            cell = _translated(cast(cell, "TEXT"), feed.codes)
        if feed.on:
            within = definition_of(study, name).within_days
            counts = _in_window(_day(feed.on, described), reference, within)
            cell = exp.Case(ifs=[exp.If(this=counts, true=cell)])
        columns.append(_as(cell, name))
    return _select(columns, described.table)


def _translated(text: exp.Expression, codes: Mapping[str, str]) -> exp.Expression:
    """Words that the mapping knows; another stays as it is, so that it is told of."""
    known = [
        exp.If(this=exp.EQ(this=text.copy(), expression=literal(k)), true=literal(v))
        for k, v in codes.items()
    ]
    is_other = exp.Not(this=exp.Paren(this=exp.Is(this=text.copy(), expression=exp.null())))
    return exp.Case(ifs=[*known, exp.If(this=is_other, true=text.copy())])


def _in_window(
    day: exp.Expression, reference: exp.Expression, within: int | None
) -> exp.Expression:
    """Whether a value of this day counts at the reference date; unknown days do not."""
    is_past = exp.LTE(this=day.copy(), expression=reference.copy())
    if within is None:
        return is_past
    return exp.And(this=is_past, expression=_is_recent(day, reference, within))


def _is_recent(day: exp.Expression, reference: exp.Expression, within: int) -> exp.Expression:
    age = days_between([day.copy(), reference.copy()])
    return exp.LTE(this=age, expression=literal(within))


def _long(
    study: Study, mapped: Mapped, described: Described, reference_on: dt.date | None
) -> list[tuple[str, exp.Select]]:
    """The measurements that count, a step each: those in the window, the least and greatest of
    each day, the day that is picked, one row a person, and everybody beside."""
    facts = mapped.facts
    if facts is None:
        raise TypeError(mapped)
    steps = [("mapped kept", _kept(study, mapped, facts, described, reference_on))]
    steps.append(("mapped days", _by_day()))
    steps.append(("mapped ranks", _ranked(study, facts)))
    steps.append(("mapped values", _pivoted(facts)))
    base = "mapped people"
    if mapped.people is None:
        everybody = _select([_as(_column(facts.person), _PERSON)], described.table).distinct()
        steps.append((base := "mapped everybody", everybody))
    names = [REFERENCE] if mapped.people and mapped.people.reference_date else []
    names += list(mapped.people.columns) if mapped.people else []
    columns = [_as(_named(n, base), n) for n in (_PERSON, *names)]
    gives = [c.gives for c in facts.concepts.values()]
    columns += [_as(_named(n, "mapped values"), n) for n in gives]
    joined = _select(columns, base).join(
        _table("mapped values"),
        on=exp.EQ(this=_named(_PERSON, base), expression=_named(_PERSON, "mapped values")),
        join_type="left",
        copy=False,
    )
    return [*steps, ("mapped together", joined)]


def _kept(  # noqa: PLR0917
    study: Study,
    mapped: Mapped,
    facts: Facts,
    described: Described,
    reference_on: dt.date | None,
) -> exp.Select:
    """The measurements of concepts that give something, in their windows and in study units."""
    code = cast(_named(facts.concept, "f"), "TEXT")
    day = _day(facts.on, described, "f")
    is_text = base_of(described.types[facts.value]) in TEXTS
    reference: exp.Expression = literal(reference_on) if reference_on else exp.null()
    columns = [
        _as(_named(facts.person, "f"), _PERSON),
        _as(code, "concept"),
        _as(_in_study_units(study, facts, code, is_text=is_text), "value"),
        _as(day, "day"),
    ]
    source = described.table.copy()
    source.set("alias", _alias("f"))
    query = _select(columns, source)
    if mapped.people is not None and mapped.people.reference_date:
        reference = _named(REFERENCE, "mapped people")
        is_own = exp.EQ(this=_named(facts.person, "f"), expression=_named(_PERSON, "mapped people"))
        query = query.join(_table("mapped people"), on=is_own, join_type="inner", copy=False)
    query = query.where(_in_window(day, reference, None), copy=False)
    return query.where(_in_windows(study, facts, code, day, reference), copy=False)


def _in_windows(  # noqa: PLR0917
    study: Study, facts: Facts, code: exp.Expression, day: exp.Expression, reference: exp.Expression
) -> exp.Expression:
    """Concepts with the same window are filtered together."""
    kept: list[exp.Expression] = []
    for within, codes in within_days(study, facts).items():
        known: exp.Expression = _one_of(code, codes)
        if within is not None:
            known = exp.And(this=known, expression=_is_recent(day, reference, within))
        kept.append(exp.Paren(this=known))
    if not kept:
        return exp.false()
    return reduce(lambda a, b: exp.Or(this=a, expression=b), kept)


def _in_study_units(
    study: Study, facts: Facts, code: exp.Expression, *, is_text: bool
) -> exp.Expression:
    """Each number in the unit of its value; a unit that does not convert gives nothing."""
    value: exp.Expression = _named(facts.value, "f")
    number = cast(trimmed(value) if is_text else value, "DOUBLE")
    cases = []
    for factor in find_factors(study, facts):
        is_it: exp.Expression = exp.EQ(this=code.copy(), expression=literal(factor.concept))
        if factor.unit is not None:
            unit = cast(_named(facts.unit, "f"), "TEXT")
            is_it = exp.And(
                this=is_it, expression=exp.EQ(this=unit, expression=literal(factor.unit))
            )
        by = cast(literal(factor.by), "DOUBLE")
        scaled = number if factor.by == 1 else exp.Mul(this=number.copy(), expression=by)
        cases.append(exp.If(this=is_it, true=scaled.copy()))
    return exp.Case(ifs=cases) if cases else cast(exp.null(), "DOUBLE")


def _by_day() -> exp.Select:
    """The least and the greatest number of each day. What is no number is above infinity."""
    infinity = cast(exp.Literal.string("Infinity"), "DOUBLE")
    keys = [_column(n) for n in (_PERSON, "concept", "day")]
    values = [
        _as(exp.Min(this=_column("value")), "least"),
        _as(exp.Max(this=_column("value")), "most"),
    ]
    query = _select([*keys, *values], "mapped kept")
    query = query.where(exp.LTE(this=_column("value"), expression=infinity), copy=False)
    return query.group_by(*(k.copy() for k in keys), copy=False)


def _ranked(study: Study, facts: Facts) -> exp.Select:
    """Number 1 is the day that the study picks: the last one, or the first."""
    age = days_between([_column("day"), literal(dt.date(1970, 1, 1))])
    first = picked_first(study, facts)
    if first:
        concept = _column("concept")
        is_known = exp.Not(this=exp.Paren(this=exp.Is(this=concept, expression=exp.null())))
        is_first = exp.If(this=_one_of(concept, first), true=exp.Neg(this=exp.Paren(this=age)))
        age = exp.Case(ifs=[is_first, exp.If(this=is_known, true=age.copy())])
    number = exp.Window(
        this=exp.RowNumber(),
        partition_by=[_column(_PERSON), _column("concept")],
        order=exp.Order(expressions=[exp.Ordered(this=age, desc=False, nulls_first=False)]),
    )
    columns = [_column(n) for n in (_PERSON, "concept", "least", "most")]
    return _select([*columns, _as(number, "nth")], "mapped days")


def _pivoted(facts: Facts) -> exp.Select:
    """One column a value. Two different numbers on the day that is picked give none."""
    columns: list[exp.Expression] = [_column(_PERSON)]
    for code, concept in facts.concepts.items():
        is_it = exp.EQ(this=_column("concept"), expression=literal(code))
        agree = exp.EQ(this=_column("least"), expression=_column("most"))
        both = exp.And(this=is_it, expression=agree)
        value = exp.Case(ifs=[exp.If(this=both, true=_column("least"))])
        columns.append(_as(exp.Max(this=value), concept.gives))
    query = _select(columns, "mapped ranks")
    query = query.where(exp.EQ(this=_column("nth"), expression=literal(1)), copy=False)
    return query.group_by(_column(_PERSON), copy=False)


def _one_of(text: exp.Expression, codes: Sequence[str]) -> exp.In:
    return exp.In(this=text.copy(), expressions=[literal(c) for c in codes])


def _day(header: str, described: Described, table: str = "") -> exp.Expression:
    cell = _named(header, table) if table else _column(header)
    day = as_day(cell, described.types[header])
    if day is None:
        raise TypeError(header)
    return day


def _column(name: str) -> exp.Column:
    return exp.column(name, quoted=True)


def _named(name: str, table: str) -> exp.Column:
    return exp.column(name, table=table, quoted=True)


def _table(name: str) -> exp.Table:
    return exp.Table(this=exp.to_identifier(name, quoted=True))


def _alias(name: str) -> exp.TableAlias:
    return exp.TableAlias(this=exp.to_identifier(name, quoted=True))


def _as(part: exp.Expression, name: str) -> exp.Alias:
    return exp.Alias(this=part.copy(), alias=exp.to_identifier(name, quoted=True))


def _select(columns: Sequence[exp.Expression], source: exp.Expression | str) -> exp.Select:
    table = _table(source) if isinstance(source, str) else source.copy()
    return exp.Select().select(*columns, copy=False).from_(table, copy=False)
