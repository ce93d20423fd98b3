"""What can be asked of the vault about packets, and what it answers.

A packet is paper in a sealed envelope. A `randomization` packet holds a number of its own; a
`code_break` packet holds what one number receives. Both hold a code that nobody else can know.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from msgspec import Struct

PacketKind = Literal["randomization", "code_break"]


class PrintPackets(Struct, frozen=True, tag=True, kw_only=True):
    """Draw `n` packets for a site, each with the one that breaks its code.

    Without `n` there is a code-break packet for each number that the site was given and that has
    none yet. With `batch` what was printed as that batch is answered again.
    """

    token: str
    site: str
    stratum: str = ""
    n: int = 0
    batch: int = 0
    by: str
    reason: str


class OpenedPacket(Struct, frozen=True, kw_only=True):
    """What people tell of an opened packet: for whom, when, by whom; and who enters it, why.

    `code` stands inside the packet alone; `opened_as` is the role of whoever opened it, if known.
    """

    packet: str
    code: str
    participant: str
    opened_at: datetime
    opened_by: str
    opened_as: str = ""
    by: str
    reason: str


class EnterPacket(Struct, frozen=True, tag=True, kw_only=True):
    """A packet was opened for a participant while nothing answered; asked again, it is one entry.

    With `is_question` it is examined and nothing is entered.
    """

    token: str
    opened: OpenedPacket
    stratum: str = ""
    proof: str = ""
    is_question: bool = False


class Packets(Struct, frozen=True, tag=True, kw_only=True):
    """The packets that were printed, without what is in them."""

    token: str


class PacketRow(Struct, frozen=True, kw_only=True):
    """A packet from outside. `opens` is the number, or the packet, whose code it breaks.

    `root` is the commitment to the numbers of its batch, empty where it has none of its own.
    """

    packet: str
    batch: int
    kind: PacketKind
    site: str
    stratum: str
    opens: str
    root: str
    at: datetime


class PrintedPacket(Struct, frozen=True, kw_only=True):
    """A packet from inside; `arm` and what it `gives` in those alone that break a code."""

    packet: str
    kind: PacketKind
    opens: str
    number: str
    code: str
    arm: str = ""
    gives: Mapping[str, str] = {}


class Printed(Struct, frozen=True, tag=True, kw_only=True):
    """A batch of packets, to be put on paper and forgotten."""

    batch: int
    site: str
    stratum: str
    root: str
    packets: tuple[PrintedPacket, ...]


class PacketList(Struct, frozen=True, tag=True):
    """All packets in the order in which they were printed."""

    packets: tuple[PacketRow, ...]
