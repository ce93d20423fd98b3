"""What an expression of each file may name and call, with its kind, unit and choices."""

import math
from collections.abc import Mapping

import msgspec

from equipoise.clinical import ANALYTES, CALCULATORS
from equipoise.language import (
    STANDARD_FUNCTIONS,
    Direction,
    Function,
    Functions,
    History,
    ValueType,
    as_functions,
    convert,
    find_unit,
    infer_type,
    parse,
    visit_functions,
)
from equipoise.problems import Refused
from equipoise.study.criteria import ValueDefinition
from equipoise.study.forms import Derivation, Form, Item
from equipoise.study.study import Study

Names = Mapping[str, ValueType]

PARTICIPANT_FACTS = (
    "screened",
    "consented",
    "eligible",
    "randomized",
    "infused",
    "withdrawn",
    "completed",
    "treatment_stopped",
)
"""What a population of the analysis, or the condition of a visit, may ask beside the forms.
`eligible` is the verdict on the values as they stand now."""

PARTICIPANT_COUNTS = ("n_infusions", "n_missed")
"""What it may count: infusions given, encounters missed."""

PEOPLE_COUNTS = ("n_screened", "n_randomized", "n_infused", "n_withdrawn", "n_completed")
"""How many participants came so far: what a stopping rule may count."""

EVENT_COUNTS = (
    "n_serious",
    "n_fatal",
    "n_related",
    "n_related_serious",
    "n_related_fatal",
    *(f"n_{which}grade_{grade}" for which in ("", "related_") for grade in (3, 4, 5)),
)
"""How many participants had at least one adverse event of this kind, of this grade or a higher one;
`n_special_interest.CODE` counts those with an event of special interest."""

ANYTHING = ValueType("any")
"""What a faulty declaration gives: the fault is told there, not again at each use."""

_SINCE = {"age": "years", "years_since": "years", "days_since": "days"}
_KINDS: Mapping[str, str] = {"integer": "number", "scale": "number", "month": "date"}


def form_functions() -> Functions:
    """What an expression of a form may call; the history is empty, for checks alone."""
    history = visit_functions(lambda _: History())
    return {**STANDARD_FUNCTIONS, **as_functions(CALCULATORS), **history}


def criteria_functions() -> Functions:
    """What an expression of `eligibility.yaml` may call, with its types; for checks alone.

    Whoever assesses a participant binds `age`, `years_since` and `days_since` to a reference day.
    """
    since = {name: _from_a_day(unit) for name, unit in _SINCE.items()}
    return {**STANDARD_FUNCTIONS, **as_functions(CALCULATORS), **since}


def type_of(part: Item | Derivation) -> ValueType:
    """What an item or a derived value can be; anything, if its unit is not known."""
    unit = find_unit(part.unit)
    if part.unit and unit is None:
        return ANYTHING
    if isinstance(part, Derivation):
        return ValueType("number", unit or "")
    kind = _KINDS.get(part.type, part.type)
    mass = next((a.molar_mass for a in ANALYTES if a.analyte == part.analyte), 0.0)
    named = ValueType(kind, unit or "", tuple(part.choices), part.range)  # type: ignore[arg-type]
    return msgspec.structs.replace(named, molar_mass=mass)


def all_names(study: Study) -> dict[str, ValueType]:
    """Every item and derived value of the study, as `form.item`."""
    names: dict[str, ValueType] = {}
    for form in study.forms.values():
        parts: dict[str, Item | Derivation] = {**form.derive, **form.items}
        names |= {f"{form.form}.{name}": type_of(part) for name, part in parts.items()}
    for name, worst in worst_directions(study).items():
        if name in names:
            names[name] = msgspec.structs.replace(names[name], worst=worst)
    return names


def worst_directions(study: Study) -> Mapping[str, Direction]:
    """In which direction each endpoint, as `form.item`, gets worse."""
    return {e.item: "highest" if e.lower_is_better else "lowest" for e in study.analysis.endpoints}


