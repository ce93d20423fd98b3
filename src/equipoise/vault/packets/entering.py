"""A packet that was opened while nothing answered is entered: proven, and spent once."""

import hmac
from datetime import datetime

from equipoise.ledger import Entry, to_instant
from equipoise.problems import Refused, problem
from equipoise.vault.packets.deriving import plain_code
from equipoise.vault.packets.keeping import Kept, code_in, rows_of
from equipoise.vault.packets.messages import EnterPacket, OpenedPacket
from equipoise.vault.sealing import Header
from equipoise.vault.stores.seam import VaultStore


def stream_of_packet(packet: str) -> str:
    """The stream of the log in which the entry of a packet stands."""
    return f"packet/{packet}"


def entry_of_packet(store: VaultStore, packet: str) -> Entry | None:
    """The first entry of a packet, if it was entered."""
    return next(store.read(stream=stream_of_packet(packet)), None)


def prove_packet(told: OpenedPacket, store: VaultStore, *, header: Header, now: datetime) -> Kept:
    """The packet, if this code was in it, at this site, between its printing and now.

    Raises:
        Refused: nobody names themselves or a reason, or one of these is not so.
    """
    if not (told.by.strip() and told.opened_by.strip() and told.reason.strip()):
        raise Refused([problem("EQ-V007")])
    name = told.packet
    row = next((r for r in rows_of(store.connection) if r.packet == name), None)
    if row is None:
        raise Refused([problem("EQ-V155", name, packet=name)])
    code = code_in(store.connection, row, header=header)
    if not hmac.compare_digest(plain_code(told.code).encode(), plain_code(code).encode()):
        raise Refused([problem("EQ-V156", name, packet=name)])
    printed_at = row.at.replace(second=0, microsecond=0)  # people tell minutes
    if not printed_at <= told.opened_at <= now:
        raise Refused([problem("EQ-V157", name, packet=name, at=to_instant(told.opened_at))])
    if told.participant.partition("-")[0] != row.site:
        raise Refused([problem("EQ-V158", name, packet=name, site=row.site)])
    return row


def check_number(request: EnterPacket, row: Kept, *, store: VaultStore) -> bool:
    """Whether the number is this participant's already; otherwise it may become theirs.

    It goes to nobody else, and nobody gets two.

    Raises:
        Refused: another has the number, or they have another one or had it for another proof; or
            the stratum is not theirs.
    """
    query = "SELECT participant, number, proof FROM vault_assignment "
    query += "WHERE participant = ? OR number = ?"
    found = store.connection.execute(query, (request.opened.participant, row.number)).fetchall()
    who, name = request.opened.participant, row.packet
    for participant, number, proof in found:
        if participant != who:
            raise Refused([problem("EQ-V159", name, packet=name)])
        if number != row.number:
            raise Refused([problem("EQ-V160", name, participant=who, number=number)])
        if proof != request.proof and not request.is_question:
            raise Refused([problem("EQ-V045", who, participant=who)])
        return True
    if request.stratum != row.stratum:
        raise Refused([problem("EQ-V161", name, packet=name, stratum=row.stratum or "-")])
    return False


def check_broken(request: EnterPacket, row: Kept, *, store: VaultStore) -> None:
    """The packet breaks the code of the number that this participant has.

    Raises:
        Refused: nobody has the number yet, or somebody else.
    """
    query = "SELECT participant FROM vault_assignment WHERE number = ?"
    found = store.connection.execute(query, (row.number,)).fetchone()
    if found is None:
        raise Refused([problem("EQ-V162", row.packet, packet=row.packet, opens=row.opens)])
    if found[0] != request.opened.participant:
        raise Refused([problem("EQ-V163", row.packet, packet=row.packet)])
