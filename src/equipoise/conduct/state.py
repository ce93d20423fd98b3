"""The state of a trial: what the events so far add up to, as immutable values.

None can hold itself, so the collector of cycles has nothing to do there (`gc=False`): it would walk
the growing state ever again, which on a long ledger took half of the time of reading it.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Literal

from msgspec import Raw, Struct, field, json

from equipoise.conduct.parts import (
    Change,
    Copy,
    DeviationKind,
    Endorsed,
    Ground,
    Infusion,
    Override,
    PacketEnd,
    Stamp,
    TrailReview,
    TreatmentChange,
    UnblindingKind,
    Value,
)
from equipoise.conduct.parts import Person as Person  # noqa: PLC0414 - a part of it
from equipoise.eligibility import Answer, Verdict
from equipoise.problems import natural_order
from equipoise.vault.packets.messages import PacketKind

Status = Literal[
    "screening", "screen_failed", "randomizing", "randomized", "withdrawn", "completed"
]
FormKey = tuple[str, str, int]  # encounter (empty for a log form), form, repeat


class Correction(Struct, frozen=True, gc=False):
    """A value that was replaced: what stood there before, and what came instead."""

    item: str
    old: Value
    new: Value
    stamp: Stamp


class FormRecord(Struct, frozen=True, gc=False):
    """A form as it stands now. `version` counts the submission and each correction.

    `as_entered` holds the numbers that were entered in another unit than their item's.
    """

    encounter: str
    form: str
    repeat: int
    on: dt.date
    values: Mapping[str, Value]
    not_done: Mapping[str, str]
    warnings: tuple[str, ...]
    stamp: Stamp
    as_entered: Mapping[str, tuple[int | float, str]] = {}
    version: int = 1
    corrections: tuple[Correction, ...] = ()
    entries: Mapping[str, str] = {}

    def entry_of(self, item: str) -> str:
        """The ledger entry that gave an item its present value."""
        return self.entries.get(item, self.stamp.entry)


class Consent(Struct, frozen=True, gc=False):
    """Written consent to a version of the information sheet."""

    version: str
    on: dt.date
    stamp: Stamp


class Signature(Struct, frozen=True, gc=False):
    """An investigator's signature; void for ever once what it is about changed, by that entry."""

    digest: str
    meaning: str
    stamp: Stamp
    voided: Stamp | None = None


class OverrideRecord(Struct, frozen=True, gc=False):
    """The last override that was asked for, and what became of it."""

    on: dt.date
    grounds: tuple[Ground, ...]
    study_digest: str
    requested: Stamp
    confirmed: Stamp | None = None
    declined: Stamp | None = None

    @property
    def status(self) -> Literal["requested", "confirmed", "declined"]:
        """How far it has come."""
        if self.declined is not None:
            return "declined"
        return "requested" if self.confirmed is None else "confirmed"

    @property
    def criteria(self) -> tuple[str, ...]:
        """The criteria that it is about."""
        return tuple(g.criterion for g in self.grounds)


class Deviation(Struct, frozen=True, gc=False):
    """A departure from the protocol."""

    kind: DeviationKind
    on: dt.date
    what: str
    criteria: tuple[str, ...]
    override: Override | None
    stamp: Stamp


class Reassessment(Struct, frozen=True, gc=False):
    """What a later entry changed in the verdict as of the day of randomization."""

    changes: tuple[Change, ...]
    stamp: Stamp


class Unblinding(Struct, frozen=True, gc=False):
    """Somebody knows something of what a participant receives; what they know is not here.

    `stamp.entry` is its own entry; `by` whoever broke the code, or told of it.
    """

    kind: UnblindingKind
    question: str
    broken_at: dt.datetime
    reference: str
    learned: str
    stamp: Stamp
    impact: str = ""
    action: str = ""
    assessed: Stamp | None = None


class PacketUse(Struct, frozen=True, gc=False):
    """A packet that was opened for somebody: when and by whom; `stamp` says when it was entered."""

    packet: str
    kind: PacketKind
    opened_at: dt.datetime
    opened_by: str
    stamp: Stamp


