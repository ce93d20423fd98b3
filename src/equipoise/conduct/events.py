"""Everything that can ever happen in a trial: the closed list of events.

An event is a past participle: a fact that was recorded. Who, in which role, when and why stand in
the ledger entry around it. No event here can hold an arm, a product or anything that tells one.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from equipoise.conduct.parts import (
    AccessDecision,
    Change,
    DeviationKind,
    Ground,
    Override,
    PacketEnd,
    Proof,
    UnblindingKind,
    Value,
)
from equipoise.vault.packets.messages import PacketKind


class Happened(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recorded fact."""


# Set-up: the control chain


class StudyOpened(Happened, frozen=True, kw_only=True):
    """The trial was opened on this exact study folder."""

    study: str
    digest: str
    n_open_decisions: int


class SiteOpened(Happened, frozen=True, kw_only=True):
    """A site may screen from now on."""

    site: str


class PersonAdded(Happened, frozen=True, kw_only=True):
    """Somebody got a role, at some sites or (empty) at all of them, from one day to another.

    `tasks` are those of the role that are delegated to them; empty is the whole role.
    """

    person: str
    name: str
    role: str
    sites: tuple[str, ...] = ()
    from_on: dt.date | None = None
    until_on: dt.date | None = None
    tasks: tuple[str, ...] = ()


class DelegationChanged(Happened, frozen=True, kw_only=True):
    """Where, when and in which of its tasks somebody acts in their role is now this.

    The role itself never changes.
    """

    person: str
    sites: tuple[str, ...] = ()
    from_on: dt.date | None = None
    until_on: dt.date | None = None
    tasks: tuple[str, ...] = ()


class TrainingRecorded(Happened, frozen=True, kw_only=True):
    """Somebody completed a training that the study asks for; it holds until that day."""

    person: str
    training: str
    on: dt.date
    until_on: dt.date | None = None


class SignedIn(Happened, frozen=True, kw_only=True):
    """Somebody came in at the site door, and by which means they showed who they are."""

    person: str
    proof: Proof


class SignInBarred(Happened, frozen=True, kw_only=True):
    """Wrong passwords were given for somebody so often that the account waits."""

    person: str
    n_failures: int


class SignInMeansChanged(Happened, frozen=True, kw_only=True):
    """This opens an account besides its password, or no longer does: kind and fingerprint."""

    person: str
    means: str
    is_added: bool


class AccountabilityAccepted(Happened, frozen=True, kw_only=True):
    """Somebody accepted, in these words, that their electronic signature binds like one by hand."""

    person: str
    statement: str


class PersonRemoved(Happened, frozen=True, kw_only=True):
    """Somebody lost their role; the identifier is never given again."""

    person: str


class AccessReviewed(Happened, frozen=True, kw_only=True):
    """Somebody who manages people looked at each of these accesses and signed what they decided.

    `digest` is of what they saw of them. An access that was ended has its own `PersonRemoved`.
    """

    decisions: Mapping[str, AccessDecision]
    digest: str
    meaning: str
    proof: Proof = ""


class AllocationCommitted(Happened, frozen=True, kw_only=True):
    """The vault made its sequence and published this commitment to it (a Merkle root)."""

    commitment: str
    n_planned: int


class PacketsPrinted(Happened, frozen=True, kw_only=True):
    """Sealed packets were printed for a site; `commitment` is the Merkle root over their numbers.

    `randomization` are those that hold a number. `code_break` names for each of the others what it
    opens: a number that was given, or the packet that holds it.
    """

    batch: int
    site: str
    stratum: str
    randomization: tuple[str, ...]
    code_break: Mapping[str, str]
    commitment: str
    printed_at: dt.datetime


class PacketAccounted(Happened, frozen=True, kw_only=True):
    """What became of a packet that nobody was randomized or unblinded by, since that day."""

    packet: str
    became: PacketEnd
    on: dt.date


class StudySealed(Happened, frozen=True, kw_only=True):
    """All heads under one root; `entry` is the signature or lock that it followed, if one."""

    heads: Mapping[str, tuple[int, str]]
    root: str
    purpose: str
    entry: str = ""


class SealStamped(Happened, frozen=True, kw_only=True):
    """A service of others signed, with its own clock, that this seal was there (RFC 3161).

    `token` is its answer in base64, to be checked by anybody against its certificate.
    """

    root: str
    service: str
    stamped_at: dt.datetime
    token: str


class BodyRedacted(Happened, frozen=True, kw_only=True):
    """The content of one entry was taken out: a personal datum that must not stand there.

    The ledger itself knows this event: it alone lets a body go, and only that of the entry named.
    """

    chain: str
    seq: int


class DataLocked(Happened, frozen=True, kw_only=True):
    """No value of any participant changes from now on."""


