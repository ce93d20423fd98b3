"""Checks of what rules say together: the same for everybody, nobody left, one value left out."""

import re
from collections.abc import Iterator, Sequence
from itertools import product

from msgspec import Struct

from equipoise.language import Known, parse
from equipoise.language.parsing import quote, shift
from equipoise.problems import Problem, Refused, Text, Where, problem
from equipoise.study.check.conditions import conditions_of
from equipoise.study.check.places import Path, Places, file_of
from equipoise.study.check.proving import (
    Case,
    Part,
    cases_of,
    decide,
    find_constants,
    names_under,
    part_of,
    single_parts,
)
from equipoise.study.criteria import Criterion, Rule
from equipoise.study.vocabulary import (
    Names,
    condition_names,
    criteria_names,
    form_names,
    population_names,
    stopping_names,
)
from equipoise.study.yaml_source import VALUE

FILE = "eligibility.yaml"
_ANSWERS = {True: Text("true", "vraie"), False: Text("false", "fausse")}


class Claim(Struct, frozen=True):
    """A criterion as it is proved about: its id, its rule, what it asks as one part, of what."""

    id: str
    criterion: Criterion
    part: Part
    names: frozenset[str]

    @property
    def is_inclusion(self) -> bool:
        """Whether a person must satisfy it."""
        return self.id.startswith("I")


def check_claims(places: Places) -> Iterator[Problem]:
    """Warn of rules with one answer for everybody, of lists that bar everybody, of open edges."""
    names = criteria_names(places.study)
    claims = list(_claims(places, names))
    for claim in claims:
        yield from _constants(places, FILE, claim.part, names)
    for name in sorted({n for c in claims for n in c.names}):
        yield from _check_together(places, name, claims, names)
        yield from _check_edges(places, name, claims, names)
    yield from _check_forms(places)
    populations = places.study.analysis.populations
    for name, population in populations.items():
        part = _read(population.members, ("populations", name, "members"))
        yield from _constants(places, "analysis.yaml", part, population_names(places.study))
    for file, path, source in conditions_of(places).values():
        part = _read(source, path)
        yield from _constants(places, file, part, condition_names(places.study))
    safety = places.study.safety
    for index, rule in enumerate(safety.stopping if safety else ()):
        part = _read(rule.met_if, ("stopping", index, "met_if"))
        yield from _constants(places, "safety.yaml", part, stopping_names(places.study))


def _check_forms(places: Places) -> Iterator[Problem]:
    for form in places.study.forms.values():
        names = form_names(places.study, form)
        sources: list[tuple[Path, str]] = [
            *((("items", name, "when"), item.when) for name, item in form.items.items()),
            *((("checks", at, "warn_if"), check.warn_if) for at, check in enumerate(form.checks)),
        ]
        for path, source in sources:
            yield from _constants(places, file_of(form), _read(source, path), names)


def _constants(places: Places, file: str, part: Part, names: Names) -> Iterator[Problem]:
    for found, name, answer in find_constants(part, names):
        where, source = _place(places, file, found), quote(found.text)
        yield problem("EQ-S067", where, source=source, answer=_ANSWERS[answer], name=name)


def _check_together(
    places: Places, name: str, claims: Sequence[Claim], names: Names
) -> Iterator[Problem]:
    """Several criteria that between them leave no value of `name`, though each alone does."""
    cases = cases_of(name, [c.part for c in claims], names)
    others = [c for c in claims if name not in c.names]  # their answer is the same in each case
    always = {c.id for c in others for case in cases[:1] if _bars(c, name, case, names=names)}
    speaking = [c for c in claims if name in c.names]
    barring = [
        always | {c.id for c in speaking if _bars(c, name, case, names=names)} for case in cases
    ]
    several = set().union(*barring)
    alone = any(all(c.id in bars for bars in barring) for c in claims)
    if cases and all(barring) and not alone:
        first = next(c for c in claims if c.id in several)
        where = places.at(FILE, *first.part.path)
        told = ", ".join(c.id for c in claims if c.id in several)
        yield problem("EQ-S068", where, criteria=told, name=name)


