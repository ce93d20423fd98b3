"""Randomization: the proof first, then the vault, then the number; never an arm.

A request is recorded with its proof before the vault is asked. If the machine stops in between, the
next call finishes: the vault gives the same participant the same number again. What a later entry
changes in the verdict is told, as of the day for which the proof was fixed; the proof stays.
"""

import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from functools import partial

import msgspec

from equipoise.conduct import events as e
from equipoise.conduct.acts.overriding import check_outdated, granted_override, is_granted
from equipoise.conduct.door import Events, RunningTrial, View, act, at_record, refuse_if
from equipoise.conduct.events.places import place_of
from equipoise.conduct.evolve import apply_to
from equipoise.conduct.facts import (
    answers_of,
    assess_participant,
    comes_later,
    observations_of,
)
from equipoise.conduct.parts import Change, Stamp
from equipoise.conduct.rules import (
    check_consented,
    check_in_force,
    check_in_trial,
    check_not_future,
    check_not_past,
    check_reason,
    check_restored,
    check_running,
)
from equipoise.conduct.state import Participant
from equipoise.conduct.stratifying import left_out_of, stratum_of
from equipoise.eligibility import Verdict, assess_eligibility
from equipoise.language import Explanation, Input
from equipoise.ledger import Entry, to_body
from equipoise.problems import Problem, Refused, Where, problem
from equipoise.study.roles import Role
from equipoise.study.study import Study


def randomize_participant(
    trial: RunningTrial,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    participant: str,
    on: dt.date,
) -> Entry:
    """Randomize an eligible, consented participant; asked again, it gives the same number.

    Raises:
        Refused: any criterion not met or unknown, no consent, or the trial is full, locked or left.
    """
    request_randomization(trial, by=by, at=at, reason=reason, participant=participant, on=on)
    return finish_randomization(trial, by=by, at=at, participant=participant)


def finish_randomization(
    trial: RunningTrial, *, by: str, at: dt.datetime, participant: str
) -> Entry:
    """Get the number of a requested randomization from the vault and record it.

    While a stopping rule pauses the trial, only a number that the vault gave before is recorded; so
    it is where a packet was opened for this participant, whose number the vault then has.

    Raises:
        Refused: nothing was requested, the trial is paused, or the vault cannot be reached: try
            again, nothing is lost.
    """
    state = trial.state
    refuse_if(check_restored(state, where=at_record(participant)))
    subject = state.participants.get(participant)
    if subject is None or subject.status != "randomizing":
        refuse_if([problem("EQ-C052", participant, participant=participant)])
    if trial.vault is None:
        refuse_if([problem("EQ-C053", participant)])
    assert subject is not None and trial.vault is not None
    refuse_if(check_in_force(trial.study, state, where=at_record(participant)))
    paused = check_running(state, where=at_record(participant))
    ask = trial.vault.assigned
    if not (paused or subject.packet):
        out = subject.left_out
        ask = partial(trial.vault.assign, left_out=out) if out else trial.vault.assign
    try:
        number = ask(participant, stratum=subject.stratum, proof=proof_of(subject))
    except Refused as refused:
        raise Refused([*paused, *refused.problems]) from None
    return record_number(trial, by=by, at=at, participant=participant, number=number)[0]


