"""Everything that can ever happen in a trial: the closed list of events.

An event is a past participle: a fact that was recorded. Who, in which role, when and why stand in
the ledger entry around it. No event here can hold an arm, a product or anything that tells one.

Those of the trial stand in one module, those of participants in the other.
"""

import msgspec

from equipoise.conduct.events.happened import Happened as Happened
from equipoise.conduct.events.happened import has_reason as has_reason
from equipoise.conduct.events.happened import program as program
from equipoise.conduct.events.happened import with_origin as with_origin
from equipoise.conduct.events.happened import with_program as with_program
from equipoise.conduct.events.participants import *  # noqa: F403
from equipoise.conduct.events.reading import read_event
from equipoise.conduct.events.trial import *  # noqa: F403
from equipoise.ledger import Entry

EVENTS: tuple[type[Happened], ...] = tuple(Happened.__subclasses__())
"""All of them; at most 70 (ADR 3)."""

_DECODERS: dict[str, msgspec.json.Decoder[Happened]] = {
    kind.__name__: msgspec.json.Decoder(kind) for kind in EVENTS
}
TITLES = {kind.__name__: kind.title for kind in EVENTS}
"""What each kind is called on pages, by the type of its entries."""


def from_entry(type_name: str, body: bytes) -> Happened:
    """The event of a ledger entry.

    Raises:
        Refused: this version does not know its type, or does not know it with these fields.
    """
    return read_event(_DECODERS, type_name, body)


def reason_of(entry: Entry) -> str:
    """Why an entry was recorded; empty where no reason was given, or it was taken out."""
    if entry.reason or entry.body is None:
        return entry.reason
    return str(getattr(from_entry(entry.type, entry.body), "reason", ""))
