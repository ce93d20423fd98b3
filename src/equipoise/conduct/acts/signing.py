"""Signatures: bound to exactly what the signer saw, void once it changes (21 CFR 11.50, 11.70).

The name behind `by` and the instant stand in the entry, the meaning and the digest in its body; a
seal of the whole ledger follows each signature in the same transaction. That the signer proved who
they are, just then, is asked by the door that they came through, which tells by which means.
"""

import datetime as dt
import hashlib

import msgspec

from equipoise.conduct import events as e
from equipoise.conduct.door import Events, View, act, refuse_if
from equipoise.conduct.parts import Proof
from equipoise.conduct.rules import check_accountable, check_open
from equipoise.conduct.state import Participant
from equipoise.problems import problem
from equipoise.study.roles import Role
from equipoise.study.study import Study

SIGNERS = (
    Role.INVESTIGATOR,
    Role.SAFETY_OFFICER,
    Role.STATISTICIAN,
    Role.DATA_MANAGER,
)

"""Who signs in the course of a trial; who manages people signs the review of their access."""


@act(*SIGNERS, Role.ADMINISTRATOR)
def accept_accountability(
    view: View, *, by: str, at: dt.datetime, reason: str = "", statement: str
) -> Events:
    """Accept, once, that one's electronic signature binds like one by hand (21 CFR 11.10(j))."""
    if view.person.accepted_at is not None:
        refuse_if([problem("EQ-C107", by, name=view.person.name)])
    return [e.AccountabilityAccepted(person=by, statement=statement)]


@act(Role.INVESTIGATOR)
def sign_casebook(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    participant: str,
    meaning: str,
    digest: str,
    proof: Proof = "",
) -> Events:
    """Endorse all data of a participant; `digest` is of what the signer saw.

    After the lock only a signature that became void, by an unblinding above all, is given anew.
    """
    subject, state = view.participant(participant), view.state
    is_void = subject.signature is not None and not is_signed(view.study, subject)
    problems = [] if state.locked and is_void else [*check_open(state)]
    problems += check_accountable(view.person, proof=proof)
    if digest != digest_of(view.study, subject):
        problems.append(problem("EQ-C071", participant, participant=participant))
    refuse_if(problems)
    return [e.CasebookSigned(participant=participant, meaning=meaning, digest=digest, proof=proof)]


def digest_of(study: Study, subject: Participant) -> str:
    """SHA-256 of everything recorded about a participant, and of the text of the study by which
    its forms are read: what a signature is bound to."""
    bound = ("equipoise/casebook/1", study.digest, *subject.content())
    return hashlib.sha256(msgspec.json.encode(bound, order="deterministic")).hexdigest()


def is_signed(study: Study, subject: Participant) -> bool:
    """Whether the signature stands: nothing changed since, not even for a while."""
    signature = subject.signature
    if signature is None or signature.voided is not None:
        return False
    return signature.digest == digest_of(study, subject)