class Packet(Struct, frozen=True, gc=False):
    """A printed packet, and each end that it was said to have come to, the latest last.

    `opens` is the number, or the packet, whose code it breaks; empty for one with a number.
    """

    packet: str
    batch: int
    kind: PacketKind
    site: str
    stratum: str
    opens: str
    commitment: str
    printed_at: dt.datetime
    ends: tuple[tuple[PacketEnd, dt.date, Stamp], ...] = ()


class Participant(Struct, frozen=True, gc=False):
    """One person in the trial. `received` holds, by repeat, the adverse events the sponsor has.

    `verdict` is the proof of eligibility as it was recorded, `granted` the override that was used.
    """

    code: str
    site: str
    screened_on: dt.date
    stamp: Stamp
    status: Status = "screening"
    consent: Consent | None = None
    forms: Mapping[FormKey, FormRecord] = {}
    answers: Mapping[str, Answer] = {}
    received: Mapping[int, Stamp] = {}
    missed: Mapping[str, Stamp] = {}
    failed_criteria: tuple[str, ...] = ()
    verdict: Raw | None = None
    stratum: str = ""
    left_out: tuple[str, ...] = ()
    number: str = ""
    randomized_on: dt.date | None = None
    randomized_at: dt.datetime | None = None
    infusions: Mapping[str, Infusion] = {}
    left_on: dt.date | None = None
    cause: str = ""
    signature: Signature | None = None
    override: OverrideRecord | None = None
    granted: Override | None = None
    n_called_off: int = 0
    reassessments: tuple[Reassessment, ...] = ()
    deviations: tuple[Deviation, ...] = ()
    unblindings: tuple[Unblinding, ...] = ()
    packets: Mapping[str, PacketUse] = {}
    treatment_changes: tuple[TreatmentChange, ...] = ()

    @property
    def proof(self) -> Verdict | None:
        """The proof of eligibility, read; None before a number was asked for."""
        return None if self.verdict is None else json.decode(self.verdict, type=Verdict)

    @property
    def packet(self) -> str:
        """The packet by which this participant was randomized; empty if by the list."""
        by = (u.packet for u in self.packets.values() if u.kind == "randomization")
        return next(by, "")

    @property
    def is_randomized(self) -> bool:
        """Whether a number of the list belongs to this participant, for ever."""
        return bool(self.number)

    @property
    def treatment_stop(self) -> TreatmentChange | None:
        """What stopped the infusions of this participant, if they are stopped; visits go on."""
        last = self.treatment_changes[-1:]
        return last[0] if last and last[0].is_stopped else None

    @property
    def is_in_trial(self) -> bool:
        """Whether new data are expected."""
        return self.status in ("screening", "randomizing", "randomized")

    def content(self) -> tuple[object, ...]:
        """All that is recorded and that a signature is about: in JSON the same for the same."""
        forms = [
            (r.encounter, r.form, r.repeat, r.on.isoformat(), dict(r.values), dict(r.not_done))
            for _, r in sorted(self.forms.items())
        ]
        judged = [(rule, a.is_true, a.on.isoformat()) for rule, a in sorted(self.answers.items())]
        infused = [
            (i.encounter, i.status, i.weight_kg, i.label, str(i.given_on), i.given_ml)
            for _, i in sorted(self.infusions.items())
        ]
        departed = [(d.kind, d.on.isoformat(), d.what, d.criteria) for d in self.deviations]
        changes = [(c.is_stopped, c.on.isoformat(), c.cause) for c in self.treatment_changes]
        known = [(u.kind, u.question, u.stamp.entry) for u in self.unblindings]
        about = (self.code, self.number, self.status, sorted(self.missed))
        said = (about, forms, judged, infused, departed)
        return (*said, *(part for part in (changes, known) if part))

    def latest(self, form: str) -> FormRecord | None:
        """The latest record of a form by its date, then by its entry."""
        records = [r for r in self.forms.values() if r.form == form]
        return max(records, key=lambda r: (r.on, r.stamp.at), default=None)


