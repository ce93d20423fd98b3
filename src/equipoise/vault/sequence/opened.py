"""The opened list: everything that its commitment binds, so that anybody can draw it again."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from equipoise.problems import Problem, Refused, Where, natural_order, problem
from equipoise.randomization import Allocation, Draw, check_specification, mark_left_out
from equipoise.vault.packets.deriving import UNSUITED, Batch, draw_batch, leaf_of, root_of
from equipoise.vault.packets.keeping import batches_of
from equipoise.vault.sealing import Header, Seals, Slot, Source, commit, first_leaf, leaves_of
from equipoise.vault.sequence.parts import in_force, in_force_after, part_of, serving
from equipoise.vault.sequence.replaying import are_as_drawn
from equipoise.vault.sequence.verify_proof import path_to
from equipoise.vault.stores.seam import VaultStore


class OpenedEntry(Struct, frozen=True, kw_only=True):
    """One entry of the sequence; `salt` in hex, `draw` where it was drawn because of others."""

    number: str
    stratum: str
    order: int
    arm: str
    salt: str
    draw: Draw | None = None


class Used(Struct, frozen=True, kw_only=True):
    """Who got a number, on which proof of eligibility, when."""

    number: str
    participant: str
    proof: str
    at: str


class OpenedPart(Struct, frozen=True, kw_only=True):
    """What a later part of the sequence was drawn from; bytes are in hex."""

    root: str
    n_listed: int
    source: str
    salt: str
    seed: str


class OpenedBatch(Struct, frozen=True, kw_only=True):
    """The numbers of a batch of packets, used or not."""

    batch: int
    site: str
    stratum: str
    root: str
    entries: tuple[OpenedEntry, ...]


class OpenedList(Struct, frozen=True, tag=True, kw_only=True):
    """The whole sequence, its seeds, and who got what; bytes are in hex.

    Root, source and seed are those of the first part; `later` has those of each amendment.
    """

    study: str
    realm: str
    root: str
    list_format: int
    n_listed: int
    source: str
    salt: str
    seed: str
    entries: tuple[OpenedEntry, ...]
    used: tuple[Used, ...]
    later: tuple[OpenedPart, ...] = ()
    packets: tuple[OpenedBatch, ...] = ()


class Recorded(Struct, frozen=True, kw_only=True):
    """What the trial's ledger says of one randomized participant; never an arm."""

    participant: str
    number: str
    stratum: str
    proof: str
    left_out: tuple[str, ...] = ()


class Inclusion(Struct, frozen=True, kw_only=True):
    """One entry and the way from it to the commitment; it shows no other entry."""

    study: str
    root: str
    number: str
    stratum: str
    order: int
    arm: str
    salt: str
    index: int
    n_leaves: int
    path: tuple[str, ...]


def open_whole(store: VaultStore, *, parts: Sequence[Header], seals: Seals) -> OpenedList:
    """Open every entry of a vault."""
    slots = store.connection.execute("SELECT number, sealed FROM vault_slot ORDER BY rowid")
    opened = [msgspec.json.decode(seals.open(n, sealed), type=Slot) for n, sealed in slots]
    used = store.connection.execute(
        "SELECT number, participant, proof, at FROM vault_assignment ORDER BY rowid"
    )
    header = parts[0]
    told = Source(specification=header.specification, contents=header.contents)
    return OpenedList(
        study=store.study,
        realm=store.realm,
        root=header.root,
        list_format=header.list_format,
        n_listed=len(opened) if header.list_format == 1 else header.n_listed,
        source=header.source or msgspec.json.encode(told).decode(),
        salt=header.salt.hex(),
        seed=header.seed.hex(),
        entries=tuple(_entry(slot) for slot in opened),
        used=tuple(Used(number=n, participant=p, proof=q, at=at) for n, p, q, at in used),
        later=tuple(_later(part) for part in parts[1:]),
        packets=tuple(_batch(batch, root, header) for batch, root in batches_of(store.connection)),
    )


def was_disclosed(store: VaultStore) -> bool:
    """Whether the whole list was ever given out: then no number of it is secret any more."""
    query = "SELECT body FROM ledger_entry WHERE type = 'Disclose'"
    asked = (msgspec.json.decode(body or b"{}") for (body,) in store.connection.execute(query))
    return any(not body.get("refused", True) for body in asked)


