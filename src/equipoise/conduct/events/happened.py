"""What every event is."""

from msgspec import Struct


class Happened(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recorded fact."""