class PopulationsSigned(Happened, frozen=True, kw_only=True):
    """After the lock, a blinded statistician signed who belongs to which analysis population."""

    digest: str
    meaning: str
    proof: Proof = ""


class UnblindingAgreed(Happened, frozen=True, kw_only=True):
    """A second person agreed that the code is opened for the analysis of these populations."""

    digest: str
    meaning: str
    proof: Proof = ""


class AmendmentRequested(Happened, frozen=True, kw_only=True):
    """Somebody asks that the trial randomizes by another folder: each key as it was and as it is.

    `begins_anew` are the strata for which the vault will begin a list of its own.
    """

    digest: str
    changes: Mapping[str, tuple[str, str]]
    begins_anew: tuple[str, ...]


class AmendmentConfirmed(Happened, frozen=True, kw_only=True):
    """A second person agreed to the request of that entry; randomization waits for the vault."""

    digest: str
    request: str
    meaning: str = ""
    proof: Proof = ""


class StudyAmended(Happened, frozen=True, kw_only=True):
    """The vault began a new part of its sequence, and the trial goes on by this study folder."""

    digest: str
    commitment: str
    n_planned: int
    n_open_decisions: int


class SupplyDeclared(Happened, frozen=True, kw_only=True):
    """Until that day so many people may be randomized in all, whatever the arms of the next are."""

    places: int
    until_on: dt.date


class StoppingRuleMet(Happened, frozen=True, kw_only=True):
    """A stopping rule became true; counts are of participants, all arms together.

    A count has two bounds, which differ where an event is still unclear. `entry` is what made the
    rule true; `does` is `pause` or `notify`.
    """

    rule: str
    does: str
    counts: Mapping[str, tuple[int, int]]
    entry: str


class ResumptionAgreed(Happened, frozen=True, kw_only=True):
    """One of the roles that must agree before a paused trial goes on has agreed, and why."""

    rules: tuple[str, ...]


class TrialResumed(Happened, frozen=True, kw_only=True):
    """All who must agree have agreed: randomization and infusions go on despite these rules."""

    rules: tuple[str, ...]


class LedgerRestored(Happened, frozen=True, kw_only=True):
    """The ledger was filled from a backup or an archive: randomization waits until it is proven.

    `heads` and `root` are those of what was restored; `proven_by` are the seals that, kept
    elsewhere, show that nothing came after it.
    """

    source: str
    n_entries: int
    heads: Mapping[str, tuple[int, str]]
    root: str
    proven_by: tuple[str, ...]
    is_complete: bool


class RestoreConfirmed(Happened, frozen=True, kw_only=True):
    """The latest seal kept elsewhere is that of the restored ledger: nothing was lost."""

    root: str


class GapAttested(Happened, frozen=True, kw_only=True):
    """One of two people has said, with a reason, that what is missing was looked into."""


# Participants: the chain of their site


class ParticipantScreened(Happened, frozen=True, kw_only=True):
    """A person entered screening and got a participant code."""

    participant: str
    site: str
    on: dt.date


class ConsentSigned(Happened, frozen=True, kw_only=True):
    """Written informed consent to this version of the information sheet."""

    participant: str
    version: str
    on: dt.date


class CriterionJudged(Happened, frozen=True, kw_only=True):
    """A person answered a question that only a person can answer."""

    participant: str
    rule: str
    is_true: bool
    on: dt.date


class FormSubmitted(Happened, frozen=True, kw_only=True):
    """A form was entered: values, what was not done and why, and what the edit checks said.

    `as_entered` holds each number that was entered in another unit than its item's, with the unit.
    """

    participant: str
    encounter: str
    form: str
    repeat: int = 0
    on: dt.date
    values: Mapping[str, Value]
    not_done: Mapping[str, str] = {}
    warnings: tuple[str, ...] = ()
    as_entered: Mapping[str, tuple[int | float, str]] = {}


class ItemCorrected(Happened, frozen=True, kw_only=True):
    """One value was replaced; the first one stays in the ledger."""

    participant: str
    encounter: str
    form: str
    repeat: int = 0
    item: str
    value: Value
    not_done: str = ""
    as_entered: tuple[int | float, str] | None = None


class AdverseEventReceived(Happened, frozen=True, kw_only=True):
    """The sponsor has an adverse event that must be reported: its clock is met."""

    participant: str
    repeat: int


class EncounterMissed(Happened, frozen=True, kw_only=True):
    """A planned encounter did not take place."""

    participant: str
    encounter: str


class ScreeningFailed(Happened, frozen=True, kw_only=True):
    """The person leaves before randomization; `criteria` are the ones that barred."""

    participant: str
    criteria: tuple[str, ...]


