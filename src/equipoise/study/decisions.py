"""What nobody decided is on record: each choice that the written trial leaves open."""

import datetime as dt
from collections.abc import Mapping
from typing import Literal

from equipoise.problems import Text, Where
from equipoise.study.protocol import Identifier, Piece


class Decision(Piece, frozen=True, kw_only=True):
    """`decisions.yaml`: one choice, its options, and who made it, when and why."""

    id: Identifier
    question: Text
    because: Text
    options: Mapping[str, Text] = {}
    status: Literal["open", "decided", "waived"] = "open"
    choice: str = ""
    by: str = ""
    on: dt.date | None = None
    why: str = ""
    affects: tuple[str, ...] = ()


class Assumption(Piece, frozen=True, kw_only=True):
    """A value of the folder that rests on a decision: `{decision: ratio, assume: [1, 1]}`."""

    decision: str
    path: str
    value: object
    is_decided: bool
    where: Where
