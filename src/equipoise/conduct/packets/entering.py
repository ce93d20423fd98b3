"""A packet that was opened while nothing answered is entered, with its own time and that of entry.

The vault examines it first and nothing is recorded of one that it does not know. Then the ledger
claims the packet for the participant, with the proof of eligibility as the data now give it, and
the claim is on record once the vault has spent it. What stops in between is finished by entering it
again. Somebody who should not have been randomized was: it is kept, and it is a deviation.
"""

import datetime as dt

import msgspec
from msgspec.structs import replace

from equipoise.conduct import events as e
from equipoise.conduct.acts.overriding import granted_override, grounds_of, is_granted
from equipoise.conduct.acts.randomizing import (
    check_ready,
    check_verdict,
    proof_of,
    record_number,
)
from equipoise.conduct.acts.unblinding import check_tells_nothing, record_breaks
from equipoise.conduct.door import Events, RunningTrial, View, act, at_record, refuse_if
from equipoise.conduct.evolve import fold
from equipoise.conduct.facts import assess_participant
from equipoise.conduct.packets.accounting import record_packets
from equipoise.conduct.parts import DeviationKind
from equipoise.conduct.rules import (
    check_amending,
    check_open,
    check_reason,
    check_restored,
    check_running,
)
from equipoise.conduct.standing import user_of
from equipoise.conduct.state import Participant
from equipoise.conduct.stratifying import stratum_of
from equipoise.eligibility import Verdict
from equipoise.ledger import Entry, to_body
from equipoise.problems import Problem, Where, problem
from equipoise.study.roles import Role
from equipoise.vault import Vault
from equipoise.vault.packets.messages import OpenedPacket, PacketKind

ENTERERS = (Role.COORDINATOR, Role.INVESTIGATOR)
_CONSENT = frozenset({"EQ-C040", "EQ-C041"})


def enter_packet(
    trial: RunningTrial, told: OpenedPacket, *, at: dt.datetime, as_it_is: bool = False
) -> tuple[Entry, ...]:
    """Enter a packet that was opened; asked again, what is missing is completed and no more.

    `told.opened_at` may be in any time zone: its date is the day of randomization. With `as_it_is`
    somebody in whom a criterion stops, or is unknown, is recorded as randomized all the same.

    Raises:
        Refused: packet or participant are unknown, the packet is not proven or was used, the
            participant has a number, or (without `as_it_is`) something should have stopped it.
    """
    vault, place = trial.vault, at_record(told.participant, told.packet)
    if vault is None:
        refuse_if([problem("EQ-C053", place)])
    assert vault is not None
    record_packets(trial, vault.packets(), at=at)
    packet = trial.state.packets.get(told.packet)
    if packet is None:
        refuse_if([problem("EQ-C130", place, packet=told.packet)])
    assert packet is not None
    opener = trial.state.people.get(told.opened_by)
    told = replace(told, opened_as=opener.role if opener else "")
    if packet.kind == "code_break":
        return _enter_break(trial, vault, told, at=at)
    return _enter_number(trial, vault, told, at=at, as_it_is=as_it_is)


def _enter_break(
    trial: RunningTrial, vault: Vault, told: OpenedPacket, *, at: dt.datetime
) -> tuple[Entry, ...]:
    vault.enter_packet(told, is_question=True)
    with trial.transaction():
        entries = note_broken(trial, by=told.by, at=at, reason=told.reason, told=told)
        vault.enter_packet(told)
    return entries + record_breaks(trial, vault.breaks(), at=at)


def _enter_number(
    trial: RunningTrial, vault: Vault, told: OpenedPacket, *, at: dt.datetime, as_it_is: bool
) -> tuple[Entry, ...]:
    subject = _find(trial, told)
    vault.enter_packet(told, stratum=_stratum(trial, subject, told), is_question=True)
    with trial.transaction():
        before = trial.state
        entries = claim_packet(
            trial, by=told.by, at=at, reason=told.reason, told=told, as_it_is=as_it_is
        )
        # The trial knows what is committed alone; the claim is not, until the vault agreed.
        subject = fold(before, entries).participants[told.participant]
        number = vault.enter_packet(told, stratum=subject.stratum, proof=proof_of(subject))
    if subject.number != number:
        name = told.participant
        entries += record_number(trial, by=told.by, at=at, participant=name, number=number)
    return entries


def _find(trial: RunningTrial, told: OpenedPacket) -> Participant:
    subject = trial.state.participants.get(told.participant)
    if subject is None:
        refuse_if([problem("EQ-C003", told.participant, participant=told.participant)])
    assert subject is not None
    return subject


def _stratum(trial: RunningTrial, subject: Participant, told: OpenedPacket) -> str:
    if subject.randomized_on is not None:
        return subject.stratum
    on, where = told.opened_at.date(), at_record(subject.code)
    return stratum_of(trial.study, subject, on=on, where=where)


