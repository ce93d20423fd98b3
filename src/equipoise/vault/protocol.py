"""What can be asked of the vault and what it answers: one JSON object a line, each way.

Every question carries the token of a capability; the vault keeps only the tokens' digests.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol, get_args

import msgspec
from msgspec import Struct

from equipoise.ledger import Entry, Realm
from equipoise.problems import Problem
from equipoise.randomization import Specification
from equipoise.vault.packets.messages import (
    EnterPacket,
    OpenedPacket,
    PacketList,
    PacketRow,
    Packets,
    Printed,
    PrintPackets,
)
from equipoise.vault.sequence.opened import OpenedList

Capability = Literal["assign", "cells", "emergency", "unblind", "audit", "packets", "nature"]
EVERY: frozenset[Capability] = frozenset(get_args(Capability))
BreakKind = Literal["planned", "emergency"]


class Assign(Struct, frozen=True, tag=True, kw_only=True, omit_defaults=True):
    """The next number of the stratum for a participant; the same one if asked again.

    With `is_known` it is a question alone: without a number so far, none is given. `left_out` are
    the participants whom minimization does not count, as the ledger has recorded it.
    """

    token: str
    participant: str
    stratum: str
    proof: str
    is_known: bool = False
    left_out: tuple[str, ...] = ()


class CallOff(Struct, frozen=True, tag=True, kw_only=True):
    """Give no number for this proof any more; refused if one was given. Asked again, the same."""

    token: str
    participant: str
    proof: str


class Contents(Struct, frozen=True, tag=True, kw_only=True):
    """What a number receives at an encounter; for the cell unit."""

    token: str
    number: str
    encounter: str


class Reveal(Struct, frozen=True, tag=True, kw_only=True):
    """Break the blind of one participant, or of one number: `infusion:ENCOUNTER` or `arm`.

    `request` makes asking again after a lost answer one and the same break.
    """

    token: str
    number: str
    question: str
    by: str
    reason: str
    role: str = ""
    kind: BreakKind = "emergency"
    request: str = ""


class Breaks(Struct, frozen=True, tag=True, kw_only=True):
    """Every break of the blind that was answered, without the answers."""

    token: str
    after: int = 0


class Line(Struct, frozen=True, kw_only=True):
    """A number as the ledger recorded it, with the proof it was given for."""

    participant: str
    number: str
    proof: str
    stratum: str = ""
    left_out: tuple[str, ...] = ()


class Compare(Struct, frozen=True, tag=True, kw_only=True):
    """Hold the vault's assignments against the ledger's; what a restore lost is taken up."""

    token: str
    lines: tuple[Line, ...]


class OpenList(Struct, frozen=True, tag=True, kw_only=True):
    """All numbers assigned, with their arms; for the analysis after the lock.

    `agreed` are the people who agreed to it, `populations` the digest of what they signed.
    """

    token: str
    by: str
    reason: str
    agreed: tuple[str, ...] = ()
    populations: str = ""


class Disclose(Struct, frozen=True, tag=True, kw_only=True):
    """The whole list with its seed, to be drawn again; nobody new gets a number after it."""

    token: str
    by: str
    reason: str
    agreed: tuple[str, ...] = ()
    populations: str = ""


class Nature(Struct, frozen=True, tag=True, kw_only=True):
    """The arm of a virtual participant, for the simulated body; rehearsals only."""

    token: str
    number: str


class ReadLog(Struct, frozen=True, tag=True, kw_only=True):
    """The vault's log after an entry number; for the auditor."""

    token: str
    after: int = 0


class Commitment(Struct, frozen=True, tag=True, kw_only=True):
    """The public commitment to the list; anybody may ask."""

    token: str = ""


class Fits(Struct, frozen=True, tag=True, kw_only=True, omit_defaults=True):
    """Was the vault made for this trial? `yes` or `no`, and never an arm. Anybody may ask.

    Without a `specification` the study, the realm and the contents are compared. A `commitment`
    must be that of one of its parts.
    """

    study: str
    realm: Realm
    contents: Mapping[str, Mapping[str, str]]
    specification: Specification | None = None
    commitment: str = ""
    token: str = ""


class Verify(Struct, frozen=True, tag=True, kw_only=True):
    """Is everything in the vault as it was drawn and recorded? Anybody may ask."""

    token: str = ""


Request = (
    Assign
    | CallOff
    | Contents
    | Reveal
    | Breaks
    | Compare
    | OpenList
    | Disclose
    | Nature
    | PrintPackets
    | EnterPacket
    | Packets
    | ReadLog
    | Commitment
    | Fits
    | Verify
)

CAPABILITIES: dict[type[Request], tuple[Capability, ...]] = {
    Assign: ("assign",),
    CallOff: ("assign",),
    Contents: ("cells",),
    Reveal: ("emergency",),
    Breaks: ("emergency", "assign", "audit"),
    Compare: ("assign",),
    OpenList: ("unblind",),
    Disclose: ("unblind",),
    Nature: ("nature",),
    PrintPackets: ("packets",),
    EnterPacket: ("assign",),
    Packets: ("assign", "packets", "audit"),
    ReadLog: ("audit",),
    Commitment: (),
    Fits: (),
    Verify: (),
}
"""Whose tokens open a question; where none is named, anybody may ask."""


