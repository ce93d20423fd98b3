"""One more entry when it is needed: by minimization, or where a list has come to its end."""

import secrets
import sqlite3
from itertools import islice

import msgspec

from equipoise.randomization import Allocation, Draw, arm_of, draw_further, draw_next
from equipoise.vault.sealing import OVERHEAD_BYTES, SALT_BYTES, Header, Seals, Slot, padded_length
from equipoise.vault.sequence.replaying import number_of

_ROWS = "SELECT number, sealed FROM vault_slot ORDER BY rowid"


def draw_one_more(
    connection: sqlite3.Connection, stratum: str, *, header: Header, seals: Seals
) -> str | None:
    """Draw, seal and keep the next entry of a stratum; its number, or None where there is none.

    A list that was made elsewhere ends with its last entry, and so does one of a vault that was
    made before lists could go on. All that was ever assigned is read from the vault itself.
    """
    told = header.specification
    if header.list_format == 1 or told.scheme == "imported":
        return None
    rows = connection.execute(_ROWS).fetchall()
    draw = None
    if told.scheme == "minimization":
        history = [_draw_of(seals, number, sealed) for number, sealed in rows]
        draw = draw_next(told, stratum, seed=header.seed, history=history)
        order = 1 + sum(before.stratum == stratum for before in history)
        allocation = Allocation(stratum, order, arm_of(told, draw.place))
    else:
        n_further = _count(connection, stratum) - header.n_listed // len(told.strata)
        further = draw_further(told, stratum, seed=header.seed)
        (allocation,) = islice(further, n_further, n_further + 1)
    number = number_of(told, len(rows) + 1, n_listed=header.n_listed)
    slot = Slot(
        number=number, allocation=allocation, salt=secrets.token_bytes(SALT_BYTES), draw=draw
    )
    length = slot_length(connection, header)
    row = (number, stratum, allocation.order, seals.close(number, slot, length=length))
    connection.execute("INSERT INTO vault_slot VALUES (?, ?, ?, ?)", row)
    return number


def slot_length(connection: sqlite3.Connection, header: Header) -> int:
    """The one length, in bytes, of every entry of a vault before it is sealed."""
    row = connection.execute("SELECT sealed FROM vault_slot LIMIT 1").fetchone()
    return len(row[0]) - OVERHEAD_BYTES if row else longest_slot(header)


def longest_slot(header: Header) -> int:
    """A length that no record of a draw exceeds while the trial is of the planned kind of size."""
    told = header.specification
    n_places, most = sum(told.ratio), 100 * told.n_planned
    draw = Draw(
        stratum=max(told.strata, key=len),
        place=n_places,
        imbalances=(most,) * n_places,
        weights=(10**9,) * n_places,
        drawn=10**9 * n_places,
    )
    slot = Slot(
        number=f"R-{most}",
        allocation=Allocation(draw.stratum, most, max(told.arms, key=len)),
        salt=bytes(SALT_BYTES),
        draw=draw,
    )
    return padded_length([slot])


def _draw_of(seals: Seals, number: str, sealed: bytes) -> Draw:
    slot = msgspec.json.decode(seals.open(number, sealed), type=Slot)
    assert slot.draw is not None
    return slot.draw


def _count(connection: sqlite3.Connection, stratum: str) -> int:
    query = "SELECT count(*) FROM vault_slot WHERE stratum = ?"
    (n,) = connection.execute(query, (stratum,)).fetchone()
    return int(n)
