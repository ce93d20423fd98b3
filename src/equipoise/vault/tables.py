"""The tables of `vault.db` beside its ledger. Strata and numbers are in clear; arms never are.

A list entry once used is spent for ever: triggers refuse every change, and every assignment but
that of the next entry of its stratum. An entry is added only where all of its stratum are used.
What an amendment leaves unused is spent unseen. The number of a packet, which is none of the list,
may be assigned at any time, and once.
"""

import sqlite3

_LATER = {
    "vault_spent": "CREATE TABLE vault_spent (number TEXT PRIMARY KEY REFERENCES vault_slot)",
    "vault_packet": "CREATE TABLE vault_packet (packet TEXT PRIMARY KEY, batch INTEGER NOT NULL, "
    "kind TEXT NOT NULL, site TEXT NOT NULL, stratum TEXT NOT NULL, position INTEGER NOT NULL, "
    "number TEXT NOT NULL, root TEXT NOT NULL, at TEXT NOT NULL, UNIQUE (kind, number))",
}
"""The tables that older vaults had not. Packets are drawn from the seed, so that a row of theirs
holds no secret but a number that its envelope still hides."""
TABLES = (
    "CREATE TABLE vault_header (sealed BLOB NOT NULL)",
    "CREATE TABLE vault_slot (number TEXT PRIMARY KEY, stratum TEXT NOT NULL, "
    "position INTEGER NOT NULL, sealed BLOB NOT NULL, UNIQUE (stratum, position))",
    "CREATE TABLE vault_assignment (participant TEXT PRIMARY KEY, "
    "number TEXT NOT NULL UNIQUE REFERENCES vault_slot, proof TEXT NOT NULL, at TEXT NOT NULL)",
    *_LATER.values(),
)

IS_FREE = (
    "number NOT IN (SELECT number FROM vault_assignment) "
    "AND number NOT IN (SELECT number FROM vault_spent)"
)
"""Of an entry: nobody has it, and an amendment did not close it."""
IN_PACKET = (
    "SELECT 1 FROM vault_packet WHERE kind = 'randomization' AND number = NEW.number "
    "AND number NOT IN (SELECT number FROM vault_slot)"
)
"""Of an assignment: its number is a packet's, and none of the list."""
NEXT_SLOT = (
    "SELECT number FROM vault_slot WHERE stratum = {stratum} "  # noqa: S608 - our own words
    f"AND {IS_FREE} ORDER BY position LIMIT 1"
)

_FIXED = [("vault_header", verb) for verb in ("UPDATE", "DELETE", "INSERT")]
_FIXED += [("vault_slot", verb) for verb in ("UPDATE", "DELETE")]
_FIXED += [("vault_assignment", verb) for verb in ("UPDATE", "DELETE")]
_FIXED += [("vault_spent", verb) for verb in ("UPDATE", "DELETE", "INSERT")]
_FIXED += [("vault_packet", verb) for verb in ("UPDATE", "DELETE")]

_NEXT_OF_ITS_STRATUM = NEXT_SLOT.format(
    stratum="(SELECT stratum FROM vault_slot WHERE number = NEW.number)"
)
_UNLESS_NEXT = (
    f"WHEN NEW.number IS NOT ({_NEXT_OF_ITS_STRATUM}) "  # noqa: S608 - our own words
    f"AND NOT EXISTS ({IN_PACKET}) "
    "OR EXISTS (SELECT 1 FROM vault_assignment WHERE participant = NEW.participant) "
)
_UNLESS_ENDED = (
    "WHEN EXISTS (SELECT 1 FROM vault_slot WHERE stratum = NEW.stratum "  # noqa: S608 - our own
    f"AND {IS_FREE}) "
    "OR EXISTS (SELECT 1 FROM vault_slot WHERE number = NEW.number) "
    "OR NEW.position IS NOT "
    "(SELECT coalesce(max(position), 0) + 1 FROM vault_slot WHERE stratum = NEW.stratum) "
)


def _fix(table: str, verb: str) -> dict[str, str]:
    name = f"{table}_no_{verb.lower()}"
    refuse = "BEGIN SELECT RAISE(ABORT, 'the vault is fixed'); END"
    return {name: f"CREATE TRIGGER {name} BEFORE {verb} ON {table} {refuse}"}


TRIGGERS = {name: sql for fixed in _FIXED for name, sql in _fix(*fixed).items()} | {
    "vault_slot_next": "CREATE TRIGGER vault_slot_next BEFORE INSERT ON vault_slot "
    + _UNLESS_ENDED
    + "BEGIN SELECT RAISE(ABORT, 'the list has not come to its end'); END",
    "vault_assignment_next": "CREATE TRIGGER vault_assignment_next "
    "BEFORE INSERT ON vault_assignment "
    + _UNLESS_NEXT
    + "BEGIN SELECT RAISE(ABORT, 'not the next entry of its stratum'); END",
}


def triggers_of(list_format: int) -> dict[str, str]:
    """The guards of a vault's file; in the first format the list could not go on."""
    if list_format > 1:
        return TRIGGERS
    kept = {name: sql for name, sql in TRIGGERS.items() if name != "vault_slot_next"}
    return kept | _fix("vault_slot", "INSERT")


def bring_up(connection: sqlite3.Connection, list_format: int) -> None:
    """Give a vault that was made before there were amendments or packets what it needs for them.

    Within a transaction. A guard that is not there is not put back: `check_vault` tells it.
    """
    named = connection.execute("SELECT type, name FROM sqlite_master").fetchall()
    missing = tuple(name for name in _LATER if ("table", name) not in named)
    if not missing:
        return
    for table in missing:
        connection.execute(_LATER[table])
    for name, sql in triggers_of(list_format).items():
        if ("trigger", name) in named:
            connection.execute(f"DROP TRIGGER {name}")
            connection.execute(sql)
        elif name.startswith(missing):
            connection.execute(sql)