def check_opened(
    opened: OpenedList,
    *,
    commitment: str,
    recorded: Iterable[Recorded],
    packets: Mapping[int, str] = {},
) -> tuple[Problem, ...]:
    """Hold an opened list against the last commitment and the allocations of the trial's ledger.

    Each later part binds the commitment before its own, so the last one is to all of them.
    `packets` are the commitments to batches of packets that the ledger has.
    """
    try:
        parts, slots = _parts_of(opened)
    except Refused as refused:
        return refused.problems
    found = []
    computed = [
        replace(header, root=commit(_listed(slots, k, header), source=first_leaf(header)))
        for k, header in enumerate(parts, start=1)
    ]
    root = computed[-1].root
    is_chain = all(
        header.amendment is not None and header.amendment.before == before.root
        for before, header in pairwise(computed)
    )
    if root != commitment or not is_chain:
        found.append(problem("EQ-V134", opened.study, found=root, published=commitment or "-"))
    elif [opened.root, *(part.root for part in opened.later)] != [part.root for part in computed]:
        found.append(problem("EQ-V211", opened.study))
    if not _is_drawn_again(slots, parts=computed):
        found.append(problem("EQ-V135", opened.study))
    found += _check_batches(opened, header=parts[0], published=packets)
    return (*found, *_check_used(opened, computed), *_check_recorded(opened, recorded))


def prove(opened: OpenedList, number: str) -> Inclusion | None:
    """The proof that a number with its arm is in the committed list; None for one drawn later.

    Raises:
        Refused: the file was altered so that it holds no list.
    """
    parts, all_slots = _parts_of(opened)
    groups = [
        (header.root, _listed(all_slots, k, header), first_leaf(header))
        for k, header in enumerate(parts, start=1)
    ]
    groups += [
        (one.root, _slots(opened, one.entries), leaf_of(_drawn(one), seed=parts[0].seed))
        for one in opened.packets
    ]
    for root, slots, first in groups:
        place = next((k for k, slot in enumerate(slots) if slot.number == number), None)
        if place is not None:
            leaves, index = leaves_of(slots, source=first), place + (first is not None)
            entry = msgspec.structs.asdict(_entry(slots[place]))
            del entry["draw"]
            return Inclusion(
                **entry,
                study=opened.study,
                root=root,
                index=index,
                n_leaves=len(leaves),
                path=tuple(path_to(leaves, index)),
            )
    return None


def _check_batches(
    opened: OpenedList, *, header: Header, published: Mapping[int, str]
) -> Iterator[Problem]:
    """Every batch is drawn again alike, and both it and the ledger's lead to one commitment."""
    told, seed = header.specification, header.seed
    for one in opened.packets:
        batch, is_same = _drawn(one), False
        if told.scheme not in UNSUITED:
            drawn = tuple(_entry(slot) for slot in draw_batch(told, batch, seed=seed))
            is_same = (drawn, root_of(told, batch, seed=seed)) == (one.entries, one.root)
        if not is_same or published.get(one.batch) != one.root:
            yield problem("EQ-V164", str(one.batch), batch=one.batch)
    for lacking in published.keys() - {one.batch for one in opened.packets}:
        yield problem("EQ-V164", str(lacking), batch=lacking)


def _check_used(opened: OpenedList, parts: Sequence[Header]) -> Iterator[Problem]:
    """In each stratum the entries were used from the first on, without a gap, in order of time.

    After an amendment they were those of the part that then served the stratum, from its first on.
    """
    places = {entry.number: entry for entry in opened.entries}
    orders: dict[tuple[str, int], list[int]] = defaultdict(list)
    wrong: dict[str, None] = {}
    for n_before, used in enumerate(sorted(opened.used, key=lambda u: u.at)):
        if used.number not in places:
            continue
        place, part = places[used.number], part_of(used.number)
        orders[place.stratum, part].append(place.order)
        if serving(in_force_after(parts, n_before), place.stratum) != part:
            wrong[place.stratum] = None
    for (stratum, part), given in orders.items():
        first = min(
            e.order for e in opened.entries if (e.stratum, part_of(e.number)) == (stratum, part)
        )
        if given != [*range(first, first + len(given))]:
            wrong[stratum] = None
    for stratum in wrong:
        yield problem("EQ-V138", Where(record=stratum), stratum=stratum or opened.study)


