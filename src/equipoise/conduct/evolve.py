"""`evolve(state, entry)`: the only way that the state of a trial changes."""

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from msgspec.structs import replace

from equipoise.conduct import events as e
from equipoise.conduct.parts import Proof
from equipoise.conduct.state import (
    AmendmentRecord,
    Consent,
    Correction,
    Deviation,
    Endorsed,
    FormRecord,
    Infusion,
    OverrideRecord,
    Packet,
    PacketUse,
    Participant,
    Person,
    Reassessment,
    Restored,
    RuleMet,
    Seal,
    Signature,
    Stamp,
    TrialState,
    Unblinding,
)
from equipoise.eligibility import Answer
from equipoise.ledger import Entry


def evolve(state: TrialState, entry: Entry) -> TrialState:
    """The state after one more entry; chains commute, and a redacted entry says nothing."""
    return fold(state, (entry,))


def fold(state: TrialState, entries: Iterable[Entry]) -> TrialState:
    """The state after all of these entries.

    The three maps that grow with the trial are copied once, not once an entry.
    """
    participants = dict(state.participants)
    versions, heads = dict(state.versions), dict(state.heads)
    with no_collection():
        for entry in entries:
            if entry.body is not None:
                event = e.from_entry(entry.type, entry.body)
                place = f"{entry.chain}:{entry.seq}"
                proof: Proof = getattr(event, "proof", "")
                stamp = Stamp(entry.by, entry.role, entry.at, entry.reason, place, proof)
                name = getattr(event, "participant", None)
                if name is None:
                    state = _CONTROL[type(event)](state, event, stamp)
                else:
                    participants[name] = apply_to(participants.get(name), event, stamp)
            versions[entry.stream] = entry.version
            heads[entry.chain] = entry.seq
    return replace(state, participants=participants, versions=versions, heads=heads)