@act(Role.COORDINATOR, Role.INVESTIGATOR)
def request_randomization(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    participant: str,
    on: dt.date,
) -> Events:
    """Fix the proof of eligibility; refused unless every criterion is satisfied or overridden.

    An override that is used becomes a protocol deviation in the same breath. Who asks again while
    the number is on its way finds the proof fixed, and adds nothing.
    """
    subject = view.participant(participant)
    refuse_if(check_restored(view.state, where=at_record(participant)))
    refuse_if(check_in_force(view.study, view.state, where=at_record(participant)))
    if subject.status == "randomizing":
        return []
    where = at_record(participant)
    verdict = assess_participant(view.study, subject, on=on)
    problems = [
        *check_in_trial(view.state, subject),
        *check_not_future(on, at=at, where=where),
        *check_not_past(on, at=at, where=where),
        *check_running(view.state, where=where),
        *check_ready(view, subject, on=on, where=where),
    ]
    if not is_granted(subject, verdict):
        problems += check_verdict(view, verdict, participant=participant)
        problems += check_outdated(subject, verdict, where=where)
    refuse_if(problems)
    override = granted_override(subject, verdict)
    requested = e.RandomizationRequested(
        participant=participant,
        stratum=stratum_of(view.study, subject, on=on, where=where),
        on=on,
        verdict=msgspec.Raw(to_body(verdict)),
        override=override,
        left_out=left_out_of(view.study, view.state),
    )
    if override is None:
        return [requested]
    deviation = e.DeviationRecorded(
        participant=participant,
        kind="eligibility_override",
        on=on,
        what=override.reason,
        criteria=override.criteria,
        override=override,
    )
    return [deviation, requested]


@act(Role.COORDINATOR, Role.INVESTIGATOR)
def record_number(
    view: View, *, by: str, at: dt.datetime, reason: str = "", participant: str, number: str
) -> Events:
    """Record the number that the vault gave."""
    subject = view.participant(participant)
    if subject.is_randomized:
        refuse_if([problem("EQ-C050", participant, number=subject.number)])
    if subject.status != "randomizing":
        refuse_if([problem("EQ-C052", participant, participant=participant)])
    return [e.ParticipantRandomized(participant=participant, number=number)]


def call_off_randomization(
    trial: RunningTrial, *, by: str, at: dt.datetime, reason: str, participant: str
) -> Entry:
    """Take back a request whose number never came; the person is in screening again.

    It is on record once the vault has agreed: who holds the same request gets no number from then
    on, and where the vault gave one before, nothing is taken back. After a crash in between, the
    next call finishes.

    Raises:
        Refused: nothing was requested, the vault has given the number, or it cannot be reached.
    """
    with trial.transaction():
        subject = trial.state.participants.get(participant)
        recorded = record_call_off(trial, by=by, at=at, reason=reason, participant=participant)
        if trial.vault is None:
            raise Refused([problem("EQ-C053", participant)])
        assert subject is not None
        trial.vault.call_off(participant, proof=proof_of(subject))
    return recorded[0]


@act(Role.COORDINATOR, Role.INVESTIGATOR)
def record_call_off(
    view: View, *, by: str, at: dt.datetime, reason: str = "", participant: str
) -> Events:
    """Record that a request was taken back, once the vault gives no number for it."""
    subject = view.participant(participant)
    where = at_record(participant)
    found = [*check_restored(view.state, where=where)]
    if subject.status != "randomizing":
        found.append(problem("EQ-C052", where, participant=participant))
    if subject.packet:  # the number is on the paper that was opened
        found.append(problem("EQ-C160", where, participant=participant))
    found += check_reason(reason, act="call_off_randomization", where=where)
    refuse_if(found)
    return [e.RandomizationCalledOff(participant=participant)]


def with_reassessment(
    view: View,
    happened: e.FormSubmitted | e.ItemCorrected | e.CriterionJudged,
    *,
    at: dt.datetime,
    reason: str,
) -> Events:
    """The event, and after it what it changes in the eligibility of a randomized participant.

    What is judged afterwards is judged about the day of reference, whenever it is said.
    """
    before = view.state.participants[happened.participant]
    proof = before.proof
    if proof is None:
        return [happened]
    chain, _ = place_of(happened)
    seq = view.state.heads.get(chain, 0) + 1
    by = view.person
    after = apply_to(before, happened, Stamp(by.person, by.role, at, reason, f"{chain}:{seq}"))
    if not isinstance(happened, e.CriterionJudged):
        record = after.forms[happened.encounter, happened.form, happened.repeat]
        if comes_later(view.study, record.encounter) or record.on > proof.reference_on:
            return [happened]
    changes = find_changes(view.study, after, proof)
    return [happened, *_tell(happened.participant, after, proof, changes=changes)]


