"""The whole sequence drawn again from its seeds: what was listed, what was drawn when needed."""

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec
from msgspec.structs import replace

from equipoise.randomization import (
    Allocation,
    Draw,
    Specification,
    arm_of,
    carry_over,
    counter_draws,
    digest_list,
    draw_further,
    draw_list,
    draw_next,
)
from equipoise.vault.sealing import Header, Slot, Source, commit, first_leaf
from equipoise.vault.sequence.parts import number_of, part_of


def list_of(specification: Specification, seed: bytes) -> tuple[Allocation, ...]:
    """What is drawn before the first participant; nothing where each draw leans on the last."""
    if specification.scheme == "minimization":
        return ()
    return draw_list(specification, draw_below=counter_draws(seed))


def replay(
    specification: Specification, *, seed: bytes, strata: Sequence[str]
) -> Iterator[Allocation]:
    """A part's list, then its entries drawn when they were needed, for `strata` in this order."""
    yield from list_of(specification, seed)
    further = {name: draw_further(specification, name, seed=seed) for name in set(strata)}
    for name in strata:
        yield next(further[name])


def are_as_drawn(slots: Sequence[Slot], *, parts: Sequence[Header]) -> bool:
    """Whether these are the entries committed to, numbered in order, and drawn as the seeds say."""
    own: dict[int, list[Slot]] = {k: [] for k, _ in enumerate(parts, start=1)}
    for slot in slots:
        if part_of(slot.number) not in own:
            return False
        own[part_of(slot.number)].append(slot)
    earlier: Counter[str] = Counter()
    for k, header in enumerate(parts, start=1):
        before = parts[k - 2].root if k > 1 else None
        if (header.amendment.before if header.amendment else None) != before:
            return False
        if not _is_as_drawn(own[k], header=header, part=k, earlier=earlier):
            return False
        earlier.update(slot.allocation.stratum for slot in own[k])
    is_minimized = parts[0].specification.scheme == "minimization"
    return not is_minimized or [*_minimized(slots, parts)] == [*_drawn(slots)]


def _is_as_drawn(
    slots: Sequence[Slot], *, header: Header, part: int, earlier: Counter[str]
) -> bool:
    """One part; `earlier` is how many entries each stratum had in the parts before."""
    told = header.specification
    n_listed = len(slots) if header.list_format == 1 else header.n_listed
    numbers = [number_of(told, k, n_listed=n_listed, part=part) for k in range(1, len(slots) + 1)]
    if [slot.number for slot in slots] != numbers or not _is_bound(header):
        return False
    if commit(slots[:n_listed], source=first_leaf(header)) != header.root:
        return False
    strata = [slot.allocation.stratum for slot in slots[n_listed:]]
    if not set(strata) <= set(told.strata):
        return False
    places = [slot.allocation for slot in slots]
    own = [replace(place, order=place.order - earlier[place.stratum]) for place in places]
    if told.scheme == "imported":
        return digest_list(own) == told.digest
    if told.scheme == "minimization":
        return True  # each draw leans on those of every part
    is_drawn = own == [*replay(told, seed=header.seed, strata=strata)]
    return is_drawn and all(slot.draw is None for slot in slots)


def _is_bound(header: Header) -> bool:
    """Whether what the header says in parts is what its commitment binds as one text."""
    if header.list_format == 1:
        return True
    told = Source(
        specification=header.specification, contents=header.contents, amendment=header.amendment
    )
    return msgspec.json.decode(header.source, type=Source) == told


def _drawn(slots: Sequence[Slot]) -> Iterator[tuple[Allocation, Draw | None]]:
    yield from ((slot.allocation, slot.draw) for slot in slots)


def _minimized(
    slots: Sequence[Slot], parts: Sequence[Header]
) -> Iterator[tuple[Allocation, Draw | None]]:
    """What minimization gives to the strata of these entries, in this order."""
    history: list[tuple[Specification, Draw]] = []
    orders: Counter[str] = Counter()
    for slot in slots:
        header, name = parts[part_of(slot.number) - 1], slot.allocation.stratum
        told = header.specification
        left_out = slot.draw.left_out if slot.draw and told.leaves_out else ""
        earlier = carry_over(told, history)
        draw = draw_next(told, name, seed=header.seed, history=earlier, left_out=left_out)
        history.append((told, draw))
        orders[name] += 1
        yield Allocation(name, orders[name], arm_of(told, draw.place)), draw
