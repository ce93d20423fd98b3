"""Where an event stands in the ledger: its chain, and the stream within it."""

from equipoise.conduct.events import participants as p
from equipoise.conduct.events import trial as t
from equipoise.conduct.events.happened import Happened


def place_of(event: Happened) -> tuple[str, str]:
    """The chain and the stream that an event belongs to."""
    match event:
        case p.ParticipantScreened():
            return f"site-{event.site}", event.participant
        case t.AuditTrailReviewed():
            return event.chain, f"audit-trail/{event.chain}"
        case t.SiteOpened():
            return "control", f"site/{event.site}"
    participant = getattr(event, "participant", None)
    if participant is not None:
        return chain_of(participant), participant
    person = getattr(event, "person", None)
    return "control", f"person/{person}" if person else "study"


def chain_of(participant: str) -> str:
    """The chain of the site that a participant belongs to."""
    return f"site-{participant.split('-', maxsplit=1)[0]}"