@contextmanager
def no_collection() -> Iterator[None]:
    """What is folded has no cycles, and the collector would walk the growing state ever again.

    On a long ledger that took half of the time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def apply_to(subject: Participant | None, event: e.Happened, stamp: Stamp) -> Participant:
    """The participant after one more event; None before the first."""
    return _PARTICIPANT[type(event)](subject, event, stamp)


def _study_opened(s: TrialState, x: e.StudyOpened, _: Stamp) -> TrialState:
    return replace(s, study=x.study, digest=x.digest, n_open_decisions=x.n_open_decisions)


def _site_opened(s: TrialState, x: e.SiteOpened, stamp: Stamp) -> TrialState:
    return replace(s, sites={**s.sites, x.site: stamp})


def _person_added(s: TrialState, x: e.PersonAdded, stamp: Stamp) -> TrialState:
    days: dict[str, Any] = {"from_on": x.from_on, "until_on": x.until_on}
    person = Person(x.person, x.name, x.role, x.sites, **days, tasks=x.tasks, reviewed=stamp)
    return replace(s, people={**s.people, x.person: person})


def _delegation_changed(s: TrialState, x: e.DelegationChanged, _: Stamp) -> TrialState:
    known = s.people[x.person]
    days: dict[str, Any] = {"from_on": x.from_on, "until_on": x.until_on}
    moved = replace(known, sites=x.sites, tasks=x.tasks, **days)
    return replace(s, people={**s.people, x.person: moved})


def _training_recorded(s: TrialState, x: e.TrainingRecorded, _: Stamp) -> TrialState:
    known = s.people[x.person]
    trained = replace(known, trained={**known.trained, x.training: x.until_on})
    return replace(s, people={**s.people, x.person: trained})


def _signed_in(s: TrialState, x: e.SignedIn, stamp: Stamp) -> TrialState:
    came = replace(s.people[x.person], came_at=stamp.at)
    return replace(s, people={**s.people, x.person: came})


def _sign_in_barred(s: TrialState, x: e.SignInBarred, stamp: Stamp) -> TrialState:
    barred = replace(s.people[x.person], barred_at=stamp.at)
    return replace(s, people={**s.people, x.person: barred})


def _means_changed(s: TrialState, x: e.SignInMeansChanged, _: Stamp) -> TrialState:
    known = s.people[x.person]
    others = tuple(m for m in known.means if m != x.means)
    now = replace(known, means=(*others, x.means) if x.is_added else others)
    if x.means.startswith("provider:") and not x.is_added:
        now = replace(now, withdrawn=(*known.withdrawn, x.means))
    return replace(s, people={**s.people, x.person: now})


def _accepted(s: TrialState, x: e.AccountabilityAccepted, stamp: Stamp) -> TrialState:
    accepted = replace(s.people[x.person], accepted_at=stamp.at)
    return replace(s, people={**s.people, x.person: accepted})


def _person_removed(s: TrialState, x: e.PersonRemoved, _: Stamp) -> TrialState:
    gone = replace(s.people[x.person], is_active=False)
    return replace(s, people={**s.people, x.person: gone})


def _access_reviewed(s: TrialState, x: e.AccessReviewed, stamp: Stamp) -> TrialState:
    kept = {p: replace(s.people[p], reviewed=stamp) for p, d in x.decisions.items() if d == "keep"}
    return replace(s, people={**s.people, **kept})


def _allocation_committed(s: TrialState, x: e.AllocationCommitted, _: Stamp) -> TrialState:
    return replace(s, commitment=x.commitment, commitments=(x.commitment,))


def _amendment_requested(s: TrialState, x: e.AmendmentRequested, stamp: Stamp) -> TrialState:
    return replace(s, amendment=AmendmentRecord(x.digest, x.changes, x.begins_anew, stamp))


def _amendment_confirmed(s: TrialState, _: e.AmendmentConfirmed, stamp: Stamp) -> TrialState:
    assert s.amendment is not None
    return replace(s, amendment=replace(s.amendment, confirmed=stamp))


def _study_amended(s: TrialState, x: e.StudyAmended, _: Stamp) -> TrialState:
    known = (*s.commitments, x.commitment)
    now = replace(s, commitment=x.commitment, commitments=known, amendment=None)
    return replace(now, digest=x.digest, n_open_decisions=x.n_open_decisions)


def _packets_printed(s: TrialState, x: e.PacketsPrinted, _: Stamp) -> TrialState:
    made = {
        name: Packet(
            packet=name,
            batch=x.batch,
            kind="code_break" if name in x.code_break else "randomization",
            site=x.site,
            stratum=x.stratum,
            opens=x.code_break.get(name, ""),
            commitment=x.commitment,
            printed_at=x.printed_at,
        )
        for name in (*x.randomization, *x.code_break)
    }
    return replace(s, packets={**s.packets, **made})


def _packet_accounted(s: TrialState, x: e.PacketAccounted, stamp: Stamp) -> TrialState:
    known = s.packets[x.packet]
    ended = replace(known, ends=(*known.ends, (x.became, x.on, stamp)))
    return replace(s, packets={**s.packets, x.packet: ended})


def _study_sealed(s: TrialState, x: e.StudySealed, stamp: Stamp) -> TrialState:
    return replace(s, seals=(*s.seals, Seal(x.root, x.purpose, stamp, x.entry)))


def _seal_stamped(s: TrialState, x: e.SealStamped, _: Stamp) -> TrialState:
    seen = (x.stamped_at, x.token)
    seals = (
        replace(seal, time_stamps=(*seal.time_stamps, seen)) if seal.root == x.root else seal
        for seal in s.seals
    )
    return replace(s, seals=tuple(seals))


def _body_redacted(s: TrialState, _: e.BodyRedacted, __: Stamp) -> TrialState:
    return s  # the rest of the form follows in an entry of its own


def _data_locked(s: TrialState, _: e.DataLocked, stamp: Stamp) -> TrialState:
    return replace(s, locked=stamp)


def _populations_signed(s: TrialState, x: e.PopulationsSigned, stamp: Stamp) -> TrialState:
    return replace(s, populations=Endorsed(x.digest, x.meaning, stamp), unblinding=None)


def _unblinding_agreed(s: TrialState, x: e.UnblindingAgreed, stamp: Stamp) -> TrialState:
    return replace(s, unblinding=Endorsed(x.digest, x.meaning, stamp))


def _supply_declared(s: TrialState, x: e.SupplyDeclared, _: Stamp) -> TrialState:
    return replace(s, supply=(x.places, x.until_on))


def _rule_met(s: TrialState, x: e.StoppingRuleMet, stamp: Stamp) -> TrialState:
    rule = RuleMet(x.does, x.counts, x.entry, stamp)
    agreed = {} if rule.is_pausing else s.agreed  # who agreed did not know of this
    return replace(s, met={**s.met, x.rule: rule}, agreed=agreed)


def _agreed(s: TrialState, _: e.ResumptionAgreed, stamp: Stamp) -> TrialState:
    return replace(s, agreed={**s.agreed, stamp.role: stamp})


def _resumed(s: TrialState, x: e.TrialResumed, stamp: Stamp) -> TrialState:
    lifted = {name: replace(s.met[name], resumed=stamp) for name in x.rules}
    return replace(s, met={**s.met, **lifted}, agreed={})


def _restored(s: TrialState, x: e.LedgerRestored, stamp: Stamp) -> TrialState:
    return replace(s, restored=Restored(x.source, x.root, x.proven_by, stamp))


def _restore_confirmed(s: TrialState, _: e.RestoreConfirmed, __: Stamp) -> TrialState:
    return replace(s, restored=None)


def _gap_attested(s: TrialState, _: e.GapAttested, stamp: Stamp) -> TrialState:
    assert s.restored is not None
    attested = (*s.restored.attested, stamp)
    is_enough = len(attested) == PEOPLE_WHO_ATTEST
    return replace(s, restored=None if is_enough else replace(s.restored, attested=attested))


PEOPLE_WHO_ATTEST = 2
"""How many, each in another role, must have looked into what a restore may have lost."""

_CONTROL: dict[type[e.Happened], Callable[[TrialState, Any, Stamp], TrialState]] = {
    e.StudyOpened: _study_opened,
    e.SiteOpened: _site_opened,
    e.PersonAdded: _person_added,
    e.DelegationChanged: _delegation_changed,
    e.TrainingRecorded: _training_recorded,
    e.SignedIn: _signed_in,
    e.SignInBarred: _sign_in_barred,
    e.SignInMeansChanged: _means_changed,
    e.AccountabilityAccepted: _accepted,
    e.PersonRemoved: _person_removed,
    e.AccessReviewed: _access_reviewed,
    e.AllocationCommitted: _allocation_committed,
    e.AmendmentRequested: _amendment_requested,
    e.AmendmentConfirmed: _amendment_confirmed,
    e.StudyAmended: _study_amended,
    e.PacketsPrinted: _packets_printed,
    e.PacketAccounted: _packet_accounted,
    e.StudySealed: _study_sealed,
    e.SealStamped: _seal_stamped,
    e.BodyRedacted: _body_redacted,
    e.DataLocked: _data_locked,
    e.PopulationsSigned: _populations_signed,
    e.UnblindingAgreed: _unblinding_agreed,
    e.SupplyDeclared: _supply_declared,
    e.StoppingRuleMet: _rule_met,
    e.ResumptionAgreed: _agreed,
    e.TrialResumed: _resumed,
    e.LedgerRestored: _restored,
    e.RestoreConfirmed: _restore_confirmed,
    e.GapAttested: _gap_attested,
}


def _screened(_: Participant | None, x: e.ParticipantScreened, stamp: Stamp) -> Participant:
    return Participant(x.participant, x.site, x.on, stamp)


def _consented(p: Participant, x: e.ConsentSigned, stamp: Stamp) -> Participant:
    return replace(p, consent=Consent(x.version, x.on, stamp))


def _judged(p: Participant, x: e.CriterionJudged, stamp: Stamp) -> Participant:
    answer = Answer(
        criterion=x.rule,
        is_true=x.is_true,
        by=stamp.by,
        role=stamp.role,
        on=x.on,
        entry=stamp.entry,
    )
    return replace(p, answers={**p.answers, x.rule: answer})


def _form_submitted(p: Participant, x: e.FormSubmitted, stamp: Stamp) -> Participant:
    record = FormRecord(
        encounter=x.encounter,
        form=x.form,
        repeat=x.repeat,
        on=x.on,
        values=x.values,
        not_done=x.not_done,
        warnings=x.warnings,
        stamp=stamp,
        as_entered=x.as_entered,
    )
    return replace(p, forms={**p.forms, (x.encounter, x.form, x.repeat): record})


def _item_corrected(p: Participant, x: e.ItemCorrected, stamp: Stamp) -> Participant:
    key = (x.encounter, x.form, x.repeat)
    record = p.forms.get(key)
    if record is None:  # its form was taken out; what was left of it comes again, further on
        return p
    correction = Correction(x.item, record.values.get(x.item), x.value, stamp)
    not_done = {k: v for k, v in record.not_done.items() if k != x.item}
    if x.not_done:
        not_done[x.item] = x.not_done
    as_entered = {k: v for k, v in record.as_entered.items() if k != x.item}
    if x.as_entered is not None:
        as_entered[x.item] = x.as_entered
    record = replace(
        record,
        values={**record.values, x.item: x.value},
        not_done=not_done,
        as_entered=as_entered,
        version=record.version + 1,
        corrections=(*record.corrections, correction),
        entries={**record.entries, x.item: stamp.entry},
    )
    return replace(p, forms={**p.forms, key: record})


def _received(p: Participant, x: e.AdverseEventReceived, stamp: Stamp) -> Participant:
    return replace(p, received={**p.received, x.repeat: stamp})


def _missed(p: Participant, x: e.EncounterMissed, stamp: Stamp) -> Participant:
    return replace(p, missed={**p.missed, x.encounter: stamp})


def _screening_failed(p: Participant, x: e.ScreeningFailed, _: Stamp) -> Participant:
    return replace(p, status="screen_failed", failed_criteria=x.criteria)


def _requested(p: Participant, x: e.RandomizationRequested, _: Stamp) -> Participant:
    return replace(
        p,
        status="randomizing",
        verdict=x.verdict,
        granted=x.override,
        stratum=x.stratum,
        left_out=x.left_out,
        randomized_on=x.on,
    )


def _called_off(p: Participant, _: e.RandomizationCalledOff, __: Stamp) -> Participant:
    """As before the request, so that another one fixes a proof of its own."""
    return replace(
        p,
        status="screening",
        verdict=None,
        granted=None,
        stratum="",
        randomized_on=None,
        reassessments=(),
        n_called_off=p.n_called_off + 1,
    )


def _override_requested(p: Participant, x: e.OverrideRequested, stamp: Stamp) -> Participant:
    return replace(p, override=OverrideRecord(x.on, x.grounds, x.study_digest, stamp))


def _override_confirmed(p: Participant, _: e.OverrideConfirmed, stamp: Stamp) -> Participant:
    return replace(p, override=replace(_asked(p), confirmed=stamp))


def _override_declined(p: Participant, _: e.OverrideDeclined, stamp: Stamp) -> Participant:
    return replace(p, override=replace(_asked(p), declined=stamp))


def _asked(p: Participant) -> OverrideRecord:
    assert p.override is not None
    return p.override


def _deviated(p: Participant, x: e.DeviationRecorded, stamp: Stamp) -> Participant:
    found = Deviation(x.kind, x.on, x.what, x.criteria, x.override, stamp)
    return replace(p, deviations=(*p.deviations, found))


def _reassessed(p: Participant, x: e.EligibilityReassessed, stamp: Stamp) -> Participant:
    return replace(p, reassessments=(*p.reassessments, Reassessment(x.changes, stamp)))


def _packet_opened(p: Participant, x: e.PacketOpened, stamp: Stamp) -> Participant:
    use = PacketUse(x.packet, x.kind, x.opened_at, x.opened_by, stamp)
    return replace(p, packets={**p.packets, x.packet: use})


def _randomized(p: Participant, x: e.ParticipantRandomized, _: Stamp) -> Participant:
    # Who had left before it was entered from paper stays out of the trial.
    return replace(p, status="withdrawn" if p.left_on else "randomized", number=x.number)


def _infusion_ordered(p: Participant, x: e.InfusionOrdered, stamp: Stamp) -> Participant:
    replaced = p.infusions.get(x.encounter)
    infusion = Infusion(
        encounter=x.encounter,
        on=x.on,
        weight_kg=x.weight_kg,
        target_cells=x.target_cells,
        volume_ml=x.volume_ml,
        n_bags=x.n_bags,
        stamp=stamp,
        taken_back=replaced.taken_back if replaced else (),
    )
    return replace(p, infusions={**p.infusions, x.encounter: infusion})


def _infusion_prepared(p: Participant, x: e.InfusionPrepared, _: Stamp) -> Participant:
    infusion = replace(
        p.infusions[x.encounter], status="prepared", label=x.label, usable_until=x.usable_until
    )
    return replace(p, infusions={**p.infusions, x.encounter: infusion})


def _infusion_taken_back(p: Participant, x: e.InfusionTakenBack, _: Stamp) -> Participant:
    known = p.infusions[x.encounter]
    changes: dict[str, Any] = {"status": "ordered", "label": "", "usable_until": None}
    infusion = replace(known, **changes, taken_back=(*known.taken_back, x.label))
    return replace(p, infusions={**p.infusions, x.encounter: infusion})


def _infusion_given(p: Participant, x: e.InfusionGiven, _: Stamp) -> Participant:
    infusion = replace(
        p.infusions[x.encounter],
        status="given",
        given_on=x.on,
        given_ml=x.volume_ml,
        started_at=x.started_at,
        stopped_at=x.stopped_at,
        checked_by=x.checked_by,
    )
    return replace(p, infusions={**p.infusions, x.encounter: infusion})


def _withdrawn(p: Participant, x: e.ParticipantWithdrawn, _: Stamp) -> Participant:
    return replace(p, status="withdrawn", left_on=x.on, cause=x.cause)


def _completed(p: Participant, x: e.ParticipantCompleted, _: Stamp) -> Participant:
    return replace(p, status="completed", left_on=x.on)


def _code_broken(p: Participant, x: e.CodeBroken, stamp: Stamp) -> Participant:
    known = Unblinding(x.kind, x.question, x.broken_at, x.reference, x.learned, stamp)
    return replace(p, unblindings=(*p.unblindings, known))


def _unblinding_assessed(p: Participant, x: e.UnblindingAssessed, stamp: Stamp) -> Participant:
    said = {"impact": x.impact, "action": x.action, "assessed": stamp}
    found = (replace(u, **said) if u.stamp.entry == x.entry else u for u in p.unblindings)
    return replace(p, unblindings=tuple(found))


def _signed(p: Participant, x: e.CasebookSigned, stamp: Stamp) -> Participant:
    return replace(p, signature=Signature(x.digest, x.meaning, stamp))


_PARTICIPANT: dict[type[e.Happened], Callable[[Any, Any, Stamp], Participant]] = {
    e.ParticipantScreened: _screened,
    e.ConsentSigned: _consented,
    e.CriterionJudged: _judged,
    e.FormSubmitted: _form_submitted,
    e.ItemCorrected: _item_corrected,
    e.AdverseEventReceived: _received,
    e.EncounterMissed: _missed,
    e.ScreeningFailed: _screening_failed,
    e.OverrideRequested: _override_requested,
    e.OverrideConfirmed: _override_confirmed,
    e.OverrideDeclined: _override_declined,
    e.DeviationRecorded: _deviated,
    e.EligibilityReassessed: _reassessed,
    e.RandomizationRequested: _requested,
    e.RandomizationCalledOff: _called_off,
    e.PacketOpened: _packet_opened,
    e.ParticipantRandomized: _randomized,
    e.InfusionOrdered: _infusion_ordered,
    e.InfusionPrepared: _infusion_prepared,
    e.InfusionTakenBack: _infusion_taken_back,
    e.InfusionGiven: _infusion_given,
    e.ParticipantWithdrawn: _withdrawn,
    e.ParticipantCompleted: _completed,
    e.CodeBroken: _code_broken,
    e.UnblindingAssessed: _unblinding_assessed,
    e.CasebookSigned: _signed,
}
