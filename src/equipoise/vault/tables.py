"""The tables of `vault.db` beside its ledger. Strata and numbers are in clear; arms never are.

A list entry once used is spent for ever: triggers refuse every change, and every assignment but
that of the next entry of its stratum. An entry is added only where all of its stratum are used.
What an amendment leaves unused is spent unseen. Once there are packets, the number of one may be
assigned at any time, and once.
"""

import sqlite3

TABLES = (
    "CREATE TABLE vault_header (sealed BLOB NOT NULL)",
    "CREATE TABLE vault_slot (number TEXT PRIMARY KEY, stratum TEXT NOT NULL, "
    "position INTEGER NOT NULL, sealed BLOB NOT NULL, UNIQUE (stratum, position))",
    "CREATE TABLE vault_assignment (participant TEXT PRIMARY KEY, "
    "number TEXT NOT NULL UNIQUE REFERENCES vault_slot, proof TEXT NOT NULL, at TEXT NOT NULL)",
    "CREATE TABLE vault_spent (number TEXT PRIMARY KEY REFERENCES vault_slot)",
)

IS_FREE = (
    "number NOT IN (SELECT number FROM vault_assignment) "
    "AND number NOT IN (SELECT number FROM vault_spent)"
)
"""Of an entry: nobody has it, and an amendment did not close it."""
NEXT_SLOT = (
    "SELECT number FROM vault_slot WHERE stratum = {stratum} "  # noqa: S608 - our own words
    f"AND {IS_FREE} ORDER BY position LIMIT 1"
)

PACKETS = (
    "CREATE TABLE vault_packet (packet TEXT PRIMARY KEY, batch INTEGER NOT NULL, "
    "kind TEXT NOT NULL, site TEXT NOT NULL, stratum TEXT NOT NULL, position INTEGER NOT NULL, "
    "number TEXT NOT NULL, root TEXT NOT NULL, at TEXT NOT NULL, UNIQUE (kind, number))"
)
"""The packets of a vault that has any: drawn from its seed, so a row holds no secret but a number
that its envelope still hides."""

_FIXED = [("vault_header", verb) for verb in ("UPDATE", "DELETE", "INSERT")]
_FIXED += [("vault_slot", verb) for verb in ("UPDATE", "DELETE")]
_FIXED += [("vault_assignment", verb) for verb in ("UPDATE", "DELETE")]
_FIXED += [("vault_spent", verb) for verb in ("UPDATE", "DELETE", "INSERT")]

_WHEN = (
    "WHEN NEW.number IS NOT ({next}) "
    "OR EXISTS (SELECT 1 FROM vault_assignment WHERE participant = NEW.participant) "
)
_NEXT_OF_ITS_STRATUM = NEXT_SLOT.format(
    stratum="(SELECT stratum FROM vault_slot WHERE number = NEW.number)"
)

_UNLESS_PACKET = _WHEN.replace(
    "({next}) ",
    "({next}) AND NOT EXISTS (SELECT 1 FROM vault_packet "
    "WHERE kind = 'randomization' AND number = NEW.number) ",
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


def _assigning(when: str) -> str:
    return (
        "CREATE TRIGGER vault_assignment_next BEFORE INSERT ON vault_assignment "
        + when.format(next=_NEXT_OF_ITS_STRATUM)
        + "BEGIN SELECT RAISE(ABORT, 'not the next entry of its stratum'); END"
    )


TRIGGERS = {name: sql for fixed in _FIXED for name, sql in _fix(*fixed).items()} | {
    "vault_slot_next": "CREATE TRIGGER vault_slot_next BEFORE INSERT ON vault_slot "
    + _UNLESS_ENDED
    + "BEGIN SELECT RAISE(ABORT, 'the list has not come to its end'); END",
    "vault_assignment_next": _assigning(_WHEN),
}


def triggers_of(list_format: int) -> dict[str, str]:
    """The guards of a vault's file; in the first format the list could not go on."""
    if list_format > 1:
        return TRIGGERS
    kept = {name: sql for name, sql in TRIGGERS.items() if name != "vault_slot_next"}
    return kept | _fix("vault_slot", "INSERT")


def has_packets(connection: sqlite3.Connection) -> bool:
    """Whether packets were ever printed."""
    query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'vault_packet'"
    return connection.execute(query).fetchone() is not None


def guards_of(connection: sqlite3.Connection, list_format: int) -> dict[str, str]:
    """The guards that this file should have: with packets, those of their table as well."""
    guards = triggers_of(list_format)
    if not has_packets(connection):
        return guards
    fixed = _fix("vault_packet", "UPDATE") | _fix("vault_packet", "DELETE")
    return guards | fixed | {"vault_assignment_next": _assigning(_UNLESS_PACKET)}


def bring_up(connection: sqlite3.Connection, list_format: int) -> None:
    """Give a vault that was made before there were amendments what it needs for them.

    Within a transaction. A guard that is not there is not put back: `check_vault` tells it.
    """
    named = connection.execute("SELECT type, name FROM sqlite_master").fetchall()
    if ("table", "vault_spent") in named:
        return
    guards = guards_of(connection, list_format)
    connection.execute(TABLES[-1])
    for name, sql in guards.items():
        if ("trigger", name) in named:
            connection.execute(f"DROP TRIGGER {name}")
            connection.execute(sql)
        elif name.startswith("vault_spent"):
            connection.execute(sql)