def form_names(study: Study, form: Form, *, before: str = "") -> Names:
    """What a form's expressions may name; a derived value only those derived `before` it."""
    names = all_names(study)
    names["encounter"] = ValueType("choice", codes=tuple(study.schedule.encounters))
    names |= {name: names[f"{form.form}.{name}"] for name in form.items}
    for area in form.areas:
        names |= {n: ANYTHING for n, _ in area.sides if _is_unmade(form, n)}
    for name in form.derive:
        if name == before:
            break
        names[name] = names[f"{form.form}.{name}"]
    return names


def value_names(study: Study) -> Names:
    """The named values of `eligibility.yaml`, which its criteria use, and `reference_date`."""
    names = {"reference_date": ValueType("date")}
    sources = all_names(study)
    values = study.eligibility.values
    for name, value in values.items():
        mass = molar_mass_of(study, value)
        if value.from_ in sources:
            names[name] = _taken(value, sources[value.from_], molar_mass=mass)
        elif value.unit:
            unit = find_unit(value.unit)
            kind = ValueType("number", unit or "", (), _bounds(value), molar_mass=mass)
            names[name] = kind if unit else ANYTHING
    functions = criteria_functions()
    for name, value in values.items():
        if name not in names:
            names[name] = _inferred(value.value, names, functions=functions)
    return names


def criteria_names(study: Study) -> Names:
    """What criteria may name: the values of `eligibility.yaml`, and items of forms as `form.item`,
    whose latest value counts however old it is."""
    return {**all_names(study), **value_names(study)}


def known_analytes(study: Study) -> Mapping[str, float]:
    """The molar mass of each substance in g/mol: those of the tables, and the study's own."""
    return {a.analyte: a.molar_mass for a in ANALYTES} | dict(study.eligibility.analytes)


def molar_mass_of(study: Study, value: ValueDefinition) -> float:
    """The molar mass of what a value measures in g/mol, 0 if mass and amount do not convert."""
    return known_analytes(study).get(value.analyte, 0.0) if value.analyte else 0.0


def population_names(study: Study) -> Names:
    """What the populations of `analysis.yaml` may name."""
    facts = dict.fromkeys(PARTICIPANT_FACTS, ValueType("boolean"))
    count = ValueType("number", plausible=(0, math.inf))
    return all_names(study) | facts | dict.fromkeys(PARTICIPANT_COUNTS, count)


def condition_names(study: Study) -> Names:
    """What the condition of an encounter or of a form may name."""
    encounter = ValueType("choice", codes=tuple(study.schedule.encounters))
    return {**population_names(study), "encounter": encounter}


def stopping_names(study: Study) -> Names:
    """What the stopping rules of `safety.yaml` may name: counts over all arms together."""
    codes = study.safety.special_interest if study.safety and study.safety.of_interest else ()
    named = (*PEOPLE_COUNTS, *EVENT_COUNTS, *(f"n_special_interest.{code}" for code in codes))
    return dict.fromkeys(named, ValueType("number", plausible=(0, math.inf)))


def _from_a_day(unit: str) -> Function:
    return Function(lambda _: None, (ValueType("date"),), ValueType("number", unit))


def _taken(value: ValueDefinition, source: ValueType, *, molar_mass: float) -> ValueType:
    unit = find_unit(value.unit) if value.unit else source.unit
    if unit is None or convert(1.0, source.unit, unit, molar_mass=molar_mass) is None:
        return ANYTHING
    bounds = _bounds(value)
    return ValueType(source.kind, unit, source.codes, bounds, source.worst, molar_mass)


def _bounds(value: ValueDefinition) -> tuple[float, float] | None:
    pair = value.plausible
    return pair if pair and pair[0] <= pair[1] else None


def _is_unmade(form: Form, name: str) -> bool:
    """Whether an area has no item, or one that takes its name."""
    return name not in form.items or not form.items[name].area


def _inferred(source: str, names: Names, *, functions: Functions) -> ValueType:
    try:
        found = infer_type(parse(source), names, functions=functions)
    except Refused:
        found = None
    return found or ANYTHING
