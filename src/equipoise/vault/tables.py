"""The tables of `vault.db` beside its ledger. Strata and numbers are in clear; arms never are.

A list entry once used is spent for ever: triggers refuse every change, and every assignment but
that of the next entry of its stratum.
"""

TABLES = (
    "CREATE TABLE vault_header (sealed BLOB NOT NULL)",
    "CREATE TABLE vault_slot (number TEXT PRIMARY KEY, stratum TEXT NOT NULL, "
    "position INTEGER NOT NULL, sealed BLOB NOT NULL, UNIQUE (stratum, position))",
    "CREATE TABLE vault_assignment (participant TEXT PRIMARY KEY, "
    "number TEXT NOT NULL UNIQUE REFERENCES vault_slot, proof TEXT NOT NULL, at TEXT NOT NULL)",
)

NEXT_SLOT = (
    "SELECT number FROM vault_slot WHERE stratum = {stratum} "
    "AND number NOT IN (SELECT number FROM vault_assignment) ORDER BY position LIMIT 1"
)

_FIXED = [("vault_header", verb) for verb in ("UPDATE", "DELETE", "INSERT")]
_FIXED += [("vault_slot", verb) for verb in ("UPDATE", "DELETE", "INSERT")]
_FIXED += [("vault_assignment", verb) for verb in ("UPDATE", "DELETE")]

_WHEN = (
    "WHEN NEW.number IS NOT ({next}) "
    "OR EXISTS (SELECT 1 FROM vault_assignment WHERE participant = NEW.participant) "
)
_NEXT_OF_ITS_STRATUM = NEXT_SLOT.format(
    stratum="(SELECT stratum FROM vault_slot WHERE number = NEW.number)"
)

TRIGGERS = {
    f"{table}_no_{verb.lower()}": f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON "
    f"{table} BEGIN SELECT RAISE(ABORT, 'the vault is fixed'); END"
    for table, verb in _FIXED
} | {
    "vault_assignment_next": "CREATE TRIGGER vault_assignment_next BEFORE INSERT ON "
    "vault_assignment "
    + _WHEN.format(next=_NEXT_OF_ITS_STRATUM)
    + "BEGIN SELECT RAISE(ABORT, 'not the next entry of its stratum'); END",
}
