"""The whole sequence drawn again from its seed: what was listed, and what was drawn when needed."""

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from equipoise.randomization import (
    Allocation,
    Draw,
    Specification,
    arm_of,
    counter_draws,
    digest_list,
    draw_further,
    draw_list,
    draw_next,
)
from equipoise.vault.sealing import Header, Slot, Source, commit, first_leaf

Replayed = tuple[Allocation, Draw | None]
"""An entry, and the record of its draw where it leans on those before it."""


def list_of(specification: Specification, seed: bytes) -> tuple[Allocation, ...]:
    """What is drawn before the first participant; nothing where each draw leans on the last."""
    if specification.scheme == "minimization":
        return ()
    return draw_list(specification, draw_below=counter_draws(seed))


def replay(
    specification: Specification, *, seed: bytes, strata: Sequence[str]
) -> Iterator[Replayed]:
    """The list, then the entries drawn when they were needed, for `strata` in this order."""
    yield from ((entry, None) for entry in list_of(specification, seed))
    if specification.scheme == "minimization":
        yield from _minimized(specification, seed, strata)
        return
    further = {name: draw_further(specification, name, seed=seed) for name in set(strata)}
    for name in strata:
        yield next(further[name]), None


def number_of(specification: Specification, place: int, *, n_listed: int) -> str:
    """The randomization number at a place of the sequence, from 1; it says nothing of the arm."""
    width = max(3, len(str(n_listed or specification.n_planned)))
    return f"R-{place:0{width}}"


def is_as_drawn(slots: Sequence[Slot], *, header: Header) -> bool:
    """Whether these are the entries committed to, numbered in order, and drawn as the seed says."""
    told = header.specification
    n_listed = len(slots) if header.list_format == 1 else header.n_listed
    numbers = [number_of(told, k, n_listed=n_listed) for k in range(1, len(slots) + 1)]
    if [slot.number for slot in slots] != numbers or not _is_bound(header):
        return False
    if commit(slots[:n_listed], source=first_leaf(header)) != header.root:
        return False
    if told.scheme == "imported":
        return digest_list([slot.allocation for slot in slots]) == told.digest
    strata = [slot.allocation.stratum for slot in slots[n_listed:]]
    if not set(strata) <= set(told.strata):
        return False
    replayed = replay(told, seed=header.seed, strata=strata)
    return [(slot.allocation, slot.draw) for slot in slots] == [*replayed]


def _is_bound(header: Header) -> bool:
    """Whether what the header says in parts is what its commitment binds as one text."""
    if header.list_format == 1:
        return True
    told = Source(specification=header.specification, contents=header.contents)
    return msgspec.json.decode(header.source, type=Source) == told


def _minimized(
    specification: Specification, seed: bytes, strata: Sequence[str]
) -> Iterator[Replayed]:
    history: list[Draw] = []
    orders: Counter[str] = Counter()
    for name in strata:
        draw = draw_next(specification, name, seed=seed, history=history)
        history.append(draw)
        orders[name] += 1
        yield Allocation(name, orders[name], arm_of(specification, draw.place)), draw
