"""Who is counted with whom: everybody together, in dummy arms, or in the real ones."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Literal

import numpy as np
from msgspec import Struct

from equipoise.analysis.texts import word
from equipoise.conduct.state import Participant, TrialState
from equipoise.problems import Refused, Text, problem
from equipoise.study.study import Study

Basis = Literal["pooled", "dummy", "unblinded"]
"""What a table is by: everybody pooled, dummy arms drawn at random, or the arms of the vault."""


class DummyArms(Struct, frozen=True):
    """Arms that mean nothing: randomization number to label, drawn without the vault."""

    label_of: Mapping[str, str]
    labels: tuple[str, ...]
    seed: int


Arms = Mapping[str, str] | DummyArms | None
"""Real arms by randomization number, dummy arms, or none of them."""


class Group(Struct, frozen=True):
    """Participants that are counted together; `key` is the arm's id, a dummy label or empty."""

    key: str
    label: Text
    members: tuple[Participant, ...]


class SharedArms(Struct, frozen=True):
    """Arms that receive the same until just before the infusion at the encounter `until`.

    `encounters` are those after the first infusion at which they are still alike, `until` too.
    """

    arms: tuple[str, ...]
    until: str
    encounters: tuple[str, ...]


def draw_dummy_arms(state: TrialState, *, labels: Sequence[str], seed: int) -> DummyArms:
    """Deal the labels out evenly and at random over the randomized; the vault has no part in it."""
    numbers = [p.number for p in state.randomized]
    dealt = [labels[i % len(labels)] for i in range(len(numbers))]
    shuffled = np.random.default_rng(seed).permutation(len(numbers))
    label_of = {number: dealt[i] for number, i in zip(numbers, shuffled, strict=True)}
    return DummyArms(label_of, tuple(labels), seed)


def form_groups(
    study: Study, state: TrialState, arms: Arms = None
) -> tuple[Basis, tuple[Group, ...]]:
    """The randomized in their groups, in the order of the study's arms or of the dummy labels.

    Raises:
        Refused: somebody has no arm, or an arm is not the study's.
    """
    everybody = state.randomized
    if arms is None:
        return "pooled", (Group("", word("all_together"), everybody),)
    if isinstance(arms, DummyArms):
        dummies = {label: word("dummy_arm", label=label) for label in arms.labels}
        return "dummy", _split(everybody, arms.label_of, dummies)
    _check_arms(study, everybody, arms)
    real = {name: arm.label for name, arm in study.identity.arms.items()}
    return "unblinded", _split(everybody, arms, real)


def find_shared_arms(study: Study) -> tuple[SharedArms, ...]:
    """Which arms cannot differ yet, because all that was given before an encounter is the same.

    The first infusion is left out: before it nobody has received anything.
    """
    arms, order = study.identity.arms, tuple(study.schedule.encounters)
    found = []
    given: list[str] = []
    for encounter in study.infusion_encounters:
        alike: dict[tuple[str | None, ...], list[str]] = {}
        for name, arm in arms.items():
            alike.setdefault(tuple(arm.gives.get(e) for e in given), []).append(name)
        for names in alike.values():
            is_last = len({arms[n].gives.get(encounter) for n in names}) > 1
            if given and is_last and len(names) > 1:
                first, last = order.index(given[0]) + 1, order.index(encounter) + 1
                found.append(SharedArms(tuple(names), encounter, order[first:last]))
        given.append(encounter)
    return tuple(found)


def plan_sizes(study: Study) -> Mapping[str, int]:
    """How many participants each arm should have, from the planned number and the ratio."""
    arms = tuple(study.identity.arms)
    plan = study.identity.randomization
    ratio = plan.ratio if plan and len(plan.ratio) == len(arms) else (1,) * len(arms)
    total = study.identity.planned_participants
    return {a: total * r // sum(ratio) for a, r in zip(arms, ratio, strict=True)}


def plan_comparisons(study: Study) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
    """Every pair of arms, and each set of arms that are alike at first against every other arm."""
    arms = tuple(study.identity.arms)
    pairs = [((a,), (b,)) for a, b in combinations(arms, 2)]
    pooled = [
        (shared.arms, (arm,))
        for shared in find_shared_arms(study)
        for arm in arms
        if arm not in shared.arms
    ]
    return (*pairs, *pooled)


def _split(
    everybody: Iterable[Participant], group_of: Mapping[str, str], labels: Mapping[str, Text]
) -> tuple[Group, ...]:
    held: dict[str, list[Participant]] = {key: [] for key in labels}
    for participant in everybody:
        held[group_of[participant.number]].append(participant)
    return tuple(Group(key, labels[key], tuple(members)) for key, members in held.items())


def _check_arms(study: Study, everybody: Iterable[Participant], arms: Mapping[str, str]) -> None:
    missing = [p.number for p in everybody if p.number not in arms]
    unknown = sorted(set(arms.values()) - set(study.identity.arms))
    problems = []
    if missing:
        problems.append(problem("EQ-A002", numbers=", ".join(missing)))
    if unknown:
        problems.append(problem("EQ-A003", arms=", ".join(unknown)))
    if problems:
        raise Refused(problems)
