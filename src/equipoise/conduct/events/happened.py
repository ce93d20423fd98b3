"""What every event is, and what tells by which program its values were computed."""

from functools import cache
from importlib.metadata import version
from typing import ClassVar, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from equipoise.problems import Text

T = TypeVar("T", bound=Struct)


class Happened(Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """A recorded fact; `title` is what its kind is called on pages.

    One that holds values which the program computed has a field `computed_by`: name and version of
    the program and the first digits of the study folder's digest. It is filled when the event is
    recorded, and empty in entries from before there was such a field.

    One that can be taken out of the record has a field `reason`: why it was recorded goes with it.
    The others, and entries from before there was such a field, have it in their entry, for ever.
    """

    title: ClassVar[Text]


@cache
def program() -> str:
    """Name and version of this program."""
    return f"equipoise {version('equipoise')}"


def with_program(event: T, study_digest: str) -> T:
    """The event as it is recorded: one with computed values says what computed them."""
    if "computed_by" not in event.__struct_fields__:
        return event
    return replace(event, computed_by=f"{program()} study/{study_digest[:12]}")


def with_origin(event: T, study_digest: str, *, reason: str) -> T:
    """The same, and one that can be taken out holds why it was recorded."""
    event = with_program(event, study_digest)
    return replace(event, reason=reason) if has_reason(event) else event


def has_reason(event: Struct) -> bool:
    """Whether the reason stands in the event, and not in its entry."""
    return "reason" in event.__struct_fields__
