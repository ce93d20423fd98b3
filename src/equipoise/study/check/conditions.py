"""Checks of the conditions of encounters, forms and strata: that each can be told in time."""

from collections.abc import Iterator, Mapping

from equipoise.language import names_in, parse
from equipoise.problems import Problem, Refused, problem
from equipoise.study.check.places import Path, Places, check_known, file_of
from equipoise.study.protocol import RandomizationPlan
from equipoise.study.vocabulary import PARTICIPANT_COUNTS

SCHEDULE = "schedule.yaml"
_STUDY = "study.yaml"
_SITE = "site"
_LATER = frozenset({"randomized", "infused", "withdrawn", "completed", "treatment_stopped"})
_LATER |= {"n_infusions", "n_missed"}
"""Facts that are settled by the randomization, or come after it."""
Conditions = Mapping[str, tuple[str, Path, str]]
"""By the name of an encounter or form: its file, the path of its condition, and the condition."""


def conditions_of(places: Places) -> Conditions:
    """Every condition of the folder; an encounter is `at NAME`, never taken for a form."""
    found = {
        f"at {name}": (SCHEDULE, ("encounters", name, "when"), encounter.when)
        for name, encounter in places.study.schedule.encounters.items()
        if encounter.when
    }
    return found | {
        name: (file_of(form), ("when",), form.when)
        for name, form in places.study.forms.items()
        if form.when
    }


def check_circles(places: Places) -> Iterator[Problem]:
    """Yield a problem for what is expected only if something holds that is only known if it is."""
    conditions = conditions_of(places)
    for name, (file, path, _) in conditions.items():
        reached, waiting = set[str](), _needs(places, name, conditions)
        while waiting:
            reached |= waiting
            waiting = {x for n in waiting for x in _needs(places, n, conditions)} - reached
        if name in reached:
            yield problem("EQ-S091", places.at(file, *path), name=name.removeprefix("at "))


def check_factors(places: Places, plan: RandomizationPlan) -> Iterator[Problem]:
    """Check what a plan stratifies by, and each factor that it defines."""
    where = places.at(_STUDY, "randomization", "stratify")
    for index, name in enumerate(plan.stratify):
        yield from check_known(name, (_SITE, *plan.factors), kind="factor", where=where)
        if name in plan.stratify[:index]:
            yield problem("EQ-S114", where, factor=name)
    for name, factor in plan.factors.items():
        at = places.at(_STUDY, *_path(name))
        if name == _SITE:
            yield problem("EQ-S112", at)
        elif name not in plan.stratify:
            yield problem("EQ-S110", at, factor=name)
        if len(factor.levels) < 2:
            yield problem("EQ-S111", at, factor=name, n=len(factor.levels))
    for path, condition in conditions_of_levels(plan):
        for fact in sorted(_names(condition) & _LATER):
            yield problem("EQ-S113", places.at(_STUDY, *path), fact=fact)


def conditions_of_levels(plan: RandomizationPlan) -> Iterator[tuple[Path, str]]:
    """The condition of every level of every factor, with its path in `study.yaml`."""
    for name, factor in plan.factors.items():
        for level, condition in factor.levels.items():
            yield (*_path(name), "levels", level), condition


def _path(factor: str) -> Path:
    return ("randomization", "factors", factor)


def _needs(places: Places, name: str, conditions: Conditions) -> set[str]:
    """What must be entered before it is known: the forms of a condition, an only encounter."""
    needed = {_source_of(n) for n in _names(conditions[name][2])} if name in conditions else set()
    form = places.study.forms.get(name)
    if form is not None and len(form.at) == 1:
        needed.add(f"at {form.at[0]}")
    if name == _INFUSION:
        needed |= {f"at {e}" for e in places.study.infusion_encounters[:1]}
    return needed


_INFUSION = "an infusion"


def _source_of(name: str) -> str:
    return _INFUSION if name in ("infused", PARTICIPANT_COUNTS[0]) else name.partition(".")[0]


def _names(source: str) -> set[str]:
    try:
        return set(names_in(parse(source)))
    except Refused:
        return set()
