"""Vault and ledger held against each other: after a restore of either, before any assignment.

What the ledger recorded and a restored vault lost is taken up again, in the order of the list. What
contradicts is never mended by machine: then nothing is assigned until people have looked.
"""

import hashlib
from collections.abc import Callable, Sequence

import msgspec

from equipoise.ledger import SqliteStore
from equipoise.problems import Problem, Refused, problem
from equipoise.vault.protocol import Answer, Compare, Compared, Line
from equipoise.vault.revealing import body_of

Draw = Callable[[str], str | None]
"""Draws the next entry of a stratum that has come to its end, and gives its number."""


def is_unproven(store: SqliteStore) -> bool:
    """Whether the vault was restored and not compared with the ledger since."""
    is_waiting = False
    for entry in store.read(chain="vault"):
        if entry.type == "Restored":
            is_waiting = True
        elif entry.type == "Compare" and not body_of(entry)["refused"]:
            is_waiting = False
    return is_waiting


def compare(store: SqliteStore, lines: Sequence[Line], *, at: str, draw: Draw) -> Compared:
    """Take up what the ledger has and the vault lost; tell what the vault has beyond the ledger.

    What was drawn when it was needed is drawn again by `draw`, in the order of the numbers.

    Raises:
        Refused: a number or a participant has another one here, or the list would have a gap.
    """
    query = "SELECT participant, number FROM vault_assignment"
    known: dict[str, str] = dict(store.connection.execute(query).fetchall())
    owners = {number: participant for participant, number in known.items()}
    found = [p for line in lines if (p := _check(line, known=known, owners=owners))]
    if found:
        raise Refused(found)
    lost = [line for line in lines if line.participant not in known]
    lost.sort(key=lambda line: line.number)
    store.connection.execute("SAVEPOINT taking_up")
    try:
        _take_up(store, lost, at=at, draw=draw)
    except Refused:
        store.connection.execute("ROLLBACK TO taking_up")
        raise
    told = {line.participant for line in lines}
    return Compared(
        taken_up=tuple(line.participant for line in lost),
        beyond=tuple((p, n) for p, n in sorted(known.items()) if p not in told),
    )


def _take_up(store: SqliteStore, lost: Sequence[Line], *, at: str, draw: Draw) -> None:
    """The lost lines in list order, then those that were drawn when they were needed."""
    listed = [line for line in lost if _is_listed(store, line)]
    drawn = [line for line in lost if not _is_listed(store, line)]
    for line in (*_in_list_order(store, listed), *drawn):
        if line in drawn and (_has_unused(store, line) or draw(line.stratum) != line.number):
            raise Refused([problem("EQ-V047", line.number, number=line.number)])
        row = (line.participant, line.number, line.proof, at)
        store.connection.execute("INSERT INTO vault_assignment VALUES (?, ?, ?, ?)", row)


def summary_of(request: Compare, answer: Answer) -> dict[str, object]:
    """What the log keeps of a comparison: of how many numbers, and which were taken up."""
    lines = [(line.participant, line.number, line.proof) for line in request.lines]
    digest = hashlib.sha256(msgspec.json.encode(lines)).hexdigest()
    taken_up = list(answer.taken_up) if isinstance(answer, Compared) else []
    return {"n_lines": len(lines), "digest": digest, "taken_up": taken_up}


def _check(line: Line, *, known: dict[str, str], owners: dict[str, str]) -> Problem | None:
    here, owner = known.get(line.participant), owners.get(line.number)
    if here in (None, line.number) and owner in (None, line.participant):
        return None
    return problem("EQ-V046", line.participant, participant=line.participant, number=line.number)


def _is_listed(store: SqliteStore, line: Line) -> bool:
    query = "SELECT 1 FROM vault_slot WHERE number = ?"
    return store.connection.execute(query, (line.number,)).fetchone() is not None


def _has_unused(store: SqliteStore, line: Line) -> bool:
    """Whether the list of a stratum has not come to its end: then nothing further was drawn."""
    query = (
        "SELECT 1 FROM vault_slot WHERE stratum = ? "
        "AND number NOT IN (SELECT number FROM vault_assignment)"
    )
    return store.connection.execute(query, (line.stratum,)).fetchone() is not None


def _in_list_order(store: SqliteStore, lost: Sequence[Line]) -> list[Line]:
    """The lost lines as the list has them; each must be the next of its stratum."""
    query = (
        "SELECT number FROM vault_slot WHERE number NOT IN (SELECT number FROM vault_assignment) "
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
