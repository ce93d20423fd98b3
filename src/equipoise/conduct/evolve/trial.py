"""What each event of the control chain changes."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from equipoise.conduct import events as e
from equipoise.conduct.parts import ChosenPassword, Copy, Endorsed, Stamp, TrailReview
from equipoise.conduct.state import (
    AmendmentRecord,
    Packet,
    Person,
    Restored,
    RuleMet,
    Seal,
    TrialState,
)


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


def _invitation_made(s: TrialState, x: e.InvitationMade, stamp: Stamp) -> TrialState:
    known = s.people[x.person]
    invited = replace(known, invitations={**known.invitations, x.code: stamp})
    return replace(s, people={**s.people, x.person: invited})


def _password_chosen(s: TrialState, x: e.PasswordChosen, stamp: Stamp) -> TrialState:
    known = s.people[x.person]
    chose = replace(known, password=ChosenPassword(stamp, known.invitations.get(x.code)))
    return replace(s, people={**s.people, x.person: chose})


def _invitation_confirmed(s: TrialState, x: e.InvitationConfirmed, stamp: Stamp) -> TrialState:
    known = s.people[x.person]
    assert known.password is not None
    confirmed = replace(known, password=replace(known.password, confirmed=stamp))
    return replace(s, people={**s.people, x.person: confirmed})


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


def _trail_reviewed(s: TrialState, x: e.AuditTrailReviewed, stamp: Stamp) -> TrialState:
    looked = (x.n_entries, x.sample, x.until)
    review = TrailReview(x.chain, x.asked, *looked, x.finding, x.entries, stamp)
    own = (*s.trail_reviews.get(x.chain, ()), review)
    return replace(s, trail_reviews={**s.trail_reviews, x.chain: own})


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


def _copied(s: TrialState, x: e.CopyMade, stamp: Stamp) -> TrialState:
    copy = Copy(x.kind, x.site, x.is_by_arm, x.digest, x.seal, stamp)
    return replace(s, copies=(*s.copies, copy))


def _data_locked(s: TrialState, _: e.DataLocked, stamp: Stamp) -> TrialState:
    return replace(s, locked=stamp)


def _populations_signed(s: TrialState, x: e.PopulationsSigned, stamp: Stamp) -> TrialState:
    return replace(s, populations=Endorsed(x.digest, x.meaning, stamp), unblinding=None)


def _unblinding_agreed(s: TrialState, x: e.UnblindingAgreed, stamp: Stamp) -> TrialState:
    agreed = Endorsed(x.digest, x.meaning, stamp)
    return replace(s, unblinding=agreed, opened=s.opened or stamp)


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

CONTROL: dict[type[e.Happened], Callable[[TrialState, Any, Stamp], TrialState]] = {
    e.StudyOpened: _study_opened,
    e.SiteOpened: _site_opened,
    e.PersonAdded: _person_added,
    e.DelegationChanged: _delegation_changed,
    e.TrainingRecorded: _training_recorded,
    e.SignedIn: _signed_in,
    e.InvitationMade: _invitation_made,
    e.PasswordChosen: _password_chosen,
    e.InvitationConfirmed: _invitation_confirmed,
    e.SignInBarred: _sign_in_barred,
    e.SignInMeansChanged: _means_changed,
    e.AccountabilityAccepted: _accepted,
    e.PersonRemoved: _person_removed,
    e.AccessReviewed: _access_reviewed,
    e.AuditTrailReviewed: _trail_reviewed,
    e.AllocationCommitted: _allocation_committed,
    e.AmendmentRequested: _amendment_requested,
    e.AmendmentConfirmed: _amendment_confirmed,
    e.StudyAmended: _study_amended,
    e.PacketsPrinted: _packets_printed,
    e.PacketAccounted: _packet_accounted,
    e.StudySealed: _study_sealed,
    e.SealStamped: _seal_stamped,
    e.CopyMade: _copied,
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
