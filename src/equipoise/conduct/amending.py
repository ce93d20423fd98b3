"""A change of how the trial randomizes: one person asks, another agrees, the vault begins a part.

What may change: the planned number, the sites, the ratio and with it which arms are closed, the
strata, and the settings of the scheme. The rest of the folder stays, word for word. From the
agreement until the vault's new commitment is on record nobody is randomized, so that no number
comes from what was before.
"""

import datetime as dt
from collections.abc import Iterator, Mapping

import msgspec

from equipoise.conduct import events as e
from equipoise.conduct.door import Events, View, act, refuse_if
from equipoise.conduct.facts import list_participants
from equipoise.conduct.parts import Proof, is_same_human
from equipoise.conduct.rules import (
    check_accountable,
    check_amending,
    check_open,
    check_reason,
    check_restored,
)
from equipoise.conduct.standing import check_gathered
from equipoise.conduct.state import TrialState
from equipoise.problems import Problem, Where, problem
from equipoise.randomization import check_amended, find_anew, specify
from equipoise.study.protocol import Identity
from equipoise.study.roles import Role
from equipoise.study.study import Study

MAY_CHANGE = ("planned_participants", "sites", "randomization")
"""What of `study.yaml` an amendment is about."""
_NO_RULES = ("identity", "digest", "decisions", "assumptions", "scenario")
"""Pieces of a study that are looked at by themselves, or decide nothing about anybody."""


@act(Role.STATISTICIAN, Role.DATA_MANAGER)
def request_amendment(
    view: View, *, by: str, at: dt.datetime, reason: str = "", to: Study
) -> Events:
    """Ask that the trial goes on by the folder `to`; a later request takes this one's place."""
    where = Where(record=view.state.study)
    problems = [
        *check_reason(reason, act="request_amendment", where=where),
        *_check_may_change(view.state, where=where),
        *_check_folder(view.study, to, view.state, where=where),
    ]
    n_open = sum(d.status == "open" for d in to.decisions)
    if n_open and not view.state.n_open_decisions:
        problems.append(problem("EQ-C011", where, n=n_open))
    refuse_if(problems)
    requested = e.AmendmentRequested(
        digest=to.digest,
        changes=find_changes(view.study.identity, to.identity),
        begins_anew=_find_anew(view.study, to),
    )
    return [requested]


@act(Role.SAFETY_OFFICER, Role.DATA_MANAGER)
def confirm_amendment(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    digest: str,
    meaning: str = "",
    proof: Proof = "",
) -> Events:
    """Agree, as the second person, to the folder with this digest; randomization waits from now.

    With a `meaning` it is a signature.
    """
    state, where = view.state, Where(record=view.state.study)
    problems = [*_check_may_change(state, where=where)]
    asked = state.amendment
    if asked is None or asked.digest != digest:
        refuse_if([*problems, problem("EQ-C145", where, digest=digest[:12])])
    assert asked is not None
    first, second = state.people[asked.requested.by], view.person
    if is_same_human(first, second) or asked.requested.role == second.role:
        problems.append(problem("EQ-C146", where, name=second.name, role=second.role))
    if meaning:
        problems += check_accountable(second, proof=proof)
    under_way = [p.code for p in list_participants(state) if p.status == "randomizing"]
    if under_way:
        problems.append(problem("EQ-C147", where, participants=", ".join(under_way)))
    refuse_if([*problems, *check_gathered(state)])
    request = asked.requested.entry
    return [e.AmendmentConfirmed(digest=digest, request=request, meaning=meaning, proof=proof)]


def find_changes(before: Identity, after: Identity) -> Mapping[str, tuple[str, str]]:
    """Each key that an amendment is about and that differs, as it was and as it is, in JSON."""
    was, now = (dict(_told(i)) for i in (before, after))
    keys = sorted({*was, *now})
    return {k: (was.get(k, ""), now.get(k, "")) for k in keys if was.get(k) != now.get(k)}


def _told(identity: Identity) -> Iterator[tuple[str, str]]:
    for key in MAY_CHANGE:
        value = msgspec.to_builtins(getattr(identity, key))
        for name, part in value.items() if key == "randomization" and value else [("", value)]:
            text = msgspec.json.encode(part, order="deterministic").decode()
            yield f"{key}.{name}".rstrip("."), text


def _check_may_change(state: TrialState, *, where: Where) -> Iterator[Problem]:
    yield from check_open(state)
    yield from check_restored(state, where=where)
    yield from check_amending(state, where=where)


def _check_folder(
    before: Study, after: Study, state: TrialState, *, where: Where
) -> Iterator[Problem]:
    """What differs is what may, and the trial can go on with it."""
    others = [n for n in Study.__struct_fields__ if n not in _NO_RULES]
    wrong = [n for n in others if getattr(before, n) != getattr(after, n)]
    was, now = before.identity, after.identity
    fixed = [n for n in Identity.__struct_fields__ if n not in MAY_CHANGE]
    wrong += [f"study.yaml: {n}" for n in fixed if getattr(was, n) != getattr(now, n)]
    if wrong:
        yield problem("EQ-C141", where, what=", ".join(wrong))
    gone = [site for site in was.sites if site not in now.sites]
    if gone:
        yield problem("EQ-C142", where, sites=", ".join(gone))
    n = len(state.randomized)
    if now.planned_participants < n:
        yield problem("EQ-C143", where, planned=now.planned_participants, n=n)
    if not find_changes(was, now):
        yield problem("EQ-C144", where)
    plans = (was.randomization, now.randomization)
    if plans[0] is None or plans[1] is None:
        yield problem("EQ-R002", where)
    else:
        if plans[0].stratify != plans[1].stratify:
            yield problem("EQ-V173", where)
        found = check_amended(specify(was, plans[0]), specify(now, plans[1]))
        yield from (p for p in found if p.severity == "error")


def _find_anew(before: Study, after: Study) -> tuple[str, ...]:
    was, now = before.identity, after.identity
    assert was.randomization is not None and now.randomization is not None
    return find_anew(specify(was, was.randomization), specify(now, now.randomization))