def _bars(claim: Claim, name: str, case: Case, *, names: Names) -> bool:
    return decide(claim.part, name, case, names=names) == Known(not claim.is_inclusion)


def _check_edges(
    places: Places, name: str, claims: Sequence[Claim], names: Names
) -> Iterator[Problem]:
    """A single value between what an inclusion asks for and what an exclusion bars."""
    cases = cases_of(name, [c.part for c in claims], names)
    speaking = [c for c in claims if name in c.names]
    bands = [(c, p, m) for c in speaking for p, m in single_parts(c.part, name, names)]
    held = [
        [b for b in bands if decide(b[1], name, case, names=names) == Known(b[2])] for case in cases
    ]
    for at, case in enumerate(cases):
        if case.is_point and not held[at]:
            yield from _check_edge(places, name, case, [*product(held[at - 1], held[at + 1])])


def _check_edge(
    places: Places, name: str, case: Case, sides: Sequence[tuple[tuple[Claim, Part, bool], ...]]
) -> Iterator[Problem]:
    told: set[tuple[str, str]] = set()
    for pair in sides:
        (asked, part, _), (barred, other, _) = sorted(pair, key=lambda b: not b[0].is_inclusion)
        if (asked.id, barred.id) in told or asked.is_inclusion == barred.is_inclusion:
            continue
        told.add((asked.id, barred.id))
        if _is_decided(places, asked, barred, case):
            continue
        value = f"{case.value.value:g} {case.value.unit}".strip()
        yield problem(
            "EQ-S069",
            _place(places, FILE, part),
            name=name,
            value=value,
            asked=f"{asked.id} ({quote(part.text)})",
            barred=f"{barred.id} ({quote(other.text)})",
        )


def _is_decided(places: Places, asked: Claim, barred: Claim, case: Case) -> bool:
    """Whether a decision on which both criteria rest speaks of this very value."""
    shared = set(asked.criterion.decisions) & set(barred.criterion.decisions)
    number = re.escape(f"{case.value.value:g}")
    said = (f"{d.question.en} {d.because.en}" for d in places.study.decisions if d.id in shared)
    return any(re.search(rf"(?<![\d.]){number}(?!\d|\.\d)", text) for text in said)


def _claims(places: Places, names: Names) -> Iterator[Claim]:
    eligibility = places.study.eligibility
    for key, criteria in (
        ("inclusion", eligibility.inclusion),
        ("exclusion", eligibility.exclusion),
    ):
        for index, criterion in enumerate(criteria):
            name, path = f"{key[0].upper()}{criterion.number}", (key, index)
            part = _rule(criterion, path, text=name)
            if criterion.when:
                when = _read(criterion.when, (*path, "when"))
                parts = (Part(when.path, when.text, 0, "not", 0, (when,)), part)
                if key == "exclusion":
                    parts = (when, part)
                part = Part(path, name, 0, "any" if key == "inclusion" else "all", 0, parts)
            yield Claim(name, criterion, part, frozenset(names_under(part, names)))


def _rule(rule: Rule | str, path: Path, *, text: str = "") -> Part:
    if isinstance(rule, str):
        return _read(rule, path)
    for join in ("all", "any", "none"):
        rules: tuple[Rule | str, ...] = getattr(rule, f"{join}_")
        if rules:
            parts = tuple(_rule(r, (*path, join, i)) for i, r in enumerate(rules))
            return Part(path, text or rule.id or f"{join} of", 0, join, 0, parts)
    return _read(rule.is_, (*path, "is"))


def _read(source: str, path: Path) -> Part:
    """An expression as a part; one that cannot be read says nothing here."""
    try:
        return part_of(parse(source), path)
    except Refused:
        return Part(path, source)


def _place(places: Places, file: str, part: Part) -> Where:
    if part.is_expression:
        return shift(places.at(file, *part.path, VALUE), part.at)
    return places.at(file, *part.path)
