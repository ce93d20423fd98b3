"""What events and the state are made of: values, stamps, overrides, infusions, people."""

import datetime as dt
import unicodedata
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from equipoise.language import Input, Reason
from equipoise.problems import Text

Value = bool | int | float | str | None
"""What an item of a form holds; dates are ISO 8601 text; None means it was left empty."""


DeviationKind = Literal[
    "eligibility_override",
    "eligibility_found_later",
    "randomized_in_error",
    "consent",
    "treatment",
    "procedure",
    "safety_reporting",
    "other",
]
"""What a departure from the protocol is about; the first two are found by the program alone."""


UnblindingKind = Literal["planned", "emergency", "inadvertent"]
"""How somebody came to know: as planned, in an emergency, or by mistake."""


AccessDecision = Literal["keep", "end"]
"""What a reviewer decides of somebody's access."""


Proof = Literal["password", "passkey", "provider", ""]
"""By which means somebody showed who they are; empty where it is not on record."""

CopyKind = Literal["tables", "report", "archive"]
"""What is taken out of a trial: tables of the forms, a report, the ledger itself."""


STATUS_NAMES: Mapping[str, Mapping[str, Text]] = {
    "status": {
        "screening": Text("In screening", "En sélection"),
        "screen_failed": Text("Not included", "Non inclus"),
        "randomizing": Text("Being randomized", "Randomisation en cours"),
        "randomized": Text("Randomized", "Randomisé"),
        "withdrawn": Text("Withdrawn", "Sorti de l'essai"),
        "completed": Text("Completed", "Suivi terminé"),
    },
    "infusion": {
        "ordered": Text("Ordered", "Commandée"),
        "prepared": Text("Prepared", "Préparée"),
        "started": Text("Running", "En cours"),
        "given": Text("Given", "Administrée"),
    },
}
"""What people read for the states of participants and infusions."""


PacketEnd = Literal["returned", "destroyed", "lost", "spoiled"]
"""What became of a packet without use: came back intact, was destroyed, is lost, or was opened in
vain."""


