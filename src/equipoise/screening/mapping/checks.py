"""What a mapping means to a study, for files and databases alike, and what is wrong in it."""

import datetime as dt
from collections.abc import Iterator, Sequence

from msgspec import Struct

from equipoise.language.units import SPELLINGS, find_factor
from equipoise.problems import Problem, Where, problem
from equipoise.screening.columns import REFERENCE, judgements_of
from equipoise.screening.mapping.shape import Facts, Mapped
from equipoise.study.criteria import ValueDefinition
from equipoise.study.study import Study
from equipoise.study.vocabulary import value_names


class Factor(Struct, frozen=True):
    """Numbers of a concept in this unit, times `by`, are in the unit of the study. `unit` is
    None where the mapping states it for the whole concept."""

    concept: str
    unit: str | None
    by: float


def find_factors(study: Study, facts: Facts) -> Iterator[Factor]:
    """One for each unit that may occur, in our spelling or as a UCUM code, before any row is read.

    A unit that does not convert, by the substance's molar mass if need be, gives nothing.
    """
    types = value_names(study)
    for code, concept in facts.concepts.items():
        is_in_a_column = facts.unit and not concept.unit
        wanted = types[concept.gives]
        for unit in SPELLINGS if is_in_a_column else [concept.unit]:
            by = find_factor(unit, wanted.unit, molar_mass=wanted.molar_mass)
            if by is not None:
                yield Factor(code, unit if is_in_a_column else None, by)


def definition_of(study: Study, name: str) -> ValueDefinition:
    """How the study takes a value; judgements have no such rules."""
    return study.eligibility.values.get(name, ValueDefinition())


def within_days(study: Study, facts: Facts) -> dict[int | None, list[str]]:
    """The concepts by how many days before the reference date they may be; None is any time."""
    windows: dict[int | None, list[str]] = {}
    for code, concept in facts.concepts.items():
        windows.setdefault(definition_of(study, concept.gives).within_days, []).append(code)
    return windows


def picked_first(study: Study, facts: Facts) -> list[str]:
    """The concepts of which the first measurement counts, and not the latest."""
    concepts = facts.concepts.items()
    return [c for c, m in concepts if definition_of(study, m.gives).pick == "first"]


def check_mapping(
    study: Study,
    mapped: Mapped,
    *,
    people: Sequence[str] | None,
    facts: Sequence[str] | None,
    reference_on: dt.date | None,
) -> Iterator[Problem]:
    """Names that do not exist, values that are given twice, and days without a reference date.
    `people` and `facts` are the columns of the two tables."""
    yield from _check_names(study, mapped)
    yield from _check_twice(mapped)
    for place, headers, have in (
        ("people", _people_columns(mapped), people or ()),
        ("facts", _facts_columns(mapped), facts or ()),
    ):
        for header in dict.fromkeys(h for h in headers if h and h not in have):
            known = ", ".join(have) or "–"
            yield problem("EQ-E039", Where(place), column=header, known=known)
    has_days = mapped.facts is not None or (
        mapped.people is not None and any(f.on for f in mapped.people.columns.values())
    )
    has_reference = reference_on is not None or (mapped.people and mapped.people.reference_date)
    if has_days and not has_reference:
        yield problem("EQ-E027", Where("mapping"), columns="on")


def _check_names(study: Study, mapped: Mapped) -> Iterator[Problem]:
    types, judgements = value_names(study), judgements_of(study)
    concepts = mapped.facts.concepts if mapped.facts else {}
    named = [("people", n) for n in (mapped.people.columns if mapped.people else ())]
    named += [("facts", c.gives) for c in concepts.values()]
    for place, name in named:
        if name not in types and name not in judgements:
            known = ", ".join(sorted(types))
            yield problem("EQ-E038", Where(place), name=name, known=known)
    for code, concept in concepts.items():
        kind = "boolean" if concept.gives in judgements else "number"
        kind = types[concept.gives].kind if concept.gives in types else kind
        if kind != "number":
            yield problem("EQ-E041", Where("facts"), concept=code, name=concept.gives, kind=kind)


def _check_twice(mapped: Mapped) -> Iterator[Problem]:
    given = set()
    if mapped.people is not None:
        given = {REFERENCE} if mapped.people.reference_date else set()
        if REFERENCE in given & mapped.people.columns.keys():
            header = mapped.people.columns[REFERENCE].from_
            yield problem("EQ-E022", Where("people"), column=header, name=REFERENCE)
        given |= mapped.people.columns.keys()
    for code, concept in (mapped.facts.concepts if mapped.facts else {}).items():
        if concept.gives in given:
            yield problem("EQ-E022", Where("facts"), column=code, name=concept.gives)
        given.add(concept.gives)


def _people_columns(mapped: Mapped) -> list[str]:
    if mapped.people is None:
        return []
    fed = [h for f in mapped.people.columns.values() for h in (f.from_, f.on)]
    return [mapped.people.person, mapped.people.reference_date, *fed]


def _facts_columns(mapped: Mapped) -> list[str]:
    fact = mapped.facts
    return [fact.person, fact.concept, fact.value, fact.on, fact.unit] if fact else []
