"""One more entry when it is needed: by minimization, or where a list has come to its end."""

import secrets
from fractions import Fraction
from itertools import islice

import msgspec

from equipoise.randomization import (
    Allocation,
    Draw,
    Specification,
    arm_of,
    draw_further,
    draw_next,
)
from equipoise.vault.sealing import OVERHEAD_BYTES, SALT_BYTES, Header, Seals, Slot, padded_length
from equipoise.vault.sequence.replaying import number_of
from equipoise.vault.stores.seam import Connection

_MOST = 10**12
"""More participants than any trial has, and more than any imbalance among them."""
_ROWS = "SELECT number, sealed FROM vault_slot ORDER BY rowid"


def draw_one_more(
    connection: Connection, stratum: str, *, header: Header, seals: Seals
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


def slot_length(connection: Connection, header: Header) -> int:
    """The one length, in bytes, of every entry of a vault before it is sealed.

    Vaults made before every possible entry was reckoned with have shorter or longer ones.
    """
    (longest,) = connection.execute("SELECT max(length(sealed)) FROM vault_slot").fetchone()
    return max((longest or 0) - OVERHEAD_BYTES, longest_slot(header.specification))


def longest_slot(told: Specification) -> int:
    """A length that no entry of a scheme exceeds, listed or drawn when it is needed."""
    stratum, arm = (max(names, key=_size_of) for names in (told.strata, told.arms))
    slot = Slot(
        number=f"R-{_MOST}",
        allocation=Allocation(stratum, _MOST, arm),
        salt=bytes(SALT_BYTES),
        draw=_longest_draw(told, stratum) if told.scheme == "minimization" else None,
    )
    return padded_length([slot])


def _longest_draw(told: Specification, stratum: str) -> Draw:
    """Weights are the parts of the probability's fraction, each times a number of places."""
    n_places = sum(told.ratio)
    most = Fraction(told.probability).denominator * n_places
    return Draw(
        stratum=stratum,
        place=n_places,
        imbalances=(_MOST,) * n_places,
        weights=(most,) * n_places,
        drawn=most * n_places,
    )


def _size_of(name: str) -> int:
    return len(msgspec.json.encode(name))


def _draw_of(seals: Seals, number: str, sealed: bytes) -> Draw:
    slot = msgspec.json.decode(seals.open(number, sealed), type=Slot)
    assert slot.draw is not None
    return slot.draw


def _count(connection: Connection, stratum: str) -> int:
    query = "SELECT count(*) FROM vault_slot WHERE stratum = ?"
    (n,) = connection.execute(query, (stratum,)).fetchone()
    return int(n)