class Ground(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What an override is given for: a criterion as it stood, and the entries it rested on."""

    criterion: str
    status: str
    reasons: tuple[Reason, ...] = ()
    entries: tuple[str, ...] = ()


class Override(Struct, frozen=True, gc=False, kw_only=True):
    """Two people in two roles let somebody in: who asked, who confirmed, in which entries, why."""

    criteria: tuple[str, ...]
    requested_by: str
    requested_as: str
    request: str
    confirmed_by: str
    confirmed_as: str
    confirmation: str
    reason: str


class Change(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A criterion that a later entry changed: at randomization, as last reported, and now."""

    criterion: str
    fixed: str
    was: str
    now: str
    bars: bool = False
    reasons: tuple[Reason, ...] = ()
    inputs: tuple[Input, ...] = ()


class Stamp(Struct, frozen=True, gc=False):
    """Who recorded something, in which role, when (UTC), why, and in which ledger entry.

    Of a signature, `proof` is by which means the signer showed once more who they are.
    """

    by: str
    role: str
    at: dt.datetime
    reason: str
    entry: str
    proof: Proof = ""


class Endorsed(Struct, frozen=True, gc=False):
    """A digest that somebody signed after the lock, and the entry of it."""

    digest: str
    meaning: str
    stamp: Stamp


class TreatmentChange(Struct, frozen=True, gc=False):
    """From that day on a participant gets no infusion, or may get them again; and why.

    `seq` is the number of the entry that first told it, after a redaction too.
    """

    is_stopped: bool
    on: dt.date
    cause: str
    stamp: Stamp
    seq: int


class Infusion(Struct, frozen=True, gc=False):
    """One infusion on its way from the order to the participant.

    `taken_back` are labels that were handed out for it and came back; what is recalled is not to be
    given. `given_on`: it began and something went in; `entered_late`: why it is from paper.
    """

    encounter: str
    on: dt.date
    weight_kg: float
    target_cells: int
    volume_ml: float
    n_bags: int
    stamp: Stamp
    status: Literal["ordered", "prepared", "started", "given"] = "ordered"
    label: str = ""
    usable_until: dt.datetime | None = None
    given_on: dt.date | None = None
    given_ml: float | None = None
    started_at: dt.datetime | None = None
    stopped_at: dt.datetime | None = None
    checked_by: str = ""
    taken_back: tuple[str, ...] = ()
    recalled_at: dt.datetime | None = None
    entered_late: str = ""

    @property
    def status_name(self) -> Text:
        """What people read for its status."""
        return STATUS_NAMES["infusion"][self.status]

    @property
    def is_recalled(self) -> bool:
        """Whether the cell unit asks that it is not given, or is stopped."""
        return self.recalled_at is not None

    @property
    def is_out(self) -> bool:
        """Whether it is out of the cell unit's hands, and not or not all in the participant."""
        return self.status in ("prepared", "started")


class TrailFilter(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Which entries of a chain are looked for; what is empty does not matter. Instants are UTC."""

    participant: str = ""
    person: str = ""
    form: str = ""
    since: dt.datetime | None = None
    before: dt.datetime | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it takes every entry of its time."""
        return not (self.participant or self.person or self.form)


class TrailReview(Struct, frozen=True, gc=False):
    """A review of the audit trail: the fields are those of its event."""

    chain: str
    asked: TrailFilter
    n_entries: int
    sample: tuple[int, ...]
    until: dt.datetime
    finding: str
    entries: tuple[int, ...]
    stamp: Stamp


class Copy(Struct, frozen=True, gc=False):
    """What somebody took out of the trial by a command: all of it, or that of a site."""

    kind: CopyKind
    site: str
    is_by_arm: bool
    digest: str
    seal: str
    stamp: Stamp


SERVER = "system"
"""Who made a code at the server's command line; nobody with a role has this identifier."""


class ChosenPassword(Struct, frozen=True, gc=False):
    """A password that was chosen with a code: when, who had made the code, and who confirmed that
    the person had asked for it."""

    chosen: Stamp
    invited: Stamp | None
    confirmed: Stamp | None = None

    @property
    def is_confirmed(self) -> bool:
        """Who made the code could have used it; at the server everything is open anyhow."""
        is_of_server = self.invited is not None and self.invited.by == SERVER
        return is_of_server or self.confirmed is not None


class Person(Struct, frozen=True, gc=False):
    """Somebody with a role; no sites means all sites, no days means without limit, and no tasks
    the whole role. `came_at` is when they last came in at the site door, `reviewed` who last kept
    their access and when, or who gave it.

    `trained` holds, by training, the last day on which it counts; None where it always does.
    `barred_at` is when wrong passwords last made the account wait, `accepted_at` when this person
    accepted what a signature means. `means` are what opens the account besides a password, such as
    `passkey:` with the fingerprint of its public key; `withdrawn` the accounts of a log-in provider
    that did, and never come back by themselves. `invitations` are the codes for a password that
    were made, by their fingerprints; `password` is what was last chosen with one.
    """

    person: str
    name: str
    role: str
    sites: tuple[str, ...] = ()
    is_active: bool = True
    from_on: dt.date | None = None
    until_on: dt.date | None = None
    trained: Mapping[str, dt.date | None] = {}
    barred_at: dt.datetime | None = None
    accepted_at: dt.datetime | None = None
    means: tuple[str, ...] = ()
    withdrawn: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    came_at: dt.datetime | None = None
    reviewed: Stamp | None = None
    invitations: Mapping[str, Stamp] = {}
    password: ChosenPassword | None = None

    @property
    def is_confirmed(self) -> bool:
        """Whether the password is known to be this person's: a second person asked them."""
        return self.password is None or self.password.is_confirmed

    @property
    def invited(self) -> Stamp | None:
        """The last code that was made, if one was."""
        return max(self.invitations.values(), key=lambda made: made.at, default=None)

    def may_see(self, site: str) -> bool:
        """Whether this person works at, or for, a site."""
        return not self.sites or site in self.sites

    def may_do(self, task: str) -> bool:
        """Whether a task of the role is delegated to this person; what is no task is anybody's."""
        return not task or not self.tasks or task in self.tasks

    def is_delegated(self, on: dt.date) -> bool:
        """Whether this person acts in their role on a day."""
        return (self.from_on or on) <= on <= (self.until_on or on)


def is_same_human(one: Person, other: Person) -> bool:
    """Whether two accounts are one person's: the same identifier, or the same printed name."""
    return one.person == other.person or fold_name(one.name) == fold_name(other.name)


def is_own(stamp: Stamp, person: Person, *, people: Mapping[str, Person]) -> bool:
    """Whether somebody recorded this, under this account or an earlier one of theirs."""
    first = people.get(stamp.by)
    return stamp.by == person.person or (first is not None and is_same_human(first, person))


def fold_name(name: str, *, between: str = "") -> str:
    """A name without what makes two writings of it differ: case, accents, what is no letter.

    `between` stands in the place of anything that is no letter or digit, once.
    """
    plain = unicodedata.normalize("NFKD", name).casefold()
    letters = "".join(c for c in plain if not unicodedata.combining(c))
    return between.join("".join(c if c.isalnum() else " " for c in letters).split())
