"""The opened list: everything that its commitment binds, so that anybody can draw it again."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Struct

from equipoise.problems import Problem, Refused, Where, problem
from equipoise.randomization import Allocation, Draw, check_specification
from equipoise.vault.sealing import Header, Seals, Slot, Source, commit, first_leaf, leaves_of
from equipoise.vault.sequence.replaying import is_as_drawn
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


class OpenedList(Struct, frozen=True, tag=True, kw_only=True):
    """The whole sequence, its seed, and who got what; bytes are in hex."""

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


class Recorded(Struct, frozen=True, kw_only=True):
    """What the trial's ledger says of one randomized participant; never an arm."""

    participant: str
    number: str
    stratum: str
    proof: str


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


def open_whole(store: VaultStore, *, header: Header, seals: Seals) -> OpenedList:
    """Open every entry of a vault."""
    slots = store.connection.execute("SELECT number, sealed FROM vault_slot ORDER BY rowid")
    opened = [msgspec.json.decode(seals.open(n, sealed), type=Slot) for n, sealed in slots]
    used = store.connection.execute(
        "SELECT number, participant, proof, at FROM vault_assignment ORDER BY rowid"
    )
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
    )


def was_disclosed(store: VaultStore) -> bool:
    """Whether the whole list was ever given out: then no number of it is secret any more."""
    query = "SELECT body FROM ledger_entry WHERE type = 'Disclose'"
    asked = (msgspec.json.decode(body or b"{}") for (body,) in store.connection.execute(query))
    return any(not body.get("refused", True) for body in asked)


def check_opened(
    opened: OpenedList, *, commitment: str, recorded: Iterable[Recorded]
) -> tuple[Problem, ...]:
    """Hold an opened list against the commitment and the allocations of the trial's ledger."""
    try:
        header, slots = _parts_of(opened)
    except Refused as refused:
        return refused.problems
    found = []
    root = commit(slots[: opened.n_listed], source=first_leaf(header))
    if root != commitment:
        found.append(problem("EQ-V134", opened.study, found=root, published=commitment or "-"))
    if not _is_drawn_again(slots, header=msgspec.structs.replace(header, root=root)):
        found.append(problem("EQ-V135", opened.study))
    return (*found, *_check_used(opened), *_check_recorded(opened, recorded))


def prove(opened: OpenedList, number: str) -> Inclusion | None:
    """The proof that a number with its arm is in the committed list; None for one drawn later.

    Raises:
        Refused: the file was altered so that it holds no list.
    """
    header, all_slots = _parts_of(opened)
    slots, first = all_slots[: opened.n_listed], first_leaf(header)
    place = next((k for k, slot in enumerate(slots) if slot.number == number), None)
    if place is None:
        return None
    leaves = leaves_of(slots, source=first)
    index = place + (first is not None)
    entry = opened.entries[place]
    return Inclusion(
        study=opened.study,
        root=opened.root,
        number=entry.number,
        stratum=entry.stratum,
        order=entry.order,
        arm=entry.arm,
        salt=entry.salt,
        index=index,
        n_leaves=len(leaves),
        path=tuple(path_to(leaves, index)),
    )


def _check_used(opened: OpenedList) -> Iterator[Problem]:
    """In each stratum the entries were used from the first on, without a gap, in order of time."""
    places = {entry.number: entry for entry in opened.entries}
    orders: dict[str, list[int]] = defaultdict(list)
    for used in sorted(opened.used, key=lambda u: u.at):
        if used.number in places:
            orders[places[used.number].stratum].append(places[used.number].order)
    for stratum, given in orders.items():
        if given != [*range(1, len(given) + 1)]:
            yield problem("EQ-V138", Where(record=stratum), stratum=stratum or opened.study)


def _check_recorded(opened: OpenedList, recorded: Iterable[Recorded]) -> Iterator[Problem]:
    """The same people have the same numbers in both, by the same stratum and proof."""
    places = {entry.number: entry for entry in opened.entries}
    used = {u.participant: u for u in opened.used}
    known = {r.participant: r for r in recorded}
    for who in sorted({*used, *known}):
        ours = used[who].number if who in used else "-"
        theirs = known[who].number if who in known else "-"
        if ours != theirs or ours not in places:
            yield problem("EQ-V136", who, participant=who, ledger=theirs, listed=ours)
        elif (places[ours].stratum, used[who].proof) != (known[who].stratum, known[who].proof):
            yield problem("EQ-V137", who, participant=who, stratum=known[who].stratum or "-")


def _parts_of(opened: OpenedList) -> tuple[Header, list[Slot]]:
    """What the list was drawn from, and its entries.

    Raises:
        Refused: bytes that are none, or a source from which nothing can be drawn.
    """
    try:
        header = _header_of(opened)
        slots = [_slot(entry) for entry in opened.entries]
        found = check_specification(header.specification)
        wrong = [p.code for p in found if p.severity == "error"]
    except (ValueError, ArithmeticError, msgspec.MsgspecError) as error:
        raise _altered(opened, type(error).__name__) from None
    if header.specification.scheme == "minimization":  # it was drawn so before this was refused
        wrong = [code for code in wrong if code not in ("EQ-V112", "EQ-V114")]
    if wrong:
        raise _altered(opened, ", ".join(wrong))
    return header, slots


def _is_drawn_again(slots: list[Slot], *, header: Header) -> bool:
    try:
        return is_as_drawn(slots, header=header)
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


def _slot(entry: OpenedEntry) -> Slot:
    place = Allocation(entry.stratum, entry.order, entry.arm)
    salt = bytes.fromhex(entry.salt)
    return Slot(number=entry.number, allocation=place, salt=salt, draw=entry.draw)


def _header_of(opened: OpenedList) -> Header:
    told = msgspec.json.decode(opened.source, type=Source)
    return Header(
        specification=told.specification,
        contents=told.contents,
        seed=bytes.fromhex(opened.seed),
        tokens={},
        root=opened.root,
        list_format=opened.list_format,
        source=opened.source,
        salt=bytes.fromhex(opened.salt),
        n_listed=opened.n_listed,
    )
