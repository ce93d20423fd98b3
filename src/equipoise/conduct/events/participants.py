"""What happens to participants: the chain of their site."""

import datetime as dt
from collections.abc import Mapping
from typing import ClassVar

import msgspec

from equipoise.conduct.events.happened import Happened
from equipoise.conduct.parts import (
    Change,
    DeviationKind,
    Ground,
    Override,
    Proof,
    UnblindingKind,
    Value,
)
from equipoise.problems import Text
from equipoise.vault.packets.messages import PacketKind


class ParticipantScreened(Happened, frozen=True, kw_only=True):
    """A person entered screening and got a participant code."""

    title: ClassVar[Text] = Text("Screening begun", "Sélection commencée")
    participant: str
    site: str
    on: dt.date


class ConsentSigned(Happened, frozen=True, kw_only=True):
    """Written informed consent to this version of the information sheet."""

    title: ClassVar[Text] = Text("Consent signed", "Consentement signé")
    participant: str
    version: str
    on: dt.date


class CriterionJudged(Happened, frozen=True, kw_only=True):
    """A person answered a question that only a person can answer."""

    title: ClassVar[Text] = Text("Criterion judged", "Critère apprécié")
    participant: str
    rule: str
    is_true: bool
    on: dt.date


class FormSubmitted(Happened, frozen=True, kw_only=True):
    """A form was entered: values, what was not done and why, and what the edit checks said.

    `as_entered` holds each number that was entered in another unit than its item's, with the unit.
    What is entered again after a redaction goes on from the `version` that the form had.
    """

    title: ClassVar[Text] = Text("Form entered", "Formulaire saisi")
    participant: str
    encounter: str
    form: str
    repeat: int = 0
    on: dt.date
    values: Mapping[str, Value]
    not_done: Mapping[str, str] = {}
    warnings: tuple[str, ...] = ()
    as_entered: Mapping[str, tuple[int | float, str]] = {}
    version: int = 1
    computed_by: str = ""
    reason: str = ""


class ItemCorrected(Happened, frozen=True, kw_only=True):
    """One value was replaced; the first one stays in the ledger."""

    title: ClassVar[Text] = Text("Value corrected", "Valeur corrigée")
    participant: str
    encounter: str
    form: str
    repeat: int = 0
    item: str
    value: Value
    not_done: str = ""
    as_entered: tuple[int | float, str] | None = None
    computed_by: str = ""
    reason: str = ""


class AdverseEventReceived(Happened, frozen=True, kw_only=True):
    """The sponsor has an adverse event that must be reported: its clock is met."""

    title: ClassVar[Text] = Text(
        "Adverse event received by the sponsor", "Événement indésirable reçu par le promoteur"
    )
    participant: str
    repeat: int


class EncounterMissed(Happened, frozen=True, kw_only=True):
    """A planned encounter did not take place."""

    title: ClassVar[Text] = Text("Visit missed", "Visite manquée")
    participant: str
    encounter: str
    reason: str = ""


class ScreeningFailed(Happened, frozen=True, kw_only=True):
    """The person leaves before randomization; `criteria` are the ones that barred."""

    title: ClassVar[Text] = Text("Screening failed", "Échec de sélection")
    participant: str
    criteria: tuple[str, ...]
    computed_by: str = ""
    reason: str = ""


class OverrideRequested(Happened, frozen=True, kw_only=True):
    """A physician asks to let somebody in whom these criteria stop; the reason is the entry's."""

    title: ClassVar[Text] = Text("Exception requested", "Exception demandée")
    participant: str
    on: dt.date
    grounds: tuple[Ground, ...]
    study_digest: str
    meaning: str = ""
    proof: Proof = ""
    computed_by: str = ""


class OverrideConfirmed(Happened, frozen=True, kw_only=True):
    """A second person, on the sponsor's side, agrees to the request of that entry."""

    title: ClassVar[Text] = Text("Exception confirmed", "Exception confirmée")
    participant: str
    request: str
    meaning: str = ""
    proof: Proof = ""


class OverrideDeclined(Happened, frozen=True, kw_only=True):
    """The request of that entry was refused, or taken back, before it was used."""

    title: ClassVar[Text] = Text("Exception declined", "Exception refusée")
    participant: str
    request: str


class DeviationRecorded(Happened, frozen=True, kw_only=True):
    """The protocol was departed from: in what, since when, and by which override if by one."""

    title: ClassVar[Text] = Text("Deviation recorded", "Déviation enregistrée")
    participant: str
    kind: DeviationKind
    on: dt.date
    what: str = ""
    criteria: tuple[str, ...] = ()
    override: Override | None = None
    reason: str = ""


class EligibilityReassessed(Happened, frozen=True, kw_only=True):
    """What was entered after randomization changes the verdict as of that day; the proof stays."""

    title: ClassVar[Text] = Text("Eligibility reassessed", "Éligibilité réévaluée")
    participant: str
    reference_on: dt.date
    study_digest: str
    changes: tuple[Change, ...]
    computed_by: str = ""


class RandomizationRequested(Happened, frozen=True, kw_only=True):
    """Eligible and consented, or let in by two people: the proof, before the vault is asked.

    `verdict` is the proof, in the very bytes that were recorded: a ledger is read without a look
    into each. `left_out` are whom minimization does not count by the rule of the study.
    """

    title: ClassVar[Text] = Text("Randomization requested", "Randomisation demandée")
    participant: str
    stratum: str
    on: dt.date
    verdict: msgspec.Raw
    override: Override | None = None
    left_out: tuple[str, ...] = ()
    computed_by: str = ""


