"""Reading what was recorded, whatever version of this program recorded it."""

from collections.abc import Mapping
from typing import TypeVar

import msgspec
from msgspec import Struct

from equipoise.problems import Refused, problem

T = TypeVar("T", bound=Struct)


def read_event(decoders: Mapping[str, msgspec.json.Decoder[T]], type_name: str, body: bytes) -> T:
    """The event of a ledger entry.

    Raises:
        Refused: this version does not know its type, or does not know it with these fields.
    """
    try:
        return decoders[type_name].decode(body)
    except KeyError:
        detail = "?"
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        detail = str(error)
    raise Refused([problem("EQ-G065", type_name, kind=type_name, detail=detail)])
