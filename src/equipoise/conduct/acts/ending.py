"""How participation, and then the trial, comes to its end: leave, complete, seal, lock."""

import datetime as dt

from equipoise.conduct import events as e
from equipoise.conduct.acts.signing import is_signed
from equipoise.conduct.door import Events, RunningTrial, View, act, at_record, refuse_if
from equipoise.conduct.facts import expects
from equipoise.conduct.rules import (
    check_in_trial,
    check_not_future,
    check_open,
    check_reason,
    check_since_consent,
)
from equipoise.conduct.standing import check_accounted
from equipoise.conduct.state import Participant
from equipoise.ledger import merkle_root
from equipoise.problems import Problem, Text, problem
from equipoise.study.roles import Role
from equipoise.study.study import Study

STOPPED = Text("it is stopped already", "il est déjà arrêté")
GOES_ON = Text("it was not stopped by that day", "il n'était pas arrêté ce jour-là")


@act(Role.INVESTIGATOR, Role.COORDINATOR)
def withdraw_participant(
    view: View, *, by: str, at: dt.datetime, reason: str = "", participant: str, on: dt.date
) -> Events:
    """End the participation early; the reason is kept and what was collected stays.

    Not while a number is on its way: the vault may have given it, and whoever has one is analyzed.
    """
    subject = view.participant(participant)
    where = at_record(participant)
    refuse_if(
        [
            *check_in_trial(view.state, subject),
            *_check_no_number_coming(subject),
            *check_not_future(on, at=at, where=where),
            *check_since_consent(subject, on=on, where=where),
            *check_reason(reason, act="withdraw_participant", where=where),
        ]
    )
    return [e.ParticipantWithdrawn(participant=participant, on=on, cause=reason)]


@act(Role.INVESTIGATOR, Role.COORDINATOR)
def stop_treatment(
    view: View, *, by: str, at: dt.datetime, reason: str = "", participant: str, on: dt.date
) -> Events:
    """Give no infusion from a day on; the participant stays in the trial, and visits go on."""
    subject = view.participant(participant)
    where = at_record(participant)
    given_on = [i.given_on for i in subject.infusions.values() if i.given_on]
    over = {i.encounter for i in subject.infusions.values() if i.status == "given"}
    problems = _check_treatment(view, subject, by_day=(on, at), reason=reason)
    if not subject.is_randomized or over >= set(view.study.infusion_encounters):
        problems.append(problem("EQ-C179", where, participant=participant))
    if subject.treatment_stop is not None:
        problems.append(problem("EQ-C180", where, participant=participant, stands=STOPPED))
    if (last := max(given_on, default=on)) > on:
        problems.append(problem("EQ-C183", where, on=on, given=last))
    else:
        problems += check_since_consent(subject, on=on, where=where)
    refuse_if(problems)
    return [e.TreatmentChanged(participant=participant, is_stopped=True, on=on, cause=reason)]


@act(Role.INVESTIGATOR)
def resume_treatment(
    view: View, *, by: str, at: dt.datetime, reason: str = "", participant: str, on: dt.date
) -> Events:
    """Let a participant whose treatment was stopped get infusions again, from a day on."""
    subject = view.participant(participant)
    where = at_record(participant)
    problems = _check_treatment(view, subject, by_day=(on, at), reason=reason)
    if subject.treatment_stop is None or on < subject.treatment_stop.on:
        problems.append(problem("EQ-C180", where, participant=participant, stands=GOES_ON))
    refuse_if(problems)
    return [e.TreatmentChanged(participant=participant, is_stopped=False, on=on, cause=reason)]


@act(Role.INVESTIGATOR, Role.COORDINATOR)
def complete_participant(
    view: View, *, by: str, at: dt.datetime, reason: str = "", participant: str, on: dt.date
) -> Events:
    """The participant reached the last planned encounter, or it was missed."""
    subject = view.participant(participant)
    where = at_record(participant)
    problems = [
        *check_in_trial(view.state, subject),
        *check_not_future(on, at=at, where=where),
        *check_since_consent(subject, on=on, where=where),
    ]
    if not subject.is_randomized:
        problems.append(problem("EQ-C039", where, encounter="-"))
    last = last_expected(view.study, subject)
    if last not in subject.missed and all(key[0] != last for key in subject.forms):
        problems.append(problem("EQ-C070", where, encounter=last))
    refuse_if(problems)
    return [e.ParticipantCompleted(participant=participant, on=on)]


@act(Role.DATA_MANAGER)
def lock_data(view: View, *, by: str, at: dt.datetime, reason: str = "") -> Events:
    """Close the data: everybody has left, every casebook is signed as it now stands, every
    infusion that began has its end, and it is known where every sealed packet is."""
    problems = [*check_open(view.state), *check_accounted(view.state)]
    for subject in view.state.participants.values():
        where = at_record(subject.code)
        if subject.is_in_trial:
            problems.append(problem("EQ-C072", where, participant=subject.code))
        if subject.is_randomized and not is_signed(view.study, subject):
            problems.append(problem("EQ-C073", where, participant=subject.code))
        problems += [
            problem("EQ-B079", where, encounter=name)
            for name, infusion in subject.infusions.items()
            if infusion.status == "started"
        ]
    refuse_if(problems)
    return [e.DataLocked()]


@act(Role.DATA_MANAGER, Role.ADMINISTRATOR, Role.AUDITOR)
def record_seal(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    heads: dict[str, tuple[int, str]],
    root: str,
) -> Events:
    """Record the heads of all chains under one root."""
    return [e.StudySealed(heads=heads, root=root, purpose=reason or "interval")]


@act(Role.DATA_MANAGER, Role.ADMINISTRATOR, Role.AUDITOR)
def record_time_stamp(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    root: str,
    service: str,
    stamped_at: dt.datetime,
    token: str,
) -> Events:
    """Keep what a service of others signed about a seal; `token` in base64, checked before."""
    if root not in {seal.root for seal in view.state.seals}:
        refuse_if([problem("EQ-C114", root, seal=root)])
    return [e.SealStamped(root=root, service=service, stamped_at=stamped_at, token=token)]


def seal_trial(trial: RunningTrial, *, by: str, at: dt.datetime, reason: str = "") -> str:
    """Seal the ledger as it stands; returns the root, which goes on everything that leaves."""
    with trial.transaction():
        heads = trial.store.heads()
        root = merkle_root(heads)
        listed = {chain: (head.seq, head.digest) for chain, head in heads.items()}
        record_seal(trial, by=by, at=at, reason=reason, heads=listed, root=root)
    return root


def _check_treatment(
    view: View, subject: Participant, *, by_day: tuple[dt.date, dt.datetime], reason: str
) -> list[Problem]:
    """What stopping and resuming both ask: in the trial, a day that has come, a reason."""
    (on, at), where = by_day, at_record(subject.code)
    return [
        *check_in_trial(view.state, subject),
        *check_not_future(on, at=at, where=where),
        *check_reason(reason, act="stop_treatment", where=where),
    ]


def _check_no_number_coming(subject: Participant) -> tuple[Problem, ...]:
    if subject.status != "randomizing":
        return ()
    return (problem("EQ-C125", at_record(subject.code), participant=subject.code),)


def last_expected(study: Study, subject: Participant) -> str:
    """The last encounter that the participant is, or may be, expected at; empty without one."""
    order = reversed(tuple(study.schedule.encounters))
    return next((e for e in order if expects(study, subject, e).is_expected is not False), "")
