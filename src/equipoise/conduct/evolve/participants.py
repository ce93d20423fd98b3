"""What each event of a participant changes."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from equipoise.conduct import events as e
from equipoise.conduct.parts import Infusion, Stamp, TreatmentChange
from equipoise.conduct.state import (
    Consent,
    Correction,
    Deviation,
    FormRecord,
    OverrideRecord,
    PacketUse,
    Participant,
    Reassessment,
    Signature,
    Status,
    Unblinding,
)
from equipoise.eligibility import Answer


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
        version=x.version,
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


def _randomized(p: Participant, x: e.ParticipantRandomized, stamp: Stamp) -> Participant:
    # Who had left before it was entered from paper stays out of the trial.
    status: Status = "withdrawn" if p.left_on else "randomized"
    at = p.packets[p.packet].opened_at if p.packet else stamp.at
    return replace(p, status=status, number=x.number, randomized_at=at)


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
    changes["recalled_at"] = None
    infusion = replace(known, **changes, taken_back=(*known.taken_back, x.label))
    return replace(p, infusions={**p.infusions, x.encounter: infusion})


def _infusion_recalled(p: Participant, x: e.InfusionRecalled, stamp: Stamp) -> Participant:
    infusion = replace(p.infusions[x.encounter], recalled_at=stamp.at)
    return replace(p, infusions={**p.infusions, x.encounter: infusion})


def _infusion_started(p: Participant, x: e.InfusionStarted, _: Stamp) -> Participant:
    infusion = replace(
        p.infusions[x.encounter],
        status="started",
        given_on=x.on,
        started_at=x.started_at,
        checked_by=x.checked_by,
    )
    return replace(p, infusions={**p.infusions, x.encounter: infusion})


def _infusion_given(p: Participant, x: e.InfusionGiven, stamp: Stamp) -> Participant:
    known = p.infusions[x.encounter]
    is_from_paper = known.status == "prepared" or known.entered_late
    infusion = replace(
        known,
        status="given",
        given_on=x.on if x.volume_ml > 0 else None,
        given_ml=x.volume_ml,
        started_at=x.started_at,
        stopped_at=x.stopped_at,
        checked_by=x.checked_by,
        entered_late=stamp.reason if is_from_paper else "",
    )
    return replace(p, infusions={**p.infusions, x.encounter: infusion})


def _treatment_changed(p: Participant, x: e.TreatmentChanged, stamp: Stamp) -> Participant:
    seq = x.instead_of or int(stamp.entry.rpartition(":")[2])
    changes = (*p.treatment_changes, TreatmentChange(x.is_stopped, x.on, x.cause, stamp, seq))
    return replace(p, treatment_changes=tuple(sorted(changes, key=lambda c: c.seq)))


def _withdrawn(p: Participant, x: e.ParticipantWithdrawn, _: Stamp) -> Participant:
    return replace(p, status="withdrawn", left_on=x.on, cause=x.cause)


def _completed(p: Participant, x: e.ParticipantCompleted, _: Stamp) -> Participant:
    return replace(p, status="completed", left_on=x.on)


def _code_broken(p: Participant, x: e.CodeBroken, stamp: Stamp) -> Participant:
    if x.broken_by:  # who entered it again learned nothing
        stamp = replace(stamp, by=x.broken_by, role=x.broken_as)
    known = Unblinding(x.kind, x.question, x.broken_at, x.reference, x.learned, stamp)
    return replace(p, unblindings=(*p.unblindings, known))


def _unblinding_assessed(p: Participant, x: e.UnblindingAssessed, stamp: Stamp) -> Participant:
    said = {"impact": x.impact, "action": x.action, "assessed": stamp}
    found = (replace(u, **said) if u.stamp.entry == x.entry else u for u in p.unblindings)
    return replace(p, unblindings=tuple(found))


def _signed(p: Participant, x: e.CasebookSigned, stamp: Stamp) -> Participant:
    return replace(p, signature=Signature(x.digest, x.meaning, stamp))


PARTICIPANT: dict[type[e.Happened], Callable[[Any, Any, Stamp], Participant]] = {
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
    e.InfusionRecalled: _infusion_recalled,
    e.InfusionStarted: _infusion_started,
    e.InfusionGiven: _infusion_given,
    e.TreatmentChanged: _treatment_changed,
    e.ParticipantWithdrawn: _withdrawn,
    e.ParticipantCompleted: _completed,
    e.CodeBroken: _code_broken,
    e.UnblindingAssessed: _unblinding_assessed,
    e.CasebookSigned: _signed,
}


def forget(participants: dict[str, Participant], entry: str) -> None:
    """Of an entry that was taken out, what its successor would stand beside and not replace."""
    for code, p in participants.items():
        participants[code] = replace(
            p,
            deviations=tuple(d for d in p.deviations if d.stamp.entry != entry),
            unblindings=tuple(u for u in p.unblindings if u.stamp.entry != entry),
            treatment_changes=tuple(c for c in p.treatment_changes if c.stamp.entry != entry),
        )
