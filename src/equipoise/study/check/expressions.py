"""Checks of every expression: that it reads, names what exists, and compares like with like."""

from collections.abc import Iterator, Mapping
from contextlib import suppress

import msgspec

from equipoise.clinical import (
    ANALYTES,
    NEEDS_TABLES,
    TABLES_EXTRA,
    TABLES_PACKAGE,
    has_tables,
)
from equipoise.language import (
    STANDARD_FUNCTIONS,
    Functions,
    ValueType,
    check_source,
    convert,
    find_unit,
    names_in,
    parse,
)
from equipoise.language.tree import Call, walk
from equipoise.language.words import nearest
from equipoise.problems import Problem, Refused, problem
from equipoise.study.check.conditions import conditions_of, conditions_of_levels
from equipoise.study.check.places import Path, Places, file_of
from equipoise.study.check.rules import inner_rules, rules_of
from equipoise.study.criteria import Criterion, Rule
from equipoise.study.forms import Form, Item
from equipoise.study.protocol import OtherReading
from equipoise.study.vocabulary import (
    ANYTHING,
    Names,
    all_names,
    condition_names,
    criteria_functions,
    criteria_names,
    form_functions,
    form_names,
    known_analytes,
    molar_mass_of,
    population_names,
    stopping_names,
    type_of,
)
from equipoise.study.yaml_source import VALUE

BOOLEAN = ValueType("boolean")
ELIGIBILITY = "eligibility.yaml"


def check_expressions(places: Places) -> Iterator[Problem]:
    """Check the units and expressions of the whole folder."""
    for form in places.study.forms.values():
        yield from _check_form_units(places, form)
        yield from _check_form(places, form)
    yield from _check_derived_circles(places)
    yield from _check_values(places)
    yield from _check_criteria(places)
    yield from _check_readings(places)
    yield from _check_safety(places)
    yield from _check_populations(places)
    names, functions = condition_names(places.study), form_functions()
    plan = places.study.identity.randomization
    levels = conditions_of_levels(plan) if plan else ()
    for file, path, source in (
        *conditions_of(places).values(),
        *(("study.yaml", path, source) for path, source in levels),
    ):
        yield from _check(places, file, path, source=source, names=names, functions=functions)


def _check(
    places: Places,
    file: str,
    path: Path,
    *,
    source: str,
    names: Names,
    functions: Functions = STANDARD_FUNCTIONS,
    result: ValueType | None = BOOLEAN,
) -> Iterator[Problem]:
    where = places.at(file, *path, VALUE)
    yield from check_source(source, names, functions=functions, where=where, result=result)
    for name in sorted(_called(source) & NEEDS_TABLES):
        if not has_tables():
            known = {"package": TABLES_PACKAGE, "extra": TABLES_EXTRA}
            yield problem("EQ-S092", where, name=name, **known)


def _called(source: str) -> set[str]:
    try:
        return {n.function for n, _ in walk(parse(source).root) if isinstance(n, Call)}
    except Refused:
        return set()


def _check_populations(places: Places) -> Iterator[Problem]:
    names, functions = population_names(places.study), form_functions()
    for name, population in places.study.analysis.populations.items():
        path, source = ("populations", name, "members"), population.members
        yield from _check(
            places, "analysis.yaml", path, source=source, names=names, functions=functions
        )


def _check_form_units(places: Places, form: Form) -> Iterator[Problem]:
    for section, parts in (("items", form.items), ("derive", form.derive)):
        for name, part in parts.items():
            if part.unit and find_unit(part.unit) is None:
                where = places.at(file_of(form), section, name, "unit")
                yield problem("EQ-S038", where, name=name, unit=part.unit)
    for name, item in form.items.items():
        yield from _check_offered(places, file_of(form), name, item=item)


def _check_offered(places: Places, file: str, name: str, *, item: Item) -> Iterator[Problem]:
    """The units in which an item may be entered, and the substance that it measures."""
    masses = {a.analyte: a.molar_mass for a in ANALYTES}
    if item.analyte is not None and item.analyte not in masses:
        where, near = places.at(file, "items", name, "analyte"), nearest(item.analyte, masses)
        yield problem("EQ-S093", where, name=name, analyte=item.analyte, nearest=near)
    mass = masses.get(item.analyte or "", 0.0)
    for index, unit in enumerate(item.units):
        where = places.at(file, "items", name, "units", index)
        if item.type != "number":
            yield problem("EQ-S036", where, item=name, key="units", type=item.type)
        elif find_unit(unit) is None:
            yield problem("EQ-S038", where, name=name, unit=unit)
        elif convert(1.0, unit, item.unit, molar_mass=mass) is None:
            yield problem("EQ-S094", where, name=name, unit=unit, own=item.unit or "-")


def _check_form(places: Places, form: Form) -> Iterator[Problem]:
    file, functions = file_of(form), form_functions()
    names = form_names(places.study, form)
    for name, item in form.items.items():
        if item.when:
            yield from _check(places, file, ("items", name, "when"), source=item.when, names=names)
    for name, derivation in form.derive.items():
        yield from _check(
            places,
            file,
            ("derive", name, "value"),
            source=derivation.value,
            names=form_names(places.study, form, before=name),
            functions=functions,
            result=type_of(derivation),
        )
    for index, check in enumerate(form.checks):
        path = ("checks", index, "warn_if")
        yield from _check(
            places, file, path, source=check.warn_if, names=names, functions=functions
        )


