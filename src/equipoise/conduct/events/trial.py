"""What happens to the trial: the control chain."""

import datetime as dt
from collections.abc import Mapping

from equipoise.conduct.events.happened import Happened
from equipoise.conduct.parts import (
    AccessDecision,
    CopyKind,
    PacketEnd,
    Proof,
)


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


class CopyMade(Happened, frozen=True, kw_only=True):
    """Somebody took a copy out of the trial: of all of it, or of this site alone.

    `digest` is SHA-256 of the file, of tables that of their manifest, which holds those of the
    others; `seal` the root of what was copied. It never says an arm, nor lets one be computed: a
    copy by arm bears a random number.
    """

    kind: CopyKind
    site: str = ""
    is_by_arm: bool = False
    digest: str
    seal: str


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
    computed_by: str = ""


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