class Seal(Struct, frozen=True, gc=False):
    """A moment of the ledger under one root; `entry` is the signature or lock that it followed.

    `time_stamps` holds when services of others saw it, and their answers in base64.
    """

    root: str
    purpose: str
    stamp: Stamp
    entry: str = ""
    time_stamps: tuple[tuple[dt.datetime, str], ...] = ()


class RuleMet(Struct, frozen=True, gc=False):
    """A stopping rule that was met: the counts of that moment, and when the trial went on."""

    does: str
    counts: Mapping[str, tuple[int, int]]
    because: str
    stamp: Stamp
    resumed: Stamp | None = None

    @property
    def is_pausing(self) -> bool:
        """Whether randomization and infusions wait because of it."""
        return self.does == "pause" and self.resumed is None


class Restored(Struct, frozen=True, gc=False):
    """A restored ledger that is not proven whole; `attested` holds who looked into the gap."""

    source: str
    root: str
    proven_by: tuple[str, ...]
    stamp: Stamp
    attested: tuple[Stamp, ...] = ()


class AmendmentRecord(Struct, frozen=True, gc=False):
    """A change of how the trial randomizes that was asked for and is not in force yet."""

    digest: str
    changes: Mapping[str, tuple[str, str]]
    begins_anew: tuple[str, ...]
    requested: Stamp
    confirmed: Stamp | None = None


class TrialState(Struct, frozen=True, gc=False):
    """The whole trial as of the last entry that was folded in.

    `met` holds the stopping rules that were met; `agreed`, by role, who agreed to end the pause.
    `commitment` is the last of `commitments`, one for each part of the vault's sequence.
    While there is something in `restored`, nobody is randomized. `supply` is how many people may be
    randomized in all, and until when that holds. `trail_reviews` stand by the chain reviewed;
    `opened` is the first that agreed to the unblinding.
    """

    study: str = ""
    digest: str = ""
    n_open_decisions: int = 0
    sites: Mapping[str, Stamp] = {}
    people: Mapping[str, Person] = {}
    participants: Mapping[str, Participant] = {}
    commitment: str = ""
    commitments: tuple[str, ...] = ()
    amendment: AmendmentRecord | None = None
    seals: tuple[Seal, ...] = ()
    copies: tuple[Copy, ...] = ()
    locked: Stamp | None = None
    populations: Endorsed | None = None
    unblinding: Endorsed | None = None
    opened: Stamp | None = None
    met: Mapping[str, RuleMet] = {}
    agreed: Mapping[str, Stamp] = {}
    restored: Restored | None = None
    supply: tuple[int, dt.date] | None = None
    packets: Mapping[str, Packet] = {}
    trail_reviews: Mapping[str, tuple[TrailReview, ...]] = {}
    versions: Mapping[str, int] = {}
    heads: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """Whether the trial has been opened on a study folder."""
        return bool(self.digest)

    def seal_of(self, entry: str) -> str:
        """The root under which a signature or a lock was sealed; empty without one."""
        return next((s.root for s in reversed(self.seals) if s.entry == entry), "")

    @property
    def pausing(self) -> tuple[str, ...]:
        """The stopping rules because of which randomization and infusions wait."""
        return tuple(name for name, rule in self.met.items() if rule.is_pausing)

    def at_site(self, site: str) -> tuple[Participant, ...]:
        """The participants of a site in order of their codes."""
        return tuple(p for p in self.participants.values() if p.site == site)

    @property
    def randomized(self) -> tuple[Participant, ...]:
        """Everybody who was randomized, in order of their numbers."""
        found = [p for p in self.participants.values() if p.is_randomized]
        return tuple(sorted(found, key=lambda p: natural_order(p.number)))

    @property
    def n_taken(self) -> int:
        """How many of the planned places are taken: a number was given, or is asked for."""
        return sum(p.randomized_on is not None for p in self.participants.values())