@act(*ENTERERS)
def claim_packet(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    told: OpenedPacket,
    as_it_is: bool = False,
) -> Events:
    """A packet with a number was opened for this participant: what it rests on, and departures."""
    subject = view.participant(told.participant)
    where = at_record(subject.code, told.packet)
    if told.packet in subject.packets:
        return []
    problems = [
        *_check_told(view, told, kind="randomization"),
        *check_restored(view.state, where=where),
        *_check_in_time(view, told, where=where),
    ]
    if subject.packet:
        problems.append(problem("EQ-C132", where, packet=subject.packet))
    if subject.is_randomized:
        problems.append(problem("EQ-C050", where, number=subject.number))
    refuse_if(problems)
    opened, on = _opened(told, kind="randomization"), told.opened_at.date()
    if subject.status == "randomizing":  # asked for before the outage, and no number came
        departures = [*check_running(view.state, where=where)]
        _refuse_departures(departures, as_it_is=as_it_is, where=where)
        return [*_departed(told, departures), opened]
    verdict = assess_participant(view.study, subject, on=on)
    departures = _departures(view, subject, verdict, on=on)
    _refuse_departures(departures, as_it_is=as_it_is, where=where)
    requested = e.RandomizationRequested(
        participant=subject.code,
        stratum=stratum_of(view.study, subject, on=on, where=where),
        on=on,
        verdict=msgspec.Raw(to_body(verdict)),
        override=granted_override(subject, verdict) if is_granted(subject, verdict) else None,
    )
    deviations = [*_deviations(requested, told, verdict), *_departed(told, departures)]
    return [*deviations, opened, requested]


@act(*ENTERERS)
def note_broken(
    view: View, *, by: str, at: dt.datetime, reason: str = "", told: OpenedPacket
) -> Events:
    """A packet that breaks a code was opened for this participant; the break itself follows."""
    subject = view.participant(told.participant)
    if told.packet in subject.packets:
        return []
    refuse_if(_check_told(view, told, kind="code_break"))
    return [_opened(told, kind="code_break")]


def _check_told(view: View, told: OpenedPacket, *, kind: PacketKind) -> list[Problem]:
    where = at_record(told.participant, told.packet)
    known = view.state.packets.get(told.packet)
    if known is None or known.kind != kind:
        return [problem("EQ-C130", where, packet=told.packet)]
    problems = [
        *check_open(view.state),
        *check_reason(told.reason, act="enter_packet", where=where),
        *check_tells_nothing(view.study, (told.reason, told.opened_by), where=where),
    ]
    user = user_of(view.state, told.packet)
    if user is not None:
        problems.append(problem("EQ-C131", where, packet=told.packet, participant=user.code))
    return problems


def _check_in_time(view: View, told: OpenedPacket, *, where: Where) -> tuple[Problem, ...]:
    """Opened before an amendment was agreed, if one was; until the vault is amended it counts."""
    asked = view.state.amendment
    if asked is None or asked.confirmed is None or told.opened_at < asked.confirmed.at:
        return ()
    return check_amending(view.state, where=where)


def _refuse_departures(departures: list[Problem], *, as_it_is: bool, where: Where) -> None:
    if departures and not as_it_is:
        refuse_if([*departures, problem("EQ-C133", where)])


def _opened(told: OpenedPacket, *, kind: PacketKind) -> e.PacketOpened:
    return e.PacketOpened(
        participant=told.participant,
        packet=told.packet,
        kind=kind,
        opened_at=told.opened_at.astimezone(dt.UTC),
        opened_by=told.opened_by.strip(),
    )


def _departures(
    view: View, subject: Participant, verdict: Verdict, *, on: dt.date
) -> list[Problem]:
    """All that would have stopped this randomization at the site's page."""
    where = at_record(subject.code)
    found = [
        *check_running(view.state, where=where),
        *check_ready(view, subject, on=on, where=where),
    ]
    if not subject.is_in_trial:
        told = {"participant": subject.code, "status": subject.status}
        found.append(problem("EQ-C017", where, **told))
    if not is_granted(subject, verdict):
        found += check_verdict(view, verdict, participant=subject.code)
    return found


def _deviations(
    requested: e.RandomizationRequested, told: OpenedPacket, verdict: Verdict
) -> list[e.DeviationRecorded]:
    """One for the criteria, if any stopped or was unknown."""
    who, on, override = requested.participant, requested.on, requested.override
    criteria = tuple(g.criterion for g in grounds_of(verdict))
    found = []
    if criteria:
        found.append(
            e.DeviationRecorded(
                participant=who,
                kind="eligibility_override" if override else "randomized_in_error",
                on=on,
                what=override.reason if override else f"Offline packet {told.packet}",
                criteria=criteria,
                override=override,
            )
        )
    return found


def _departed(told: OpenedPacket, departures: list[Problem]) -> list[e.DeviationRecorded]:
    """One for each departure other than the criteria; in English, as the record is."""
    who, on, found = told.participant, told.opened_at.date(), []
    for one in departures:
        if one.code not in ("EQ-C054", "EQ-C055"):
            kind: DeviationKind = "consent" if one.code in _CONSENT else "procedure"
            what = f"Offline packet {told.packet}: {one.say('en')}"
            found.append(e.DeviationRecorded(participant=who, kind=kind, on=on, what=what))
    return found
