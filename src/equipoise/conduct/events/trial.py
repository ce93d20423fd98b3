"""What happens to the trial: the control chain."""

import datetime as dt
from collections.abc import Mapping
from typing import ClassVar

from equipoise.conduct.events.happened import Happened
from equipoise.conduct.parts import (
    AccessDecision,
    CopyKind,
    PacketEnd,
    Proof,
    TrailFilter,
)
from equipoise.problems import Text


class StudyOpened(Happened, frozen=True, kw_only=True):
    """The trial was opened on this exact study folder."""

    title: ClassVar[Text] = Text("Trial opened", "Essai ouvert")
    study: str
    digest: str
    n_open_decisions: int


class SiteOpened(Happened, frozen=True, kw_only=True):
    """A site may screen from now on."""

    title: ClassVar[Text] = Text("Site opened", "Centre ouvert")
    site: str


class PersonAdded(Happened, frozen=True, kw_only=True):
    """Somebody got a role, at some sites or (empty) at all of them, from one day to another.

    `tasks` are those of the role that are delegated to them; empty is the whole role.
    """

    title: ClassVar[Text] = Text("Role given", "Rôle attribué")
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

    title: ClassVar[Text] = Text("Delegation changed", "Délégation modifiée")
    person: str
    sites: tuple[str, ...] = ()
    from_on: dt.date | None = None
    until_on: dt.date | None = None
    tasks: tuple[str, ...] = ()


class TrainingRecorded(Happened, frozen=True, kw_only=True):
    """Somebody completed a training that the study asks for; it holds until that day."""

    title: ClassVar[Text] = Text("Training recorded", "Formation enregistrée")
    person: str
    training: str
    on: dt.date
    until_on: dt.date | None = None


class SignedIn(Happened, frozen=True, kw_only=True):
    """Somebody came in at the site door, and by which means they showed who they are."""

    title: ClassVar[Text] = Text("Logged in", "Connexion")
    person: str
    proof: Proof


class InvitationMade(Happened, frozen=True, kw_only=True):
    """A code was made with which somebody chooses a password; its fingerprint, never the code."""

    title: ClassVar[Text] = Text("Code for a password made", "Code pour un mot de passe créé")
    person: str
    code: str


class PasswordChosen(Happened, frozen=True, kw_only=True):
    """Whoever had the code of this fingerprint chose the password of an account."""

    title: ClassVar[Text] = Text("Password chosen", "Mot de passe choisi")
    person: str
    code: str


class InvitationConfirmed(Happened, frozen=True, kw_only=True):
    """A second person made sure that the owner of the account chose the password in that entry."""

    title: ClassVar[Text] = Text("Password confirmed", "Mot de passe confirmé")
    person: str
    chosen: str


class SignInBarred(Happened, frozen=True, kw_only=True):
    """Wrong passwords were given for somebody so often that the account waits."""

    title: ClassVar[Text] = Text(
        "Log-in barred after wrong passwords", "Connexion bloquée après des mots de passe erronés"
    )
    person: str
    n_failures: int


class SignInMeansChanged(Happened, frozen=True, kw_only=True):
    """This opens an account besides its password, or no longer does: kind and fingerprint."""

    title: ClassVar[Text] = Text("Means of log-in changed", "Moyen de connexion modifié")
    person: str
    means: str
    is_added: bool


class AccountabilityAccepted(Happened, frozen=True, kw_only=True):
    """Somebody accepted, in these words, that their electronic signature binds like one by hand."""

    title: ClassVar[Text] = Text("Meaning of signatures accepted", "Portée des signatures acceptée")
    person: str
    statement: str


class PersonRemoved(Happened, frozen=True, kw_only=True):
    """Somebody lost their role; the identifier is never given again."""

    title: ClassVar[Text] = Text("Role taken away", "Rôle retiré")
    person: str


class AccessReviewed(Happened, frozen=True, kw_only=True):
    """Somebody who manages people looked at each of these accesses and signed what they decided.

    `digest` is of what they saw of them. An access that was ended has its own `PersonRemoved`.
    """

    title: ClassVar[Text] = Text("Access reviewed", "Accès revus")
    decisions: Mapping[str, AccessDecision]
    digest: str
    meaning: str
    proof: Proof = ""


class AuditTrailReviewed(Happened, frozen=True, kw_only=True):
    """Somebody looked at entries of a chain and says what they found; no finding is none.

    `asked` chose `n_entries` of those up to number `up_to`; the numbers in `sample` were drawn of
    them, and without one every entry was looked at. `until` is where the time that was looked at
    ends. A finding may point to `entries`, by their numbers in the chain.
    """

    title: ClassVar[Text] = Text("Audit trail reviewed", "Piste d'audit revue")
    chain: str
    asked: TrailFilter
    up_to: int
    n_entries: int
    sample: tuple[int, ...] = ()
    until: dt.datetime
    finding: str = ""
    entries: tuple[int, ...] = ()


class AllocationCommitted(Happened, frozen=True, kw_only=True):
    """The vault made its sequence and published this commitment to it (a Merkle root)."""

    title: ClassVar[Text] = Text(
        "Allocation committed to", "Engagement sur la liste de randomisation"
    )
    commitment: str
    n_planned: int


class PacketsPrinted(Happened, frozen=True, kw_only=True):
    """Sealed packets were printed for a site; `commitment` is the Merkle root over their numbers.

    `randomization` are those that hold a number. `code_break` names for each of the others what it
    opens: a number that was given, or the packet that holds it.
    """

    title: ClassVar[Text] = Text("Packets printed", "Enveloppes imprimées")
    batch: int
    site: str
    stratum: str
    randomization: tuple[str, ...]
    code_break: Mapping[str, str]
    commitment: str
    printed_at: dt.datetime


