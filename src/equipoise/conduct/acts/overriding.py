"""Overrides: two people in two roles let somebody in whom a criterion stops; and deviations.

An override is given for what stood there: these criteria, as they were, on these entries, by this
text of the study. If any of it changes it no longer fits, and must be asked for anew. Consent is
no criterion, so no override replaces it.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import get_args

from equipoise.conduct import events as e
from equipoise.conduct.door import Events, View, act, at_record, refuse_if
from equipoise.conduct.facts import assess_participant
from equipoise.conduct.parts import DeviationKind, Ground, Override, Proof, is_same_human
from equipoise.conduct.rules import (
    check_accountable,
    check_consented,
    check_in_trial,
    check_not_future,
    check_open,
    check_reason,
    check_since_screening,
)
from equipoise.conduct.state import OverrideRecord, Participant
from equipoise.eligibility import Verdict
from equipoise.language import Explanation
from equipoise.problems import Problem, Where, problem
from equipoise.study.roles import Role
from equipoise.study.study import Study

FOUND_BY_PROGRAM = frozenset({"eligibility_override", "eligibility_found_later"})
"""Deviations that only the acts on eligibility record."""
KINDS = tuple(k for k in get_args(DeviationKind) if k not in FOUND_BY_PROGRAM)
"""The kinds of deviation that a person may record."""


@act(Role.INVESTIGATOR)
def request_override(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    participant: str,
    criteria: tuple[str, ...],
    on: dt.date,
    meaning: str = "",
    proof: Proof = "",
) -> Events:
    """Ask to let somebody in; names every criterion that stops them, and says why."""
    subject = view.participant(participant)
    where = at_record(participant)
    verdict = assess_participant(view.study, subject, on=on)
    grounds = grounds_of(verdict)
    problems = [
        *_check_screening(view, subject),
        *check_not_future(on, at=at, where=where),
        *check_reason(reason, act="request_override", where=where),
        *check_accountable(view.person, proof=proof),
        *check_consented(subject, on=on, where=where),
        *_check_named(view, grounds, criteria, where=where),
    ]
    known = subject.override
    if known is not None and known.status != "declined" and _fits(known, verdict, exactly=True):
        problems.append(problem("EQ-C083", where, on=known.on))
    refuse_if(problems)
    return [
        e.OverrideRequested(
            participant=participant,
            on=on,
            grounds=grounds,
            study_digest=verdict.study_digest,
            meaning=meaning,
            proof=proof,
        )
    ]


@act(Role.SAFETY_OFFICER)
def confirm_override(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    participant: str,
    request: str,
    on: dt.date,
    meaning: str = "",
    proof: Proof = "",
) -> Events:
    """Agree, as the second person, to the request of that entry; only while it is still true."""
    subject = view.participant(participant)
    where = at_record(participant)
    problems = [*_check_screening(view, subject), *check_not_future(on, at=at, where=where)]
    asked = subject.override
    if asked is None or asked.status != "requested" or asked.requested.entry != request:
        refuse_if([*problems, problem("EQ-C084", where)])
    assert asked is not None
    problems += check_accountable(view.person, proof=proof)
    problems += _check_second(view, asked, where=where)
    if not _fits(asked, assess_participant(view.study, subject, on=on), exactly=True):
        problems.append(problem("EQ-C087", where, on=asked.on))
    refuse_if(problems)
    confirmed = {"participant": participant, "request": request, "meaning": meaning}
    return [e.OverrideConfirmed(**confirmed, proof=proof)]


@act(Role.INVESTIGATOR, Role.SAFETY_OFFICER)
def decline_override(
    view: View, *, by: str, at: dt.datetime, reason: str = "", participant: str, request: str
) -> Events:
    """Refuse a request, or take it back, as long as it was not used; the reason is kept."""
    subject = view.participant(participant)
    where = at_record(participant)
    asked = subject.override
    problems = [
        *_check_screening(view, subject),
        *check_reason(reason, act="decline_override", where=where),
    ]
    if asked is None or asked.status == "declined" or asked.requested.entry != request:
        problems.append(problem("EQ-C084", where))
    refuse_if(problems)
    return [e.OverrideDeclined(participant=participant, request=request)]


@act(Role.COORDINATOR, Role.INVESTIGATOR, Role.DATA_MANAGER, Role.MONITOR)
def record_deviation(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    participant: str,
    kind: DeviationKind,
    on: dt.date,
) -> Events:
    """Record a departure from the protocol; `reason` says in what it consists.

    Who was randomized in error stays randomized, in every count and every later draw.
    """
    subject = view.participant(participant)
    where = at_record(participant)
    problems = [
        *check_open(view.state),
        *check_not_future(on, at=at, where=where),
        *check_since_screening(subject, on=on, where=where),
        *check_reason(reason, act="record_deviation", where=where),
    ]
    if kind not in KINDS:
        problems.append(problem("EQ-C088", where, kind=kind, known=", ".join(KINDS)))
    if kind == "randomized_in_error" and not subject.is_randomized:
        problems.append(problem("EQ-V144", where))
    refuse_if(problems)
    return [e.DeviationRecorded(participant=participant, kind=kind, on=on, what=reason)]


def grounds_of(verdict: Verdict) -> tuple[Ground, ...]:
    """Every criterion that bars or is unknown, as it stands and on which entries."""
    return tuple(
        Ground(
            criterion=c.id,
            status=c.status,
            reasons=c.reasons,
            entries=tuple(sorted(set(_entries_behind(c.explanation)))),
        )
        for c in verdict.criteria
        if c.bars or c.status == "unknown"
    )


def may_override_all(study: Study, verdict: Verdict) -> bool:
    """Whether something stops the person, and the study lets people override all of it."""
    criteria, grounds = dict(study.criteria), grounds_of(verdict)
    return bool(grounds) and all(criteria[g.criterion].may_override for g in grounds)


def is_granted(subject: Participant, verdict: Verdict) -> bool:
    """Whether two people let this participant in, for all that stops them by this verdict."""
    asked = subject.override
    return asked is not None and asked.status == "confirmed" and _fits(asked, verdict)


def granted_override(subject: Participant, verdict: Verdict) -> Override | None:
    """The override that lets somebody in whom a criterion stops; None if none is needed."""
    asked, grounds = subject.override, grounds_of(verdict)
    if asked is None or asked.confirmed is None or not grounds:
        return None
    return Override(
        criteria=tuple(g.criterion for g in grounds),
        requested_by=asked.requested.by,
        requested_as=asked.requested.role,
        request=asked.requested.entry,
        confirmed_by=asked.confirmed.by,
        confirmed_as=asked.confirmed.role,
        confirmation=asked.confirmed.entry,
        reason=asked.requested.reason,
    )


def check_outdated(subject: Participant, verdict: Verdict, *, where: Where) -> tuple[Problem, ...]:
    """A confirmed override that no longer fits says so, beside the criteria themselves."""
    asked = subject.override
    if asked is None or asked.status != "confirmed" or _fits(asked, verdict):
        return ()
    return (problem("EQ-C087", where, on=asked.on),)


def _fits(asked: OverrideRecord, verdict: Verdict, *, exactly: bool = False) -> bool:
    now, then = set(grounds_of(verdict)), set(asked.grounds)
    is_same_text = asked.study_digest == verdict.study_digest
    return is_same_text and (now == then if exactly else now <= then)


def _entries_behind(part: Explanation) -> Iterator[str]:
    for read in part.inputs:
        yield from (source.entry for source in read.sources if source.entry)
    for child in part.children:
        yield from _entries_behind(child)


def _check_screening(view: View, subject: Participant) -> tuple[Problem, ...]:
    problems = check_in_trial(view.state, subject)
    if subject.status != "screening":
        problems += (problem("EQ-C023", subject.code, participant=subject.code),)
    return problems


def _check_named(
    view: View, grounds: Iterable[Ground], named: tuple[str, ...], *, where: Where
) -> Iterator[Problem]:
    """The criteria named are all that stop the person, and each may be overridden."""
    wanted = [g.criterion for g in grounds]
    if not wanted:
        yield problem("EQ-C080", where)
    elif sorted(set(named)) != sorted(wanted):
        yield problem("EQ-C081", where, named=", ".join(named) or "–", wanted=", ".join(wanted))
    criteria = dict(view.study.criteria)
    for name in wanted:
        if not criteria[name].may_override:
            text = criteria[name].text or name
            yield problem("EQ-C082", at_record(where.record, name), criterion=name, text=text)


def _check_second(view: View, asked: OverrideRecord, *, where: Where) -> Iterator[Problem]:
    """Another human being, in another role; nobody with a blinded role was ever unblinded."""
    first, second = view.state.people[asked.requested.by], view.person
    if is_same_human(first, second):
        yield problem("EQ-C085", where, name=second.name)