def _check_values(places: Places) -> Iterator[Problem]:
    sources = all_names(places.study)
    names = criteria_names(places.study)
    functions = criteria_functions()
    for name, value in places.study.eligibility.values.items():
        path = ("values", name)
        unit = find_unit(value.unit)
        if value.unit and unit is None:
            where = places.at(ELIGIBILITY, *path, "unit")
            yield problem("EQ-S038", where, name=name, unit=value.unit)
        elif unit and value.from_ in sources:
            given = sources[value.from_].unit
            is_told = sources[value.from_] == ANYTHING
            mass = molar_mass_of(places.study, value)
            if not is_told and convert(1.0, given, unit, molar_mass=mass) is None:
                where = places.at(ELIGIBILITY, *path, "unit")
                yield problem("EQ-S064", where, name=name, unit=unit, given=given or "-")
        analytes = known_analytes(places.study)
        if value.analyte and value.analyte not in analytes:
            where = places.at(ELIGIBILITY, *path, "analyte")
            near = nearest(value.analyte, analytes)
            yield problem("EQ-S066", where, name=name, analyte=value.analyte, nearest=near)
        if value.value:
            yield from _check(
                places,
                ELIGIBILITY,
                (*path, "value"),
                source=value.value,
                names=names,
                functions=functions,
                result=ValueType("number", unit) if unit else None,
            )
    yield from _check_circles(places)


def _check_circles(places: Places) -> Iterator[Problem]:
    """A value that is computed from itself, over whatever detour, is never known."""
    values = places.study.eligibility.values
    uses = {name: _used(value.value) & set(values) for name, value in values.items()}
    for name in _circular(uses):
        yield problem("EQ-S065", places.at(ELIGIBILITY, "values", name), name=name)


def _check_derived_circles(places: Places) -> Iterator[Problem]:
    """Forms may read each other's derived values, but not in a circle."""
    derived = {
        f"{form.form}.{name}": (form, name, part.value)
        for form in places.study.forms.values()
        for name, part in form.derive.items()
    }
    uses = {
        path: {n if "." in n else f"{form.form}.{n}" for n in _used(value)} & set(derived)
        for path, (form, _, value) in derived.items()
    }
    for path in _circular(uses):
        form, name, _ = derived[path]
        yield problem("EQ-S065", places.at(file_of(form), "derive", name), name=name)


def _circular(uses: Mapping[str, set[str]]) -> Iterator[str]:
    """The names that lead back to themselves."""
    for name in uses:
        reached, waiting = set[str](), set(uses[name])
        while waiting:
            reached |= waiting
            waiting = {far for near in waiting for far in uses[near]} - reached
        if name in reached:
            yield name


def _used(source: str) -> set[str]:
    try:
        return set(names_in(parse(source))) if source else set()
    except Refused:
        return set()


def _check_criteria(places: Places) -> Iterator[Problem]:
    names = criteria_names(places.study)
    functions = criteria_functions()
    for path, rule in rules_of(places):
        for inner, source in _sources(rule):
            yield from _check(
                places,
                ELIGIBILITY,
                (*path, *inner),
                source=source,
                names=names,
                functions=functions,
            )


def _check_readings(places: Places) -> Iterator[Problem]:
    """The expressions of other readings, where they stand among the decisions."""
    names = criteria_names(places.study)
    for index, decision in enumerate(places.study.decisions):
        for option, meant in decision.options.items():
            path: Path = ("decisions", index, "options", option, "use")
            for inner, source, result in _read_in(places, meant.use):
                yield from _check(
                    places,
                    "decisions.yaml",
                    (*path, *inner),
                    source=source,
                    names=names,
                    functions=criteria_functions(),
                    result=result,
                )


def _read_in(
    places: Places, reading: OtherReading | None
) -> Iterator[tuple[Path, str, ValueType | None]]:
    """Each expression of another reading, with its path and what it must give."""
    for name, raw in (reading.rules if reading else {}).items():
        with suppress(msgspec.ValidationError):  # which is told with the decisions
            for path, rule in inner_rules(msgspec.convert(raw, Rule), ("rules", name)):
                yield from (((*path, *at), source, BOOLEAN) for at, source in _sources(rule))
    for name, changed in (reading.values if reading else {}).items():
        source = changed.get("value") if isinstance(changed, dict) else None
        defined = places.study.eligibility.values.get(name)
        if isinstance(source, str) and defined is not None:
            unit = find_unit(defined.unit)
            yield ("values", name, "value"), source, ValueType("number", unit) if unit else None


def _sources(rule: Rule) -> Iterator[tuple[Path, str]]:
    """The expressions that stand in a rule itself, with their paths inside it."""
    if isinstance(rule, Criterion) and rule.when:
        yield ("when",), rule.when
    if rule.is_:
        yield ("is",), rule.is_
    for key, parts in (("all", rule.all_), ("any", rule.any_), ("none", rule.none_)):
        yield from (((key, i), part) for i, part in enumerate(parts) if isinstance(part, str))


def _check_safety(places: Places) -> Iterator[Problem]:
    plan = places.study.safety
    form = places.study.forms.get(plan.form) if plan else None
    if plan is None or form is None:
        return
    names = {name: type_of(item) for name, item in form.items.items()}
    for key, source in (("serious_if", plan.serious_if), ("fatal_if", plan.fatal_if)):
        if source or key == "serious_if":
            yield from _check(places, "safety.yaml", (key,), source=source, names=names)
    counts = stopping_names(places.study)
    for index, rule in enumerate(plan.stopping):
        path = ("stopping", index, "met_if")
        yield from _check(places, "safety.yaml", path, source=rule.met_if, names=counts)
