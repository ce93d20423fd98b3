"""Vault and ledger held against each other: after a restore of either, before any assignment.

What the ledger recorded and a restored vault lost is taken up again, in the order of the list. What
contradicts is never mended by machine: then nothing is assigned until people have looked.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from equipoise.problems import Problem, Refused, natural_order, problem
from equipoise.randomization import Specification
from equipoise.vault.packets.keeping import rows_of
from equipoise.vault.protocol import Answer, Compare, Compared, Fits, Line
from equipoise.vault.revealing import body_of
from equipoise.vault.sealing import Header
from equipoise.vault.sequence.parts import in_force, part_of
from equipoise.vault.stores.seam import VaultStore
from equipoise.vault.tables import IS_FREE

_LONGEST = 16
Draw = Callable[[str, Collection[str]], str | None]
"""Draws the next entry of a stratum that has come to its end, and gives its number."""


CONTRADICTIONS = {"EQ-V046", "EQ-V047"}
"""After one of these nothing is assigned before a comparison agrees."""


def is_unproven(store: VaultStore) -> bool:
    """Whether the vault was restored, or contradicted the ledger, and has not agreed since."""
    is_waiting = False
    for entry in store.read(chain="vault"):
        if entry.type == "Restored":
            is_waiting = True
        elif entry.type == "Compare":
            refused = set(body_of(entry)["refused"])
            is_waiting = bool(refused & CONTRADICTIONS) or (is_waiting and bool(refused))
    return is_waiting


def is_fit(asked: Fits, store: VaultStore, parts: Sequence[Header]) -> bool:
    """Whether the vault was made for this study, realm, scheme and plan of treatment.

    The order in which the folder names the arms makes no other trial.
    """
    told = asked.specification
    is_same = told is None or _without_order(told) == _without_order(in_force(parts))
    is_own = (store.study, store.realm) == (asked.study, asked.realm)
    is_own &= asked.commitment in ("", *(part.root for part in parts))
    return is_own and is_same and asked.contents == parts[-1].contents


def compare(store: VaultStore, lines: Sequence[Line], *, at: str, draw: Draw) -> Compared:
    """Take up what the ledger has and the vault lost; tell what the vault has beyond the ledger.

    What was drawn when it was needed is drawn again by `draw`, in the order of the numbers. A line
    without a number is of somebody under way. Where one number alone would be missing between those
    of a stratum, the only one under way there had it.

    Raises:
        Refused: a number or a participant has another one here, or the list would have a gap; or
            a restored vault knows numbers and is told none, which would prove nothing.
    """
    query = "SELECT participant, number FROM vault_assignment"
    known: dict[str, str] = dict(store.connection.execute(query).fetchall())
    if known and not lines and is_unproven(store):
        raise Refused([problem("EQ-V023", n=len(known))])
    owners = {number: participant for participant, number in known.items()}
    numbered = [line for line in lines if line.number]
    found = [p for line in numbered if (p := _check(line, known=known, owners=owners))]
    if found:
        raise Refused(found)
    lost = [line for line in numbered if line.participant not in known]
    waiting = [line for line in lines if not line.number and line.participant not in known]
    lost += _under_way(store, lost, waiting)
    lost.sort(key=lambda line: natural_order(line.number))
    store.connection.execute("SAVEPOINT taking_up")
    try:
        _take_up(store, lost, at=at, draw=draw)
    except Refused:
        store.connection.execute("ROLLBACK TO taking_up")
        raise
    told = {line.participant for line in lines}
    return Compared(
        taken_up=tuple(line.participant for line in lost),
        beyond=tuple((p, known[p]) for p in sorted(known, key=natural_order) if p not in told),
    )


def _under_way(store: VaultStore, lost: Sequence[Line], waiting: Sequence[Line]) -> Iterator[Line]:
    """Who is under way, with the one number that only they can have had."""
    free = f"SELECT number FROM vault_slot WHERE stratum = ? AND {IS_FREE} ORDER BY position"  # noqa: S608
    packed = _packed(store)
    lost = [line for line in lost if line.number not in packed]
    recorded = {line.number for line in lost}
    left = []
    for line in waiting:
        numbers = [n for (n,) in store.connection.execute(free, (line.stratum,))]
        is_past = any(not _is_listed(store, o) for o in lost if o.stratum == line.stratum)
        last = max((k for k, n in enumerate(numbers) if n in recorded), default=-1)
        gap = [n for n in numbers[: None if is_past else last + 1] if n not in recorded]
        if len(gap) == 1 and sum(o.stratum == line.stratum for o in waiting) == 1:
            yield replace(line, number=gap[0])
        else:
            left.append(line)
    missing = _missing_among_drawn(store, recorded)
    if len(left) == len(missing) == 1:
        yield replace(left[0], number=missing[0])


def _missing_among_drawn(store: VaultStore, recorded: set[str]) -> list[str]:
    """The numbers between those drawn when they were needed.

    They are counted over all strata, in each part by itself.
    """
    listed = {n for (n,) in store.connection.execute("SELECT number FROM vault_slot")}
    later = recorded - listed
    if not all(part_of(n) and len(n) < _LONGEST for n in later):
        return []
    found = []
    for name in {n.partition("-")[0] for n in later}:
        drawn = [n.partition("-")[2] for n in later if n.startswith(f"{name}-")]
        n_kept = sum(n.startswith(f"{name}-") for n in listed)
        places = range(n_kept + 1, max(map(int, drawn)))
        if len(places) > 2 * len(drawn):  # one may be missing, not many
            return []
        width = min(map(len, drawn))
        found += [n for place in places if (n := f"{name}-{place:0{width}}") not in recorded]
    return found


def _packed(store: VaultStore) -> set[str]:
    """The numbers that packets have of their own: of them none is the next."""
    return {row.number for row in rows_of(store.connection) if row.kind == "randomization"}


def _take_up(store: VaultStore, lost: Sequence[Line], *, at: str, draw: Draw) -> None:
    """The lost lines in list order, those drawn when they were needed, those of packets."""
    in_packets = _packed(store)
    listed = [line for line in lost if _is_listed(store, line)]
    others = [line for line in lost if not _is_listed(store, line)]
    drawn = [line for line in others if line.number not in in_packets]
    packed = [line for line in others if line.number in in_packets]
    for line in (*_in_list_order(store, listed), *drawn, *packed):
        if line in drawn and (
            _has_unused(store, line) or draw(line.stratum, line.left_out) != line.number
        ):
            raise Refused([problem("EQ-V047", line.number, number=line.number)])
        row = (line.participant, line.number, line.proof, at)
        store.connection.execute("INSERT INTO vault_assignment VALUES (?, ?, ?, ?)", row)


def summary_of(request: Compare, answer: Answer) -> dict[str, object]:
    """What the log keeps of a comparison: of how many numbers, and which were taken up."""
    lines = [(line.participant, line.number, line.proof) for line in request.lines]
    digest = hashlib.sha256(msgspec.json.encode(lines)).hexdigest()
    taken_up = list(answer.taken_up) if isinstance(answer, Compared) else []
    return {"n_lines": len(lines), "digest": digest, "taken_up": taken_up}


def _without_order(told: Specification) -> tuple[object, ...]:
    shares = sorted(zip(told.arms, told.ratio, strict=False))
    return sorted(told.arms), shares, replace(told, arms=(), ratio=())


def _check(line: Line, *, known: dict[str, str], owners: dict[str, str]) -> Problem | None:
    here, owner = known.get(line.participant), owners.get(line.number)
    if here in (None, line.number) and owner in (None, line.participant):
        return None
    return problem("EQ-V046", line.participant, participant=line.participant, number=line.number)


def _is_listed(store: VaultStore, line: Line) -> bool:
    query = "SELECT 1 FROM vault_slot WHERE number = ?"
    return store.connection.execute(query, (line.number,)).fetchone() is not None


def _has_unused(store: VaultStore, line: Line) -> bool:
    """Whether the list of a stratum has not come to its end: then nothing further was drawn."""
    query = f"SELECT 1 FROM vault_slot WHERE stratum = ? AND {IS_FREE}"  # noqa: S608 - our own words
    return store.connection.execute(query, (line.stratum,)).fetchone() is not None


def _in_list_order(store: VaultStore, lost: Sequence[Line]) -> list[Line]:
    """The lost lines as the list has them; each must be the next of its stratum."""
    query = (
        f"SELECT number FROM vault_slot WHERE {IS_FREE} "  # noqa: S608 - our own words
        "AND stratum = (SELECT stratum FROM vault_slot WHERE number = ?) ORDER BY position"
    )
    found: list[Line] = []
    waiting = {line.number: line for line in lost}
    while waiting:
        first = next(iter(waiting))
        free = [n for (n,) in store.connection.execute(query, (first,))]
        mine = [n for n in free if n in waiting]
        if not mine or mine != free[: len(mine)]:
            raise Refused([problem("EQ-V047", first, number=first)])
        found += [waiting.pop(n) for n in mine]
    return found