class PacketAccounted(Happened, frozen=True, kw_only=True):
    """What became of a packet that nobody was randomized or unblinded by, since that day."""

    title: ClassVar[Text] = Text("Packet accounted for", "Sort d'une enveloppe déclaré")
    packet: str
    became: PacketEnd
    on: dt.date


class StudySealed(Happened, frozen=True, kw_only=True):
    """All heads under one root; `entry` is the signature or lock that it followed, if one."""

    title: ClassVar[Text] = Text("Ledger sealed", "Registre scellé")
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

    title: ClassVar[Text] = Text("Copy taken out", "Copie sortie")
    kind: CopyKind
    site: str = ""
    is_by_arm: bool = False
    digest: str
    seal: str


class SealStamped(Happened, frozen=True, kw_only=True):
    """A service of others signed, with its own clock, that this seal was there (RFC 3161).

    `token` is its answer in base64, to be checked by anybody against its certificate.
    """

    title: ClassVar[Text] = Text("Seal time-stamped", "Sceau horodaté")
    root: str
    service: str
    stamped_at: dt.datetime
    token: str


class BodyRedacted(Happened, frozen=True, kw_only=True):
    """The content of one entry was taken out: a personal datum that must not stand there.

    The ledger itself knows this event: it alone lets a body go, and only that of the entry named.
    """

    title: ClassVar[Text] = Text("Content of an entry taken out", "Contenu d'une entrée retiré")
    chain: str
    seq: int


class DataLocked(Happened, frozen=True, kw_only=True):
    """No value of any participant changes from now on."""

    title: ClassVar[Text] = Text("Data locked", "Données verrouillées")


class PopulationsSigned(Happened, frozen=True, kw_only=True):
    """After the lock, a blinded statistician signed who belongs to which analysis population."""

    title: ClassVar[Text] = Text("Analysis populations signed", "Populations d'analyse signées")
    digest: str
    meaning: str
    proof: Proof = ""


class UnblindingAgreed(Happened, frozen=True, kw_only=True):
    """A second person agreed that the code is opened for the analysis of these populations."""

    title: ClassVar[Text] = Text("Opening of the code agreed", "Levée de l'aveugle acceptée")
    digest: str
    meaning: str
    proof: Proof = ""


class AmendmentRequested(Happened, frozen=True, kw_only=True):
    """Somebody asks that the trial randomizes by another folder: each key as it was and as it is.

    `begins_anew` are the strata for which the vault will begin a list of its own.
    """

    title: ClassVar[Text] = Text("Amendment requested", "Amendement demandé")
    digest: str
    changes: Mapping[str, tuple[str, str]]
    begins_anew: tuple[str, ...]


class AmendmentConfirmed(Happened, frozen=True, kw_only=True):
    """A second person agreed to the request of that entry; randomization waits for the vault."""

    title: ClassVar[Text] = Text("Amendment confirmed", "Amendement confirmé")
    digest: str
    request: str
    meaning: str = ""
    proof: Proof = ""


class StudyAmended(Happened, frozen=True, kw_only=True):
    """The vault began a new part of its sequence, and the trial goes on by this study folder."""

    title: ClassVar[Text] = Text("Amendment in force", "Amendement en vigueur")
    digest: str
    commitment: str
    n_planned: int
    n_open_decisions: int


class SupplyDeclared(Happened, frozen=True, kw_only=True):
    """Until that day so many people may be randomized in all, whatever the arms of the next are."""

    title: ClassVar[Text] = Text("Supply declared", "Stock déclaré")
    places: int
    until_on: dt.date


class StoppingRuleMet(Happened, frozen=True, kw_only=True):
    """A stopping rule became true; counts are of participants, all arms together.

    A count has two bounds, which differ where an event is still unclear. `entry` is what made the
    rule true; `does` is `pause` or `notify`.
    """

    title: ClassVar[Text] = Text("Stopping rule met", "Règle d'arrêt atteinte")
    rule: str
    does: str
    counts: Mapping[str, tuple[int, int]]
    entry: str
    computed_by: str = ""


class ResumptionAgreed(Happened, frozen=True, kw_only=True):
    """One of the roles that must agree before a paused trial goes on has agreed, and why."""

    title: ClassVar[Text] = Text("Resumption agreed", "Reprise acceptée")
    rules: tuple[str, ...]


class TrialResumed(Happened, frozen=True, kw_only=True):
    """All who must agree have agreed: randomization and infusions go on despite these rules."""

    title: ClassVar[Text] = Text("Trial resumed", "Essai repris")
    rules: tuple[str, ...]


class LedgerRestored(Happened, frozen=True, kw_only=True):
    """The ledger was filled from a backup or an archive: randomization waits until it is proven.

    `heads` and `root` are those of what was restored; `proven_by` are the seals that, kept
    elsewhere, show that nothing came after it.
    """

    title: ClassVar[Text] = Text("Ledger restored", "Registre restauré")
    source: str
    n_entries: int
    heads: Mapping[str, tuple[int, str]]
    root: str
    proven_by: tuple[str, ...]
    is_complete: bool


class RestoreConfirmed(Happened, frozen=True, kw_only=True):
    """The latest seal kept elsewhere is that of the restored ledger: nothing was lost."""

    title: ClassVar[Text] = Text("Restore confirmed as whole", "Restauration confirmée complète")
    root: str


class GapAttested(Happened, frozen=True, kw_only=True):
    """One of two people has said, with a reason, that what is missing was looked into."""

    title: ClassVar[Text] = Text("Gap attested", "Lacune attestée")
