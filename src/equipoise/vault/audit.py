"""The vault examined from within: is the list the one that was drawn, and was it used in order?"""

from itertools import count

import msgspec
from cryptography.exceptions import InvalidTag

from equipoise.ledger import verify
from equipoise.problems import Problem, has_errors, problem
from equipoise.vault.protocol import VaultReport
from equipoise.vault.sealing import Header, Seals, Slot
from equipoise.vault.sequence.replaying import is_as_drawn
from equipoise.vault.stores.seam import VaultStore


def check_vault(store: VaultStore, *, header: Header, seals: Seals) -> VaultReport:
    """Open every entry, draw the list again from its seed, and hold log and order against it."""
    found = (
        *_check_list(store, header=header, seals=seals),
        *_check_order(store),
        *_check_log(store),
        *_check_guards(store, header),
        *_tell_ends(store, header),
        *verify(store).problems,
    )
    (n_assigned,) = store.connection.execute("SELECT count(*) FROM vault_assignment").fetchone()
    return VaultReport(
        ok=not has_errors(found), commitment=header.root, n_assigned=n_assigned, problems=found
    )


def _check_list(store: VaultStore, *, header: Header, seals: Seals) -> list[Problem]:
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
    if not is_as_drawn(slots, header=header):
        found.append(problem("EQ-V015"))
    return found


def _check_order(store: VaultStore) -> list[Problem]:
    query = (
        "SELECT stratum, position FROM vault_assignment LEFT JOIN vault_slot USING (number) "
        "ORDER BY stratum, position"
    )
    used: dict[str, list[int]] = {}
    for stratum, position in store.connection.execute(query):
        used.setdefault(stratum, []).append(position)
    return [
        problem("EQ-V016", str(stratum), stratum=stratum)
        for stratum, positions in used.items()
        if any(have != want for have, want in zip(positions, count(1), strict=False))
    ]


def _check_log(store: VaultStore) -> list[Problem]:
    """Each assignment was asked for, and each answered request has its assignment."""
    rows = store.connection.execute("SELECT participant FROM vault_assignment")
    assigned = {who for (who,) in rows}
    asked = set()
    for entry in store.read(chain="vault"):
        body = msgspec.json.decode(entry.body or b"{}")
        if entry.type == "Assign" and not body.get("refused"):
            asked.add(body.get("asked", {}).get("participant", ""))
        if entry.type == "Compare" and not body.get("refused"):
            asked |= set(body.get("asked", {}).get("taken_up", ()))
    return [problem("EQ-V021", who, participant=who) for who in sorted(asked ^ assigned)]


def _check_guards(store: VaultStore, header: Header) -> list[Problem]:
    gone = store.missing_guards(header.list_format)
    return [problem("EQ-G018", name, name=name) for name in gone]


def _tell_ends(store: VaultStore, header: Header) -> list[Problem]:
    """The strata whose last planned number was given; it says nothing of any arm."""
    told = header.specification
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
