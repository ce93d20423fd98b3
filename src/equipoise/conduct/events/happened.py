"""What every event is."""

from typing import ClassVar

from msgspec import Struct

from equipoise.problems import Text


class Happened(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recorded fact; `title` is what its kind is called on pages."""

    title: ClassVar[Text]