class Word(Struct, frozen=True, tag=True):
    """An answer of one word: a number, a product, an arm, a commitment."""

    word: str


class Assigned(Struct, frozen=True):
    """One line of the opened list."""

    number: str
    participant: str
    stratum: str
    arm: str


class Listed(Struct, frozen=True, tag=True):
    """The opened list, in the order of the numbers."""

    assigned: tuple[Assigned, ...]


class Break(Struct, frozen=True, kw_only=True):
    """One break of the blind as the vault recorded it; what was answered is nowhere.

    `seq` is its entry in the vault's log, `at` the instant at which it was answered.
    """

    seq: int
    at: datetime
    by: str
    role: str
    reason: str
    kind: BreakKind
    participant: str
    number: str
    question: str


class Broken(Struct, frozen=True, tag=True):
    """The register of breaks, in their order."""

    breaks: tuple[Break, ...]


class Compared(Struct, frozen=True, tag=True, kw_only=True):
    """What the vault took up from the ledger, and what it assigned that the ledger lacks."""

    taken_up: tuple[str, ...]
    beyond: tuple[tuple[str, str], ...]


class VaultReport(Struct, frozen=True, tag=True, kw_only=True):
    """What a verification found; it never says an arm."""

    ok: bool
    commitment: str
    n_assigned: int
    problems: tuple[Problem, ...] = ()


class Logged(Struct, frozen=True, tag=True):
    """Entries of the vault's log."""

    entries: tuple[Entry, ...]


class Refusal(Struct, frozen=True, tag=True):
    """The question was not answered, and why."""

    problems: tuple[Problem, ...]


Answer = (
    Word
    | Listed
    | OpenedList
    | Broken
    | Compared
    | Printed
    | PacketList
    | VaultReport
    | Logged
    | Refusal
)


class Door(Protocol):
    """Whatever answers questions: the vault itself, or a socket to it."""

    def answer(self, request: Request) -> Answer:
        """Answer one question; refusals are answers too."""
        ...


class Vault(Protocol):
    """The vault as its callers see it. Each method needs the token of its capability."""

    def assign(
        self, participant: str, *, stratum: str, proof: str, left_out: tuple[str, ...] = ()
    ) -> str:
        """The participant's randomization number, `R-001`; idempotent."""
        ...

    def assigned(self, participant: str, *, stratum: str, proof: str) -> str:
        """The number that the participant has already; it gives no new one."""
        ...

    def call_off(self, participant: str, *, proof: str) -> None:
        """See to it that no number is given for this proof; refused if one was."""
        ...

    def contents(self, number: str, encounter: str) -> str:
        """The product that a number receives at an encounter; empty if nothing."""
        ...

    def reveal(
        self,
        number: str,
        question: str,
        *,
        by: str,
        reason: str,
        role: str = "",
        kind: BreakKind = "emergency",
        request: str = "",
    ) -> str:
        """The product at one encounter, or the arm, of a participant or a number."""
        ...

    def breaks(self, *, after: int = 0) -> Sequence[Break]:
        """Every break that was answered, without the answers."""
        ...

    def compare(self, lines: Sequence[Line]) -> Compared:
        """Hold the ledger's numbers against the vault's."""
        ...

    def open_list(
        self, *, by: str, reason: str, agreed: tuple[str, ...], populations: str
    ) -> Sequence[Assigned]:
        """Every number assigned so far, with its arm; two people agreed to these populations."""
        ...

    def disclose(
        self, *, by: str, reason: str, agreed: tuple[str, ...], populations: str
    ) -> OpenedList:
        """The whole list, used or not, with its seed; from then on nobody new gets a number."""
        ...

    def nature(self, number: str) -> str:
        """The arm of a virtual participant."""
        ...

    def enter_packet(
        self, opened: OpenedPacket, *, stratum: str = "", proof: str = "", is_question: bool = False
    ) -> str:
        """The number that a packet holds, now the participant's; or of whom it broke the code."""
        ...

    def packets(self) -> Sequence[PacketRow]:
        """The packets that were printed, from outside."""
        ...

    def read_log(self, *, after: int = 0) -> Sequence[Entry]:
        """What the vault was asked, by whom and when."""
        ...

    def commitment(self) -> str:
        """The Merkle root over the salted list."""
        ...

    def fits(
        self,
        study: str,
        *,
        realm: Realm,
        specification: Specification | None,
        contents: Mapping[str, Mapping[str, str]],
        commitment: str = "",
    ) -> bool:
        """Whether it was made for this trial."""
        ...

    def verify(self) -> VaultReport:
        """Replay the list and check everything recorded."""
        ...


REQUESTS: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
ANSWERS: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)