def _check_recorded(opened: OpenedList, recorded: Iterable[Recorded]) -> Iterator[Problem]:
    """The same people have the same numbers in both, by the same stratum and proof."""
    batches = (entry for batch in opened.packets for entry in batch.entries)
    places = {entry.number: entry for entry in (*opened.entries, *batches)}
    used = {u.participant: u for u in opened.used}
    known = {r.participant: r for r in recorded}
    for who in sorted({*used, *known}, key=natural_order):
        ours = used[who].number if who in used else "-"
        theirs = known[who].number if who in known else "-"
        if ours != theirs or ours not in places:
            yield problem("EQ-V136", who, participant=who, ledger=theirs, listed=ours)
        elif (places[ours].stratum, used[who].proof) != (known[who].stratum, known[who].proof):
            yield problem("EQ-V137", who, participant=who, stratum=known[who].stratum or "-")
        elif (draw := places[ours].draw) and draw.left_out != _left_out(opened, known[who]):
            yield problem("EQ-V180", who, participant=who)


def _left_out(opened: OpenedList, recorded: Recorded) -> str:
    """The bits that a draw must have by what the ledger says."""
    numbers = {u.number for u in opened.used if u.participant in recorded.left_out}
    return mark_left_out(k for k, e in enumerate(opened.entries) if e.number in numbers)


def _parts_of(opened: OpenedList) -> tuple[list[Header], list[Slot]]:
    """What each part was drawn from, and the entries of all.

    Raises:
        Refused: bytes that are none, or a source from which nothing can be drawn.
    """
    slots = _slots(opened, opened.entries)
    try:
        parts = [_header_of(opened, opened.list_format), *(_header_of(p, 2) for p in opened.later)]
        told = [in_force(parts[:k]) for k, _ in enumerate(parts, start=1)]
        found = [p for one in told for p in check_specification(one)]
        wrong = [p.code for p in found if p.severity == "error"]
    except (ValueError, ArithmeticError, msgspec.MsgspecError) as error:
        raise _altered(opened, type(error).__name__) from None
    if told[0].scheme == "minimization":  # it was drawn so before this was refused
        wrong = [code for code in wrong if code not in ("EQ-V112", "EQ-V114")]
    if wrong:
        raise _altered(opened, ", ".join(wrong))
    return parts, slots


def _listed(slots: Sequence[Slot], part: int, header: Header) -> list[Slot]:
    """The entries of a part that its commitment is over."""
    return [slot for slot in slots if part_of(slot.number) == part][: header.n_listed]


def _slots(opened: OpenedList, entries: Iterable[OpenedEntry]) -> list[Slot]:
    try:
        return [_slot(entry) for entry in entries]
    except ValueError as error:
        raise _altered(opened, type(error).__name__) from None


def _is_drawn_again(slots: Sequence[Slot], *, parts: Sequence[Header]) -> bool:
    try:
        return are_as_drawn(slots, parts=parts)
    except (ValueError, ArithmeticError, LookupError):  # the altered source contradicts itself
        return False


def _altered(opened: OpenedList, detail: str) -> Refused:
    return Refused([problem("EQ-V057", opened.study, detail=detail)])


def _entry(slot: Slot) -> OpenedEntry:
    place = slot.allocation
    return OpenedEntry(
        number=slot.number,
        stratum=place.stratum,
        order=place.order,
        arm=place.arm,
        salt=slot.salt.hex(),
        draw=slot.draw,
    )


def _batch(batch: Batch, root: str, header: Header) -> OpenedBatch:
    slots = draw_batch(header.specification, batch, seed=header.seed)
    return OpenedBatch(
        batch=batch.batch,
        site=batch.site,
        stratum=batch.stratum,
        root=root,
        entries=tuple(_entry(slot) for slot in slots),
    )


def _drawn(one: OpenedBatch) -> Batch:
    return Batch(batch=one.batch, site=one.site, stratum=one.stratum, n=len(one.entries))


def _slot(entry: OpenedEntry) -> Slot:
    place = Allocation(entry.stratum, entry.order, entry.arm)
    salt = bytes.fromhex(entry.salt)
    return Slot(number=entry.number, allocation=place, salt=salt, draw=entry.draw)


def _later(header: Header) -> OpenedPart:
    return OpenedPart(
        root=header.root,
        n_listed=header.n_listed,
        source=header.source,
        salt=header.salt.hex(),
        seed=header.seed.hex(),
    )


def _header_of(opened: OpenedList | OpenedPart, list_format: int) -> Header:
    told = msgspec.json.decode(opened.source, type=Source)
    return Header(
        specification=told.specification,
        contents=told.contents,
        seed=bytes.fromhex(opened.seed),
        tokens={},
        root=opened.root,
        list_format=list_format,
        source=opened.source,
        salt=bytes.fromhex(opened.salt),
        n_listed=opened.n_listed,
        amendment=told.amendment,
    )
