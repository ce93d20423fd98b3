"""After randomization: what a later entry changes in the verdict is told, and the proof stays.

The criteria are read again as of the day for which the proof was fixed, over the data as they now
stand. Encounters that come only after randomization cannot have been part of it.
"""

import datetime as dt
from collections.abc import Iterator, Sequence

import msgspec

from equipoise.conduct import events as e
from equipoise.conduct.door import Events, View, place_of
from equipoise.conduct.evolve import apply_to
from equipoise.conduct.facts import comes_later, observations_of
from equipoise.conduct.state import Participant, Stamp
from equipoise.eligibility import Verdict, assess_eligibility
from equipoise.language import Explanation, Input
from equipoise.study.study import Study


def with_reassessment(
    view: View, happened: e.FormSubmitted | e.ItemCorrected, *, at: dt.datetime, reason: str
) -> Events:
    """The event, and after it what it changes in the eligibility of a randomized participant."""
    before = view.state.participants[happened.participant]
    chain, _ = place_of(happened)
    seq = view.state.heads.get(chain, 0) + 1
    by = view.person
    after = apply_to(before, happened, Stamp(by.person, by.role, at, reason, f"{chain}:{seq}"))
    record = after.forms[happened.encounter, happened.form, happened.repeat]
    if before.verdict is None or comes_later(view.study, record.encounter):
        return [happened]
    proof = msgspec.convert(before.verdict, Verdict)
    if record.on > proof.reference_on:
        return [happened]
    changes = find_changes(view.study, after, proof)
    return [happened, *_tell(happened.participant, after, proof, changes=changes)]


def find_changes(study: Study, subject: Participant, proof: Verdict) -> tuple[e.Change, ...]:
    """Each criterion whose status as of that day is no longer the one last reported."""
    known = {k: r for k, r in subject.forms.items() if not comes_later(study, r.encounter)}
    now = assess_eligibility(
        study,
        observations=observations_of(study, msgspec.structs.replace(subject, forms=known)),
        answers=subject.answers,
        reference_on=proof.reference_on,
    )
    fixed = {c.id: c.status for c in proof.criteria}
    told = {c.criterion: c.now for r in subject.reassessments for c in r.changes}
    return tuple(
        e.Change(
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


def _tell(
    participant: str, subject: Participant, proof: Verdict, *, changes: Sequence[e.Change]
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
