"""The graded code-break: the least that answers a question, for one participant at a time.

The vault's own log is the register: a break is on disk before it is answered, also while the
trial's ledger is away. What was answered is kept nowhere.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec

from equipoise.ledger import Entry
from equipoise.problems import Refused, problem
from equipoise.vault.protocol import Break, Disclose, OpenList, Reveal
from equipoise.vault.stores.seam import VaultStore

INFUSION = "infusion:"
PEOPLE_WHO_AGREE = 2
ANSWERED_AGAIN = timedelta(minutes=10)
"""How long a lost answer can be asked for again; later, who asks again breaks the blind again."""

_WHOM = "SELECT participant, number FROM vault_assignment WHERE ? IN (participant, number)"


def stream_of(request: Reveal) -> str:
    """The stream of a request in the log; its first version is the break itself."""
    return f"reveal/{request.request}" if request.request else "vault"


def find_whom(store: VaultStore, asked: str) -> tuple[str, str]:
    """Participant and number behind either of the two; what is both is taken for the participant.

    Raises:
        Refused: no number was ever assigned to this one.
    """
    found: list[tuple[str, str]] = store.connection.execute(_WHOM, (asked,)).fetchall()
    if not found:
        raise Refused([problem("EQ-V002", asked, number=asked)])
    return next((row for row in found if row[0] == asked), found[0])


def check_asker(request: Reveal, store: VaultStore, *, now: datetime) -> None:
    """Who and why are said; and a request is one question, answered again for a short time.

    Raises:
        Refused: nobody is named, or the request belongs to another question or an earlier hour.
    """
    if not request.by.strip() or not request.reason.strip():
        raise Refused([problem("EQ-V007")])
    first = first_answer(request, store)
    if first is None:
        return
    is_same = first.by == request.by and body_of(first)["asked"] == asked_of(request)
    if not is_same:
        raise Refused([problem("EQ-V030", request.number)])
    if now - first.at > ANSWERED_AGAIN:
        raise Refused([problem("EQ-V031", request.number)])


def check_opening(request: OpenList | Disclose) -> None:
    """The list is opened for signed populations and by two people, both of whom the log names.

    That the data are locked, and who these two are, the trial's ledger shows.

    Raises:
        Refused: nobody asks, for no reason, or fewer than two agreed.
    """
    if not request.by.strip() or not request.reason.strip():
        raise Refused([problem("EQ-V007")])
    people = {name.strip().casefold() for name in request.agreed if name.strip()}
    if len(people) < PEOPLE_WHO_AGREE or not request.populations.strip():
        raise Refused([problem("EQ-V040")])


def first_answer(request: Reveal, store: VaultStore) -> Entry | None:
    """The entry of this very request, if it was answered before."""
    return next(store.read(stream=stream_of(request)), None) if request.request else None


def body_of(entry: Entry) -> dict[str, Any]:
    """What the log holds of a question."""
    body: dict[str, Any] = msgspec.json.decode(entry.body or b"{}")
    return body


def asked_of(request: Reveal) -> dict[str, str]:
    """What the log keeps of a question, beside who asked and why."""
    kept = ("number", "question", "role", "kind", "request")
    return {name: getattr(request, name) for name in kept}


def read_breaks(store: VaultStore, *, after: int = 0) -> Iterator[Break]:
    """The breaks that were answered, each once however often its answer was asked for."""
    for entry in store.read(chain="vault", after=after):
        body = body_of(entry)
        asked = body["asked"]
        if body["refused"] or body.get("again"):
            continue
        if entry.type == "EnterPacket" and is_code_break(asked):
            yield _by_packet(entry, asked, store)
        if entry.type != "Reveal":
            continue
        participant, number = find_whom(store, asked["number"])
        yield Break(
            seq=entry.seq,
            at=entry.at,
            by=entry.by,
            role=asked.get("role", ""),
            reason=entry.reason,
            kind=asked.get("kind", "emergency"),
            participant=participant,
            number=number,
            question=asked["question"],
        )


def is_code_break(asked: dict[str, Any]) -> bool:
    """Whether what was entered is a packet that breaks a code; a question enters nothing."""
    return asked["packet"].startswith("B") and not asked["is_question"]


def _by_packet(entry: Entry, asked: dict[str, Any], store: VaultStore) -> Break:
    """The break was when the packet was opened, and by whom; the log says when it was entered."""
    participant, number = find_whom(store, asked["participant"])
    return Break(
        seq=entry.seq,
        at=datetime.fromisoformat(asked["opened_at"]),
        by=asked["opened_by"],
        role=asked["opened_as"],
        reason=entry.reason,
        kind="emergency",
        participant=participant,
        number=number,
        question="arm",
    )
