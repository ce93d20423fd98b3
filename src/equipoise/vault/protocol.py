"""What can be asked of the vault and what it answers: one JSON object a line, each way.

Every question carries the token of a capability; the vault keeps only the tokens' digests.
"""

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec
from msgspec import Struct

from equipoise.ledger import Entry
from equipoise.problems import Problem

Capability = Literal["assign", "cells", "unblind", "audit", "nature"]


class Assign(Struct, frozen=True, tag=True, kw_only=True):
    """The next number of the stratum for a participant; the same one if asked again."""

    token: str
    participant: str
    stratum: str
    proof: str


class Contents(Struct, frozen=True, tag=True, kw_only=True):
    """What a number receives at an encounter; for the cell unit."""

    token: str
    number: str
    encounter: str


class Reveal(Struct, frozen=True, tag=True, kw_only=True):
    """Break the blind of one number: `infusion:ENCOUNTER` or `arm`."""

    token: str
    number: str
    question: str
    by: str
    reason: str


class OpenList(Struct, frozen=True, tag=True, kw_only=True):
    """All numbers assigned, with their arms; after the lock, or for the DSMB's statistician."""

    token: str
    by: str
    reason: str


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


class Verify(Struct, frozen=True, tag=True, kw_only=True):
    """Is everything in the vault as it was drawn and recorded? Anybody may ask."""

    token: str = ""


Request = Assign | Contents | Reveal | OpenList | Nature | ReadLog | Commitment | Verify

CAPABILITIES: dict[type[Request], Capability | None] = {
    Assign: "assign",
    Contents: "cells",
    Reveal: "unblind",
    OpenList: "unblind",
    Nature: "nature",
    ReadLog: "audit",
    Commitment: None,
    Verify: None,
}


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


Answer = Word | Listed | VaultReport | Logged | Refusal


class Door(Protocol):
    """Whatever answers questions: the vault itself, or a socket to it."""

    def answer(self, request: Request) -> Answer:
        """Answer one question; refusals are answers too."""
        ...


class Vault(Protocol):
    """The vault as its callers see it. Each method needs the token of its capability."""

    def assign(self, participant: str, *, stratum: str, proof: str) -> str:
        """The participant's randomization number, `R-001`; idempotent."""
        ...

    def contents(self, number: str, encounter: str) -> str:
        """The product that a number receives at an encounter; empty if nothing."""
        ...

    def reveal(self, number: str, question: str, *, by: str, reason: str) -> str:
        """The product at one encounter, or the arm."""
        ...

    def open_list(self, *, by: str, reason: str) -> Sequence[Assigned]:
        """Every number assigned so far, with its arm."""
        ...

    def nature(self, number: str) -> str:
        """The arm of a virtual participant."""
        ...

    def read_log(self, *, after: int = 0) -> Sequence[Entry]:
        """What the vault was asked, by whom and when."""
        ...

    def commitment(self) -> str:
        """The Merkle root over the salted list."""
        ...

    def verify(self) -> VaultReport:
        """Replay the list and check everything recorded."""
        ...


REQUESTS: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
ANSWERS: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)
