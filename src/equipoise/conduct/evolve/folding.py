"""`evolve(state, entry)`: the only way that the state of a trial changes."""

from collections.abc import Iterable

from msgspec.structs import replace

from equipoise.conduct import events as e
from equipoise.conduct.evolve.participants import PARTICIPANT, forget
from equipoise.conduct.evolve.trial import CONTROL
from equipoise.conduct.parts import Proof, Stamp
from equipoise.conduct.state import Participant, TrialState
from equipoise.ledger import Entry


def evolve(state: TrialState, entry: Entry) -> TrialState:
    """The state after one more entry; chains commute, and a redacted entry says nothing."""
    return fold(state, (entry,))


def fold(state: TrialState, entries: Iterable[Entry]) -> TrialState:
    """The state after all of these entries.

    The three maps that grow with the trial are copied once, not once an entry.
    """
    participants = dict(state.participants)
    versions, heads = dict(state.versions), dict(state.heads)
    for entry in entries:
        if entry.body is None:
            redact(participants, entry)
        else:
            event = e.from_entry(entry.type, entry.body)
            place = f"{entry.chain}:{entry.seq}"
            proof: Proof = getattr(event, "proof", "")
            why = entry.reason or getattr(event, "reason", "")
            stamp = Stamp(entry.by, entry.role, entry.at, why, place, proof)
            name = getattr(event, "participant", None)
            if isinstance(event, e.BodyRedacted):
                forget(participants, f"{event.chain}:{event.seq}")
            elif name is None:
                state = CONTROL[type(event)](state, event, stamp)
            else:
                participants[name] = apply_to(participants.get(name), event, stamp)
        versions[entry.stream] = entry.version
        heads[entry.chain] = entry.seq
    return replace(state, participants=participants, versions=versions, heads=heads)


def apply_to(subject: Participant | None, event: e.Happened, stamp: Stamp) -> Participant:
    """The participant after one more event; None before the first.

    A signature is void for ever once what it is about changed, although it be changed back. What
    can be taken out voids it even where it says the same again: who reads the ledger anew does not
    know what was said before.
    """
    after = PARTICIPANT[type(event)](subject, event, stamp)
    if subject is None or subject.signature is None or isinstance(event, e.CasebookSigned):
        return after
    is_same = not e.has_reason(event) and after.content() == subject.content()
    return after if is_same else _void(after, stamp)


def redact(participants: dict[str, Participant], entry: Entry) -> None:
    """What an entry said is gone; that it voided a signature given before, is not."""
    subject = participants.get(entry.stream)
    if subject is not None:
        stamp = Stamp(entry.by, entry.role, entry.at, "", f"{entry.chain}:{entry.seq}")
        participants[entry.stream] = _void(subject, stamp)


def _void(subject: Participant, stamp: Stamp) -> Participant:
    """Without the reason of the entry that voids it, which may be taken out."""
    signature = subject.signature
    if signature is None or signature.voided is not None:
        return subject
    return replace(subject, signature=replace(signature, voided=replace(stamp, reason="")))
