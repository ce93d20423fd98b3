"""Participants through the trial, in the order of CONSORT 2025's diagram."""

from collections import Counter

from msgspec import Struct

from equipoise.analysis.groups import Arms, Basis, Group, form_groups
from equipoise.conduct.state import Participant, TrialState
from equipoise.problems import Text
from equipoise.study.study import Study

LEFT_EARLY = "left"
"""The reason of those who left before randomization without failing a criterion."""
NO_CRITERION = "other"
"""The reason of those who failed screening with no criterion named."""


class FlowGroup(Struct, frozen=True):
    """The randomized of one group; `n` = withdrawn + completed + ongoing.

    Of each of these some may be among the `n_stopped`, whose treatment ended before it was whole.
    """

    label: Text
    n: int
    received: tuple[tuple[str, int], ...]
    n_withdrawn: int
    n_completed: int
    n_ongoing: int
    n_stopped: int = 0


class Flow(Struct, frozen=True):
    """Screened = in screening + failed + randomized. A person may have several reasons to fail."""

    n_screened: int
    n_in_screening: int
    n_failed: int
    reasons: tuple[tuple[str, int], ...]
    n_randomized: int
    groups: tuple[FlowGroup, ...]
    basis: Basis = "pooled"
    encounters: tuple[tuple[str, Text], ...] = ()


def count_flow(study: Study, state: TrialState, *, arms: Arms = None) -> Flow:
    """Count everybody who was screened once. `arms` are for the unblinded, or are dummies."""
    people = tuple(state.participants.values())
    failed = [p for p in people if _has_failed(p)]
    basis, groups = form_groups(study, state, arms)
    encounters = study.schedule.encounters
    return Flow(
        n_screened=len(people),
        n_in_screening=sum(p.is_in_trial and not p.is_randomized for p in people),
        n_failed=len(failed),
        reasons=_count_reasons(study, failed),
        n_randomized=sum(p.is_randomized for p in people),
        groups=tuple(_count_group(study, g) for g in groups),
        basis=basis,
        encounters=tuple((e, encounters[e].label) for e in study.infusion_encounters),
    )


def _has_failed(person: Participant) -> bool:
    """Whether somebody left before randomization, whatever the reason."""
    return not person.is_randomized and not person.is_in_trial


def _count_reasons(study: Study, failed: list[Participant]) -> tuple[tuple[str, int], ...]:
    """The reasons in the order of the study's criteria; then the two that are no criterion."""
    counts = Counter(reason for p in failed for reason in _reasons_of(p))
    order = [name for name, _ in study.criteria]
    order += [*sorted(set(counts) - {*order, NO_CRITERION, LEFT_EARLY}), NO_CRITERION, LEFT_EARLY]
    return tuple((name, counts[name]) for name in order if counts[name])


def _reasons_of(person: Participant) -> tuple[str, ...]:
    if person.status == "withdrawn":
        return (LEFT_EARLY,)
    return tuple(dict.fromkeys(person.failed_criteria)) or (NO_CRITERION,)


def _count_group(study: Study, group: Group) -> FlowGroup:
    status = Counter(p.status for p in group.members)
    given = Counter(e for p in group.members for e, i in p.infusions.items() if i.given_on)
    return FlowGroup(
        label=group.label,
        n=len(group.members),
        received=tuple((e, given[e]) for e in study.infusion_encounters),
        n_withdrawn=status["withdrawn"],
        n_completed=status["completed"],
        n_ongoing=status["randomized"],
        n_stopped=sum(p.treatment_stop is not None for p in group.members),
    )
