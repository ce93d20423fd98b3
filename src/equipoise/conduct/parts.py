"""What events and the state are both made of: values, deviations, overrides, changes."""

import datetime as dt
from typing import Literal

from msgspec import Struct

from equipoise.language import Input, Reason

Value = bool | int | float | str | None
"""What an item of a form holds; dates are ISO 8601 text; None means it was left empty."""


DeviationKind = Literal[
    "eligibility_override",
    "eligibility_found_later",
    "randomized_in_error",
    "consent",
    "treatment",
    "procedure",
    "safety_reporting",
    "other",
]
"""What a departure from the protocol is about; the first two are found by the program alone."""


UnblindingKind = Literal["planned", "emergency", "inadvertent"]
"""How somebody came to know: as planned, in an emergency, or by mistake."""


AccessDecision = Literal["keep", "end"]
"""What a reviewer decides of somebody's access."""


Proof = Literal["password", "passkey", "provider", ""]
"""By which means somebody showed who they are; empty where it is not on record."""

CopyKind = Literal["tables", "report", "archive"]
"""What is taken out of a trial by a command: tables of the forms, a report, the ledger itself."""


PacketEnd = Literal["returned", "destroyed", "lost", "spoiled"]
"""What became of a packet without use: came back intact, was destroyed, is lost, or was opened in
vain."""


class Ground(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an override is given for: a criterion as it stood, and the entries it rested on."""

    criterion: str
    status: str
    reasons: tuple[Reason, ...] = ()
    entries: tuple[str, ...] = ()


class Override(Struct, frozen=True, kw_only=True):
    """Two people in two roles let somebody in: who asked, who confirmed, in which entries, why."""

    criteria: tuple[str, ...]
    requested_by: str
    requested_as: str
    request: str
    confirmed_by: str
    confirmed_as: str
    confirmation: str
    reason: str


class Change(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A criterion that a later entry changed: at randomization, as last reported, and now."""

    criterion: str
    fixed: str
    was: str
    now: str
    bars: bool = False
    reasons: tuple[Reason, ...] = ()
    inputs: tuple[Input, ...] = ()


class Stamp(Struct, frozen=True):
    """Who recorded something, in which role, when (UTC), why, and in which ledger entry.

    Of a signature, `proof` is by which means the signer showed once more who they are.
    """

    by: str
    role: str
    at: dt.datetime
    reason: str
    entry: str
    proof: Proof = ""


class Copy(Struct, frozen=True):
    """What somebody took out of the trial by a command: all of it, or that of a site."""

    kind: CopyKind
    site: str
    is_by_arm: bool
    digest: str
    seal: str
    stamp: Stamp
