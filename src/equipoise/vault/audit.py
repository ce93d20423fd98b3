"""The vault examined from within: is the list the one that was drawn, and was it used in order?"""

from collections.abc import Sequence
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag

from equipoise.ledger import verify
from equipoise.problems import Problem, has_errors, natural_order, problem
from equipoise.vault.packets.keeping import check_packets, rows_of
from equipoise.vault.protocol import VaultReport
from equipoise.vault.revealing import is_code_break
from equipoise.vault.sealing import Header, Seals, Slot
from equipoise.vault.sequence.parts import in_force, in_force_after, part_of, serving
from equipoise.vault.sequence.replaying import are_as_drawn
from equipoise.vault.stores.seam import VaultStore


def check_vault(store: VaultStore, *, parts: Sequence[Header], seals: Seals) -> VaultReport:
    """Open every entry, draw the list again from its seeds, and hold log and order against it."""
    found = (
        *_check_list(store, parts=parts, seals=seals),
        *_check_order(store, parts),
        *_check_spent(store, parts),
        *check_packets(store.connection, header=parts[0]),
        *_check_log(store),
        *_check_guards(store, parts[-1]),
        *_tell_ends(store, parts),
        *verify(store).problems,
    )
    (n_assigned,) = store.connection.execute("SELECT count(*) FROM vault_assignment").fetchone()
    return VaultReport(
        ok=not has_errors(found), commitment=parts[-1].root, n_assigned=n_assigned, problems=found
    )


def _check_list(store: VaultStore, *, parts: Sequence[Header], seals: Seals) -> list[Problem]:
    query = "SELECT number, stratum, position, sealed FROM vault_slot ORDER BY rowid"
    found, slots = [], []
    for number, stratum, position, sealed in store.connection.execute(query):
        try:
            slot = msgspec.json.decode(seals.open(number, sealed), type=Slot)
        except InvalidTag:
            found.append(problem("EQ-V014", number, number=number))
            continue
        slots.append(slot)
        if (slot.allocation.stratum, slot.allocation.order) != (stratum, position):
            found.append(problem("EQ-V014", number, number=number))
    if not are_as_drawn(slots, parts=parts):
        found.append(problem("EQ-V015"))
    return found


def _check_order(store: VaultStore, parts: Sequence[Header]) -> list[Problem]:
    """In each stratum of a part the entries were used from the first on, without a gap.

    And each came from the part that served its stratum when it was given.
    """
    query = (
        "SELECT number, stratum, position FROM vault_assignment "
        "LEFT JOIN vault_slot USING (number) ORDER BY vault_assignment.rowid"
    )
    given = store.connection.execute(query).fetchall()
    in_packets = {row.number for row in rows_of(store.connection)}
    wrong: dict[str, None] = {}
    used: dict[tuple[str, int], list[int]] = {}
    for n_before, (number, stratum, position) in enumerate(given):
        if stratum is None and number in in_packets:  # opened in whatever order
            continue
        part = serving(in_force_after(parts, n_before), stratum)
        if position is None or part != part_of(number):
            wrong[str(stratum)] = None
        else:
            used.setdefault((stratum, part), []).append(position)
    query = "SELECT number, stratum, position FROM vault_slot ORDER BY position"
    firsts: dict[tuple[str, int], int] = {}
    for number, stratum, position in store.connection.execute(query):
        firsts.setdefault((stratum, part_of(number)), position)
    for where, positions in used.items():
        if sorted(positions) != [*range(firsts[where], firsts[where] + len(positions))]:
            wrong[where[0]] = None
    return [problem("EQ-V016", stratum, stratum=stratum) for stratum in wrong]


def _check_spent(store: VaultStore, parts: Sequence[Header]) -> list[Problem]:
    """What an amendment closed is used or spent, and nothing else is spent."""
    query = "SELECT number, stratum FROM vault_slot WHERE number NOT IN "
    query += "(SELECT number FROM vault_assignment)"
    unused = dict(store.connection.execute(query).fetchall())
    closed = {n for n, stratum in unused.items() if serving(parts, stratum) != part_of(n)}
    spent = {n for (n,) in store.connection.execute("SELECT number FROM vault_spent")}
    wrong = sorted(closed ^ spent, key=natural_order)
    return [problem("EQ-V176", number, number=number) for number in wrong]


def _check_log(store: VaultStore) -> list[Problem]:
    """Each assignment was asked for and each answered request has its assignment; and packets that
    were printed are there."""
    rows = store.connection.execute("SELECT participant FROM vault_assignment")
    assigned = {who for (who,) in rows}
    asked, batches = set(), set()
    for entry in store.read(chain="vault"):
        body = msgspec.json.decode(entry.body or b"{}")
        if entry.type == "Assign" and not body.get("refused"):
            asked.add(body.get("asked", {}).get("participant", ""))
        if entry.type == "EnterPacket" and _gave_number(body):
            asked.add(body["asked"]["participant"])
        if "batch" in body:
            batches.add(body["batch"])
        if entry.type == "Compare" and not body.get("refused"):
            asked |= set(body.get("asked", {}).get("taken_up", ()))
    gone = batches - {row.batch for row in rows_of(store.connection)}
    wrong = sorted(asked ^ assigned, key=natural_order)
    return [
        *(problem("EQ-V021", who, participant=who) for who in wrong),
        *(problem("EQ-V151", str(batch), batch=batch) for batch in sorted(gone)),
    ]


def _gave_number(body: dict[str, Any]) -> bool:
    asked = body["asked"]
    return not (body["refused"] or asked["is_question"] or is_code_break(asked))


def _check_guards(store: VaultStore, header: Header) -> list[Problem]:
    gone = store.missing_guards(header.list_format)
    return [problem("EQ-G018", name, name=name) for name in gone]


def _tell_ends(store: VaultStore, parts: Sequence[Header]) -> list[Problem]:
    """The strata whose last planned number was given; it says nothing of any arm."""
    told = in_force(parts)
    query = (
        "SELECT stratum, count(*) FROM vault_assignment JOIN vault_slot USING (number) "
        "GROUP BY stratum ORDER BY stratum"
    )
    used = dict(store.connection.execute(query).fetchall())
    if told.scheme == "minimization":
        used = {"": sum(used.values())}
    return [
        problem("EQ-V118", name, stratum=name or told.study, planned=told.n_planned)
        for name, n in used.items()
        if n >= told.n_planned
    ]
