"""The stratum of a participant, read from what is in the ledger; nobody can type one.

The stratum that was used stays. Where a value is corrected afterwards, what the data say now is
told beside it, and the allocation is not changed (ICH E9 2.3.2).
"""

import datetime as dt
from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from equipoise.conduct.facts import assess_condition, comes_later, latest_values, list_participants
from equipoise.conduct.state import Participant, TrialState
from equipoise.language import Known, Unknown, Value
from equipoise.language.words import REASONS
from equipoise.problems import Problem, Refused, Text, Where, problem
from equipoise.randomization import SITE, join_levels, split_levels
from equipoise.study.protocol import Factor, RandomizationPlan
from equipoise.study.study import Study


class StratumChange(Struct, frozen=True):
    """A factor whose level is no longer the one that was used; `now` is empty if it is unknown."""

    participant: str
    factor: str
    used: str
    now: str


def stratum_of(study: Study, subject: Participant, *, on: dt.date, where: Where) -> str:
    """The stratum of a participant on a day, from the forms of the time before randomization.

    Raises:
        Refused: the level of a factor is unknown, or not exactly one.
    """
    plan = study.identity.randomization
    if plan is None:
        return ""
    levels: list[str] = []
    found: list[Problem] = []
    for factor, values in _factors(study, plan, subject, on=on):
        level = _only(values)
        levels.append(level)
        if not level:
            found.append(_tell(plan.factors[factor], values, where))
    if found:
        raise Refused(found)
    return join_levels(levels)


def left_out_of(study: Study, state: TrialState) -> tuple[str, ...]:
    """Who has a number and does not count in minimization, by the rule of the study folder."""
    plan = study.identity.randomization
    kinds = (plan.leaves_out or ()) if plan is not None else ()

    def is_out(subject: Participant) -> bool:
        is_in_error = any(d.kind == "randomized_in_error" for d in subject.deviations)
        return ("withdrawn" in kinds and subject.status == "withdrawn") or (
            "in_error" in kinds and is_in_error
        )

    return tuple(p.code for p in state.randomized if is_out(p))


def find_stratum_changes(study: Study, state: TrialState) -> tuple[StratumChange, ...]:
    """Each participant and factor for which the data now say another level than was used."""
    people = list_participants(state)
    return tuple(change for subject in people for change in changes_of_stratum(study, subject))


def changes_of_stratum(study: Study, subject: Participant) -> Iterator[StratumChange]:
    """Each factor of a participant for which the data now say another level than was used."""
    plan = study.identity.randomization
    if plan is None or not plan.stratify or subject.randomized_on is None:
        return
    factors = _factors(study, plan, subject, on=subject.randomized_on)
    for (factor, values), used in zip(factors, split_levels(subject.stratum), strict=False):
        if (now := _only(values)) != used:
            yield StratumChange(subject.code, factor, used, now)


def _factors(
    study: Study, plan: RandomizationPlan, subject: Participant, *, on: dt.date
) -> Iterator[tuple[str, Mapping[str, Value]]]:
    """For each factor, whether each of its levels holds."""
    early = {
        key: record
        for key, record in subject.forms.items()
        if record.on <= on and not comes_later(study, record.encounter)
    }
    known = replace(subject, forms=early)
    others = latest_values(study, known)
    for name in plan.stratify:
        if name == SITE:
            yield name, {subject.site: Known(True)}
            continue
        levels = plan.factors[name].levels.items()
        yield (
            name,
            {
                level: assess_condition(study, known, condition, others=others)
                for level, condition in levels
            },
        )


def _only(values: Mapping[str, Value]) -> str:
    """The one level that holds while no other may; empty where there is none."""
    may_hold = [level for level, value in values.items() if not _is(value, is_true=False)]
    return may_hold[0] if len(may_hold) == 1 and _is(values[may_hold[0]], is_true=True) else ""


def _is(value: Value, *, is_true: bool) -> bool:
    return isinstance(value, Known) and value.value is is_true


def _tell(factor: Factor, values: Mapping[str, Value], where: Where) -> Problem:
    reasons = {r for value in values.values() if isinstance(value, Unknown) for r in value.reasons}
    if not reasons:
        true = [level for level, value in values.items() if _is(value, is_true=True)]
        listed = ", ".join(true) or "-"
        return problem("EQ-V133", where, factor=factor.label, levels=listed)
    told = sorted((r.name, REASONS[r.kind]) for r in reasons)
    why = Text(
        ", ".join(f"{name}: {kind.en}" for name, kind in told),
        ", ".join(f"{name} : {kind.fr}" for name, kind in told),
    )
    return problem("EQ-V132", where, factor=factor.label, why=why)
