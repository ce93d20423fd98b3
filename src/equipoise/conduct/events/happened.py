"""What every event is, and what tells by which program its values were computed."""

from functools import cache
from importlib.metadata import version
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

T = TypeVar("T", bound=Struct)


class Happened(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recorded fact.

    One that holds values which the program computed has a field `computed_by`: name and version of
    the program and the first digits of the study folder's digest. It is filled when the event is
    recorded, and empty in entries from before there was such a field.
    """


@cache
def program() -> str:
    """Name and version of this program."""
    return f"equipoise {version('equipoise')}"


def with_program(event: T, study_digest: str) -> T:
    """The event as it is recorded: one with computed values says what computed them."""
    if "computed_by" not in event.__struct_fields__:
        return event
    return replace(event, computed_by=f"{program()} study/{study_digest[:12]}")