def find_changes(study: Study, subject: Participant, proof: Verdict) -> tuple[Change, ...]:
    """Each criterion whose status as of that day is no longer the one last reported."""
    known = {k: r for k, r in subject.forms.items() if not comes_later(study, r.encounter)}
    before = msgspec.structs.replace(subject, forms=known)
    observed = observations_of(study, before, until=proof.reference_on)
    now = assess_eligibility(
        study,
        observations=observed,
        answers=answers_of(study, subject, observed),
        reference_on=proof.reference_on,
    )
    fixed = {c.id: c.status for c in proof.criteria}
    told = {c.criterion: c.now for r in subject.reassessments for c in r.changes}
    return tuple(
        Change(
            criterion=c.id,
            fixed=fixed[c.id],
            was=told.get(c.id, fixed[c.id]),
            now=c.status,
            bars=c.bars,
            reasons=c.reasons,
            inputs=tuple(dict.fromkeys(_inputs_of(c.explanation))),
        )
        for c in now.criteria
        if c.status != told.get(c.id, fixed[c.id])
    )


def proof_of(subject: Participant) -> str:
    """SHA-256 of the verdict that the request fixed, and of the override if one was used.

    After one that was called off it is another, whatever the verdict: the old one counts no more.
    """
    proof: object = subject.verdict
    if subject.granted is not None:
        proof = (subject.verdict, subject.granted)
    if subject.n_called_off:
        proof = (subject.verdict, subject.granted, subject.n_called_off)
    return hashlib.sha256(msgspec.json.encode(proof, order="deterministic")).hexdigest()


def check_ready(
    view: View, subject: Participant, *, on: dt.date, where: Where
) -> tuple[Problem, ...]:
    """No number yet, consent, a place left, and stock for whoever comes next."""
    problems: tuple[Problem, ...] = ()
    if subject.is_randomized:
        problems += (problem("EQ-C050", where, number=subject.number),)
    problems += check_consented(subject, on=on, where=where)
    planned, n_taken = view.study.identity.planned_participants, view.state.n_taken
    if n_taken >= planned:
        problems += (problem("EQ-C020", where, planned=planned),)
    if view.study.treatments.bedside.declared_stock:
        problems += _check_supply(view, n_taken, on=on, where=where)
    return problems


def _check_supply(view: View, n_taken: int, *, on: dt.date, where: Where) -> tuple[Problem, ...]:
    """Stock for every possible next arm was declared; any shortage is told in the same words."""
    places, until_on = view.state.supply or (0, dt.date.min)
    return () if n_taken < places and on <= until_on else (problem("EQ-B056", where),)


def check_verdict(view: View, verdict: Verdict, *, participant: str) -> tuple[Problem, ...]:
    """Each criterion that bars or is unknown."""
    texts = {name: criterion.text for name, criterion in view.study.criteria}
    problems: list[Problem] = []
    for criterion in verdict.criteria:
        where = at_record(participant, criterion.id)
        text = texts[criterion.id] or criterion.id
        if criterion.bars:
            problems.append(problem("EQ-C054", where, criterion=criterion.id, text=text))
        elif criterion.status == "unknown":
            problems.append(problem("EQ-C055", where, criterion=criterion.id, text=text))
    return tuple(problems)


def _tell(
    participant: str, subject: Participant, proof: Verdict, *, changes: Sequence[Change]
) -> Iterator[e.Happened]:
    if not changes:
        return
    yield e.EligibilityReassessed(
        participant=participant,
        reference_on=proof.reference_on,
        study_digest=proof.study_digest,
        changes=tuple(changes),
    )
    told = (d for d in subject.deviations if d.kind == "eligibility_found_later")
    known = {c.id for c in proof.criteria if c.bars} | {n for d in told for n in d.criteria}
    found = tuple(c.criterion for c in changes if c.bars and c.criterion not in known)
    if found:
        yield e.DeviationRecorded(
            participant=participant,
            kind="eligibility_found_later",
            on=proof.reference_on,
            criteria=found,
        )


def _inputs_of(part: Explanation) -> Iterator[Input]:
    yield from part.inputs
    for child in part.children:
        yield from _inputs_of(child)