class RandomizationCalledOff(Happened, frozen=True, kw_only=True):
    """A request that got no number: the vault gives none for it any more."""

    title: ClassVar[Text] = Text("Randomization called off", "Randomisation annulée")
    participant: str


class PacketOpened(Happened, frozen=True, kw_only=True):
    """A packet was opened for a participant while nothing answered, at that time and by whom.

    When it was entered, and by whom, the entry says.
    """

    title: ClassVar[Text] = Text("Packet opened", "Enveloppe ouverte")
    participant: str
    packet: str
    kind: PacketKind
    opened_at: dt.datetime
    opened_by: str


class ParticipantRandomized(Happened, frozen=True, kw_only=True):
    """The vault gave the next number of its list."""

    title: ClassVar[Text] = Text("Participant randomized", "Participant randomisé")
    participant: str
    number: str


class InfusionOrdered(Happened, frozen=True, kw_only=True):
    """The site asks the cell unit for an infusion; the dose comes from the weight of the day."""

    title: ClassVar[Text] = Text("Infusion ordered", "Perfusion commandée")
    participant: str
    encounter: str
    on: dt.date
    weight_kg: float
    target_cells: int
    volume_ml: float
    n_bags: int
    computed_by: str = ""


class InfusionPrepared(Happened, frozen=True, kw_only=True):
    """The cell unit handed out the preparation under an opaque label, to be given until then."""

    title: ClassVar[Text] = Text("Infusion handed out", "Perfusion remise")
    participant: str
    encounter: str
    label: str
    usable_until: dt.datetime | None = None


class InfusionTakenBack(Happened, frozen=True, kw_only=True):
    """What was handed out under this label came back, not given; the order waits again."""

    title: ClassVar[Text] = Text("Infusion taken back", "Perfusion reprise")
    participant: str
    encounter: str
    label: str


class InfusionRecalled(Happened, frozen=True, kw_only=True):
    """The cell unit asks that what is out under this label is not given, or is stopped."""

    title: ClassVar[Text] = Text("Infusion recalled", "Perfusion à ne pas administrer")
    participant: str
    encounter: str
    label: str


class InfusionStarted(Happened, frozen=True, kw_only=True):
    """All was checked at the bedside and held, and the infusion began at that instant."""

    title: ClassVar[Text] = Text("Infusion started", "Perfusion commencée")
    participant: str
    encounter: str
    on: dt.date
    label: str
    started_at: dt.datetime
    checked_by: str = ""


class InfusionGiven(Happened, frozen=True, kw_only=True):
    """The preparation went into the participant; a second person had compared code and label."""

    title: ClassVar[Text] = Text("Infusion given", "Perfusion administrée")
    participant: str
    encounter: str
    on: dt.date
    label: str
    volume_ml: float
    started_at: dt.datetime | None = None
    stopped_at: dt.datetime | None = None
    checked_by: str = ""
    reason: str = ""


class TreatmentChanged(Happened, frozen=True, kw_only=True):
    """From that day on the participant gets no infusion, or may get them again; visits go on.

    `instead_of` is the number of the entry of its chain in whose place it stands, if that was taken
    out: stops and resumptions have their order.
    """

    title: ClassVar[Text] = Text("Treatment stopped or resumed", "Traitement arrêté ou repris")
    participant: str
    is_stopped: bool
    on: dt.date
    cause: str
    instead_of: int = 0
    reason: str = ""


class ParticipantWithdrawn(Happened, frozen=True, kw_only=True):
    """The participant leaves the trial; what was collected stays."""

    title: ClassVar[Text] = Text("Participant withdrawn", "Participant sorti de l'essai")
    participant: str
    on: dt.date
    cause: str
    reason: str = ""


class ParticipantCompleted(Happened, frozen=True, kw_only=True):
    """The participant reached the end of the planned follow-up."""

    title: ClassVar[Text] = Text("Follow-up completed", "Suivi terminé")
    participant: str
    on: dt.date
    reason: str = ""


class CodeBroken(Happened, frozen=True, kw_only=True):
    """Somebody learned what a participant receives; never what was answered.

    `question` is empty: the vault's log has it; in older ledgers it stands here. `reference` is the
    entry of the vault's log; empty where it came out otherwise. Then `learned` says who knows now.
    `broken_by` and `broken_as` are who broke it or told of it, and their role, where somebody else
    enters it again after a redaction.
    """

    title: ClassVar[Text] = Text("Somebody unblinded", "Aveugle levé")
    participant: str
    kind: UnblindingKind
    question: str
    broken_at: dt.datetime
    reference: str = ""
    learned: str = ""
    broken_by: str = ""
    broken_as: str = ""
    reason: str = ""


class UnblindingAssessed(Happened, frozen=True, kw_only=True):
    """What an unblinding meant for the trial, and what was done about it."""

    title: ClassVar[Text] = Text("Unblinding assessed", "Levée d'aveugle évaluée")
    participant: str
    entry: str
    impact: str
    action: str


class CasebookSigned(Happened, frozen=True, kw_only=True):
    """An investigator endorses all data of a participant as they stand under this digest."""

    title: ClassVar[Text] = Text("Casebook signed", "Cahier signé")
    participant: str
    meaning: str
    digest: str
    proof: Proof = ""