class OverrideRequested(Happened, frozen=True, kw_only=True):
    """A physician asks to let somebody in whom these criteria stop; the reason is the entry's."""

    participant: str
    on: dt.date
    grounds: tuple[Ground, ...]
    study_digest: str
    meaning: str = ""
    proof: Proof = ""


class OverrideConfirmed(Happened, frozen=True, kw_only=True):
    """A second person, on the sponsor's side, agrees to the request of that entry."""

    participant: str
    request: str
    meaning: str = ""
    proof: Proof = ""


class OverrideDeclined(Happened, frozen=True, kw_only=True):
    """The request of that entry was refused, or taken back, before it was used."""

    participant: str
    request: str


class DeviationRecorded(Happened, frozen=True, kw_only=True):
    """The protocol was departed from: in what, since when, and by which override if by one."""

    participant: str
    kind: DeviationKind
    on: dt.date
    what: str = ""
    criteria: tuple[str, ...] = ()
    override: Override | None = None


class EligibilityReassessed(Happened, frozen=True, kw_only=True):
    """What was entered after randomization changes the verdict as of that day; the proof stays."""

    participant: str
    reference_on: dt.date
    study_digest: str
    changes: tuple[Change, ...]


class RandomizationRequested(Happened, frozen=True, kw_only=True):
    """Eligible and consented, or let in by two people: the proof, before the vault is asked.

    `left_out` are the participants whom minimization does not count by the rule of the study.
    """

    participant: str
    stratum: str
    on: dt.date
    verdict: Any
    override: Override | None = None
    left_out: tuple[str, ...] = ()


class RandomizationCalledOff(Happened, frozen=True, kw_only=True):
    """A request that got no number: the vault gives none for it any more."""

    participant: str


class PacketOpened(Happened, frozen=True, kw_only=True):
    """A packet was opened for a participant while nothing answered, at that time and by whom.

    When it was entered, and by whom, the entry says.
    """

    participant: str
    packet: str
    kind: PacketKind
    opened_at: dt.datetime
    opened_by: str


class ParticipantRandomized(Happened, frozen=True, kw_only=True):
    """The vault gave the next number of its list."""

    participant: str
    number: str


class InfusionOrdered(Happened, frozen=True, kw_only=True):
    """The site asks the cell unit for an infusion; the dose comes from the weight of the day."""

    participant: str
    encounter: str
    on: dt.date
    weight_kg: float
    target_cells: int
    volume_ml: float
    n_bags: int


class InfusionPrepared(Happened, frozen=True, kw_only=True):
    """The cell unit handed out the preparation under an opaque label, to be given until then."""

    participant: str
    encounter: str
    label: str
    usable_until: dt.datetime | None = None


class InfusionTakenBack(Happened, frozen=True, kw_only=True):
    """What was handed out under this label came back, not given; the order waits again."""

    participant: str
    encounter: str
    label: str


class InfusionGiven(Happened, frozen=True, kw_only=True):
    """The preparation went into the participant; a second person had compared code and label."""

    participant: str
    encounter: str
    on: dt.date
    label: str
    volume_ml: float
    started_at: dt.datetime | None = None
    stopped_at: dt.datetime | None = None
    checked_by: str = ""


class ParticipantWithdrawn(Happened, frozen=True, kw_only=True):
    """The participant leaves the trial; what was collected stays."""

    participant: str
    on: dt.date
    cause: str


class ParticipantCompleted(Happened, frozen=True, kw_only=True):
    """The participant reached the end of the planned follow-up."""

    participant: str
    on: dt.date


class CodeBroken(Happened, frozen=True, kw_only=True):
    """Somebody learned what a participant receives: what was asked, never what was answered.

    `reference` is the entry of the vault's log; empty where it came out otherwise. Then `learned`
    says who knows now.
    """

    participant: str
    kind: UnblindingKind
    question: str
    broken_at: dt.datetime
    reference: str = ""
    learned: str = ""


class UnblindingAssessed(Happened, frozen=True, kw_only=True):
    """What an unblinding meant for the trial, and what was done about it."""

    participant: str
    entry: str
    impact: str
    action: str


class CasebookSigned(Happened, frozen=True, kw_only=True):
    """An investigator endorses all data of a participant as they stand under this digest."""

    participant: str
    meaning: str
    digest: str
    proof: Proof = ""


EVENTS: tuple[type[Happened], ...] = tuple(Happened.__subclasses__())
"""All of them; at most 60."""

_DECODERS = {kind.__name__: msgspec.json.Decoder(kind) for kind in EVENTS}


def from_entry(type_name: str, body: bytes) -> Happened:
    """The event of a ledger entry.

    Raises:
        KeyError: the ledger holds a type that this version does not know.
    """
    event: Happened = _DECODERS[type_name].decode(body)
    return event
