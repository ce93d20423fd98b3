"""Packets in the vault's store: printed once, fixed for ever, and what stands behind a number.

The guard on assignments lets a packet's number pass as it lets the next of the list. What a row
says is held against the seed before it is used.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from equipoise.ledger import to_instant
from equipoise.problems import Problem, Refused, problem
from equipoise.vault.packets import messages as m
from equipoise.vault.packets.deriving import (
    MOST,
    UNSUITED,
    Batch,
    code_of,
    draw_batch,
    packet_of,
    root_of,
)
from equipoise.vault.sealing import Header, Slot
from equipoise.vault.stores.seam import Connection

_ROW = "SELECT packet, batch, kind, site, stratum, position, number, root, at FROM vault_packet "
_ROW += "ORDER BY rowid"
_INSERT = "INSERT INTO vault_packet VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_COLUMNS = ("packet", "batch", "kind", "site", "stratum", "position", "number", "root", "at")


class Kept(m.PacketRow, frozen=True, kw_only=True):
    """A row of the table: with the number, which the packet hides until it is opened."""

    position: int
    number: str


def print_packets(
    connection: Connection,
    request: m.PrintPackets,
    *,
    header: Header,
    at: datetime,
    arm_of: Callable[[str], str],
) -> m.Printed:
    """Draw a new batch and keep it, or give again what one holds; `arm_of` knows every number.

    Raises:
        Refused: nobody asks, or for no reason; no such batch or stratum; too many or none; or the
            scheme draws nothing in advance.
    """
    if not request.by.strip() or not request.reason.strip():
        raise Refused([problem("EQ-V007")])
    batch = request.batch
    if not batch:
        batch = _next_batch(connection)
        rows = _new_rows(connection, request, batch, header=header, at=to_instant(at))
        if not rows:
            raise Refused([problem("EQ-V150", request.site, site=request.site)])
        for row in rows:
            connection.execute(_INSERT, row)
    kept = [row for row in rows_of(connection) if row.batch == batch]
    if not kept:
        raise Refused([problem("EQ-V151", str(batch), batch=batch)])
    first = kept[0]
    return m.Printed(
        batch=batch,
        site=first.site,
        stratum=first.stratum,
        root=first.root,
        packets=tuple(_inside(connection, row, header=header, arm_of=arm_of) for row in kept),
    )


def rows_of(connection: Connection) -> list[Kept]:
    """Every packet in the order in which it was printed."""
    found = [dict(zip(_COLUMNS, row, strict=True)) for row in connection.execute(_ROW)]
    return [
        Kept(**{**row, "at": datetime.fromisoformat(row["at"])}, opens=_opens(row)) for row in found
    ]


def list_packets(connection: Connection) -> tuple[m.PacketRow, ...]:
    """The packets from outside."""
    names = m.PacketRow.__struct_fields__
    return tuple(
        m.PacketRow(**{name: getattr(row, name) for name in names}) for row in rows_of(connection)
    )


def number_row(connection: Connection, number: str) -> Kept | None:
    """The packet that holds a number; None for a number of the list."""
    rows = (r for r in rows_of(connection) if r.number == number and r.kind == "randomization")
    return next(rows, None)


def slot_of(connection: Connection, row: Kept, *, header: Header) -> Slot:
    """What a packet's number stands for, drawn again and held against its commitment.

    Raises:
        Refused: it is not what was printed.
    """
    batch = _batch_of(connection, row)
    told, seed = header.specification, header.seed
    slot = draw_batch(told, batch, seed=seed)[row.position - 1]
    if (slot.number, root_of(told, batch, seed=seed)) != (row.number, row.root):
        raise Refused([problem("EQ-V152", row.packet, packet=row.packet)])
    return slot


def code_in(connection: Connection, row: Kept, *, header: Header) -> str:
    """The code inside a packet."""
    batch = _batch_of(connection, row)
    return code_of(row.packet, row.number, batch=batch, seed=header.seed)


def batches_of(connection: Connection) -> list[tuple[Batch, str]]:
    """Each batch that has numbers of its own, with its commitment."""
    firsts = [r for r in rows_of(connection) if r.kind == "randomization" and r.position == 1]
    return [(_batch_of(connection, row), row.root) for row in firsts]


def check_packets(connection: Connection, *, header: Header) -> Iterator[Problem]:
    """Every packet is as it was drawn: its number and place, and the commitment of its batch."""
    rows, told, seed = rows_of(connection), header.specification, header.seed
    drawn: dict[tuple[int, int], str] = {}
    for batch, root in batches_of(connection):
        if root == root_of(told, batch, seed=seed):
            slots = draw_batch(told, batch, seed=seed)
            drawn |= {(batch.batch, k): slot.number for k, slot in enumerate(slots, start=1)}
    given = {n for (n,) in connection.execute("SELECT number FROM vault_assignment")}
    for row in rows:
        is_own = drawn.get((row.batch, row.position)) == row.number
        if not (is_own if row.root else row.number in given):
            yield problem("EQ-V152", row.packet, packet=row.packet)


def _next_batch(connection: Connection) -> int:
    return 1 + max((row.batch for row in rows_of(connection)), default=0)


def _new_rows(
    connection: Connection,
    request: m.PrintPackets,
    batch: int,
    *,
    header: Header,
    at: str,
) -> list[tuple[object, ...]]:
    if not request.n:
        return _rows_for_given(connection, request.site, batch, at=at)
    told = header.specification
    if told.scheme in UNSUITED:
        raise Refused([problem("EQ-V153", told.study, study=told.study, scheme=told.scheme)])
    if request.stratum not in told.strata:
        raise Refused([problem("EQ-V005", request.site, stratum=request.stratum)])
    if not 0 < request.n <= MOST or not request.site:
        raise Refused([problem("EQ-V154", request.site, most=MOST)])
    drawn = Batch(batch=batch, site=request.site, stratum=request.stratum, n=request.n)
    slots = draw_batch(told, drawn, seed=header.seed)
    root = root_of(told, drawn, seed=header.seed)
    place = (request.site, request.stratum)
    return [
        (packet_of(batch, k, letter=letter), batch, kind, *place, k, slot.number, root, at)
        for letter, kind in (("P", "randomization"), ("B", "code_break"))
        for k, slot in enumerate(slots, start=1)
    ]


def _rows_for_given(
    connection: Connection, site: str, batch: int, *, at: str
) -> list[tuple[object, ...]]:
    """One packet for each number that the site's participants were given and that has none."""
    known = {row.number for row in rows_of(connection) if row.kind == "code_break"}
    given = connection.execute("SELECT participant, number FROM vault_assignment ORDER BY rowid")
    numbers = [n for who, n in given if who.partition("-")[0] == site and n not in known]
    return [
        (packet_of(batch, k, letter="B"), batch, "code_break", site, "", k, number, "", at)
        for k, number in enumerate(numbers[:MOST], start=1)
    ]


def _inside(
    connection: Connection,
    row: Kept,
    *,
    header: Header,
    arm_of: Callable[[str], str],
) -> m.PrintedPacket:
    arm = arm_of(row.number) if row.kind == "code_break" else ""
    return m.PrintedPacket(
        packet=row.packet,
        kind=row.kind,
        opens=row.opens,
        number=row.number,
        code=code_in(connection, row, header=header),
        arm=arm,
        gives=header.contents[arm] if arm else {},
    )


def _batch_of(connection: Connection, row: Kept) -> Batch:
    query = "SELECT count(*) FROM vault_packet WHERE batch = ? AND kind = 'randomization'"
    (n,) = connection.execute(query, (row.batch,)).fetchone()
    return Batch(batch=row.batch, site=row.site, stratum=row.stratum, n=n)


def _opens(row: dict[str, object]) -> str:
    """A packet's own number stays inside; that of a code-break packet is known once given."""
    if row["kind"] == "randomization":
        return ""
    return str(row["number"] if not row["root"] else str(row["packet"]).replace("B", "P"))
