"""One more entry when it is needed: by minimization, or where a list has come to its end."""

import secrets
from collections.abc import Collection, Sequence
from fractions import Fraction
from itertools import islice

import msgspec

from equipoise.randomization import (
    Allocation,
    Draw,
    Specification,
    arm_of,
    carry_over,
    draw_further,
    draw_next,
    mark_left_out,
)
from equipoise.vault.sealing import OVERHEAD_BYTES, SALT_BYTES, Header, Seals, Slot, padded_length
from equipoise.vault.sequence.parts import number_of, part_of, serving
from equipoise.vault.stores.seam import Connection

_MOST = 10**12
"""More participants than any trial has, and more than any imbalance among them."""
_ROWS = "SELECT number, stratum, sealed FROM vault_slot ORDER BY rowid"


def draw_one_more(
    connection: Connection,
    stratum: str,
    *,
    parts: Sequence[Header],
    seals: Seals,
    left_out: Collection[str] = (),
) -> str | None:
    """Draw, seal and keep the next entry of a stratum; its number, or None where there is none.

    `left_out` are the participants who do not count, where the specification leaves anybody out.

    A list that was made elsewhere ends with its last entry, and so does one of a vault that was
    made before lists could go on. All that was ever assigned is read from the vault itself.
    """
    part = serving(parts, stratum)
    if not part:
        return None
    header = parts[part - 1]
    told = header.specification
    if header.list_format == 1 or told.scheme == "imported":
        return None
    rows = connection.execute(_ROWS).fetchall()
    of_stratum = [part_of(number) for number, name, _ in rows if name == stratum]
    draw = None
    if told.scheme == "minimization":
        history = [
            (parts[part_of(number) - 1].specification, _draw_of(seals, number, sealed))
            for number, _, sealed in rows
        ]
        out = _places_of(connection, left_out, rows) if told.leaves_out else []
        earlier, mask = carry_over(told, history), mark_left_out(out)
        draw = draw_next(told, stratum, seed=header.seed, history=earlier, left_out=mask)
        arm = arm_of(told, draw.place)
    else:
        n_further = of_stratum.count(part) - header.n_listed // len(told.strata)
        further = draw_further(told, stratum, seed=header.seed)
        arm = next(islice(further, n_further, None)).arm
    n_here = sum(part_of(number) == part for number, _, _ in rows)
    number = number_of(told, n_here + 1, n_listed=header.n_listed, part=part)
    allocation = Allocation(stratum, len(of_stratum) + 1, arm)
    slot = Slot(
        number=number, allocation=allocation, salt=secrets.token_bytes(SALT_BYTES), draw=draw
    )
    write_slot(connection, slot, seals=seals, length=slot_length(connection, header))
    return number


def _places_of(
    connection: Connection, people: Collection[str], rows: Sequence[tuple[str, str, bytes]]
) -> list[int]:
    """Where in the sequence, from 0, the entries of these people are."""
    given = connection.execute("SELECT number, participant FROM vault_assignment")
    numbers = {number for number, participant in given if participant in people}
    return [place for place, (number, _, _) in enumerate(rows) if number in numbers]


def write_slot(connection: Connection, slot: Slot, *, seals: Seals, length: int) -> None:
    """Seal an entry and add it to the list."""
    row = seal_slot(slot, seals=seals, length=length)
    connection.execute("INSERT INTO vault_slot VALUES (?, ?, ?, ?)", row)


def seal_slot(slot: Slot, *, seals: Seals, length: int) -> tuple[str, str, int, bytes]:
    """The row of an entry: its number, stratum and place, and what is sealed."""
    place = slot.allocation
    return slot.number, place.stratum, place.order, seals.close(slot.number, slot, length=length)


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
    """Weights are the parts of the probability's fraction, each times a number of places.

    Of four times as many as are planned it can be on record that they were left out.
    """
    n_places = sum(told.ratio)
    most = Fraction(told.probability).denominator * n_places
    return Draw(
        stratum=stratum,
        place=n_places,
        imbalances=(_MOST,) * n_places,
        weights=(most,) * n_places,
        drawn=most * n_places,
        left_out="f" * told.n_planned if told.leaves_out else "",
    )


def _size_of(name: str) -> int:
    return len(msgspec.json.encode(name))


def _draw_of(seals: Seals, number: str, sealed: bytes) -> Draw:
    slot = msgspec.json.decode(seals.open(number, sealed), type=Slot)
    assert slot.draw is not None
    return slot.draw
