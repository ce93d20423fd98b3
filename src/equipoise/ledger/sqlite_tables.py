"""The tables of the ledger in SQLite, and the triggers that refuse every change but one.

That one takes out the body and the salt of an entry which an entry of the control chain orders.
"""

import sqlite3

from equipoise.ledger.checking import ORDER_CHAIN, ORDER_TYPE
from equipoise.ledger.entry import Realm
from equipoise.ledger.rows import COLUMNS, SCHEMA_VERSION
from equipoise.problems import Problem, problem

_REFUSE = "BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END"
_KEPT = ("position", *(column for column in COLUMNS if column not in ("body", "salt")))
_TEXT = "CAST(o.body AS TEXT)"
_NAMES_IT = (
    f"CASE WHEN json_valid({_TEXT}) THEN "
    f"json_type({_TEXT}, '$.chain') = 'text' AND json_extract({_TEXT}, '$.chain') = OLD.chain AND "
    f"json_type({_TEXT}, '$.seq') = 'integer' AND json_extract({_TEXT}, '$.seq') = OLD.seq END"
)
_IS_ORDERED = (
    "NEW.body IS NULL AND NEW.salt = '' AND "  # noqa: S608
    + " AND ".join(f"NEW.{column} IS OLD.{column}" for column in _KEPT)
    + f" AND NOT (OLD.chain = '{ORDER_CHAIN}' AND OLD.type = '{ORDER_TYPE}')"  # noqa: S608
    f" AND EXISTS (SELECT 1 FROM ledger_entry AS o WHERE o.chain = '{ORDER_CHAIN}' "
    f"AND o.type = '{ORDER_TYPE}' AND {_NAMES_IT})"
)


def _refusing(table: str, verb: str, *, unless: str = "") -> tuple[str, str]:
    name = f"{table}_no_{verb.lower()}"
    when = f"WHEN NOT ({unless}) " if unless else ""
    return name, f"CREATE TRIGGER {name} BEFORE {verb} ON {table} {when}{_REFUSE}"


# INSERT OR REPLACE deletes without firing DELETE triggers, so inserting has a guard of its own.
TRIGGERS = {
    **dict(
        [
            _refusing("ledger_entry", "UPDATE", unless=_IS_ORDERED),
            _refusing("ledger_entry", "DELETE"),
            _refusing("ledger_meta", "UPDATE"),
            _refusing("ledger_meta", "DELETE"),
        ]
    ),
    "ledger_meta_once": "CREATE TRIGGER ledger_meta_once BEFORE INSERT ON ledger_meta "  # noqa: S608
    f"WHEN EXISTS (SELECT 1 FROM ledger_meta) {_REFUSE}",
    "ledger_entry_next": "CREATE TRIGGER ledger_entry_next BEFORE INSERT ON ledger_entry "
    "WHEN NEW.seq <> 1 + coalesce((SELECT max(seq) FROM ledger_entry WHERE chain = NEW.chain), 0) "
    "OR EXISTS (SELECT 1 FROM ledger_entry WHERE position = NEW.position) "
    "OR EXISTS (SELECT 1 FROM ledger_entry WHERE study = NEW.study AND stream = NEW.stream "
    "AND version = NEW.version) "
    "BEGIN SELECT RAISE(ABORT, 'not the next entry'); END",
}
STRICTER = dict([_refusing("ledger_entry", "UPDATE")])
"""The guards of older stores that refuse what is allowed now: `loosen` exchanges them."""

TABLES = (
    "CREATE TABLE ledger_meta (study TEXT NOT NULL, realm TEXT NOT NULL, "
    "schema_version INTEGER NOT NULL)",
    "CREATE TABLE ledger_entry (position INTEGER PRIMARY KEY, chain TEXT NOT NULL, "
    "seq INTEGER NOT NULL, study TEXT NOT NULL, stream TEXT NOT NULL, version INTEGER NOT NULL, "
    "type TEXT NOT NULL, at TEXT NOT NULL, by TEXT NOT NULL, role TEXT NOT NULL, "
    "reason TEXT NOT NULL, body BLOB, salt TEXT NOT NULL, body_digest TEXT NOT NULL, "
    "prev TEXT NOT NULL, digest TEXT NOT NULL, "
    "UNIQUE (chain, seq), UNIQUE (study, stream, version))",
)


def make_tables(connection: sqlite3.Connection, *, study: str, realm: Realm) -> None:
    """Make the ledger's tables and triggers, unless they are there; all or none."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'ledger_meta'").fetchone():
        return
    connection.execute("BEGIN IMMEDIATE")
    for statement in (*TABLES, *TRIGGERS.values()):
        connection.execute(statement)
    connection.execute("INSERT INTO ledger_meta VALUES (?, ?, ?)", (study, realm, SCHEMA_VERSION))
    connection.execute("COMMIT")


def check_triggers(connection: sqlite3.Connection) -> tuple[Problem, ...]:
    """The guards that somebody removed or rewrote, and triggers on these tables that are none."""
    present = _triggers(connection)
    sound = {name: (sql, STRICTER.get(name, sql)) for name, sql in TRIGGERS.items()}
    gone = [name for name, allowed in sound.items() if present.get(name) not in allowed]
    rows = connection.execute(
        "SELECT lower(tbl_name), name FROM sqlite_master WHERE type = 'trigger' "
        "AND lower(tbl_name) IN ('ledger_entry', 'ledger_meta') ORDER BY name"
    )
    foreign = [(table, name) for table, name in rows if name not in TRIGGERS]
    return (
        *(problem("EQ-G018", name, name=name) for name in gone),
        *(problem("EQ-G061", table, table=table, name=name) for table, name in foreign),
    )


def loosen(connection: sqlite3.Connection) -> None:
    """Within a transaction: let an older store's guards pass what is ordered, as new ones do."""
    present = _triggers(connection)
    for name, sql in STRICTER.items():
        if present.get(name) == sql:
            connection.execute(f"DROP TRIGGER {name}")
            connection.execute(TRIGGERS[name])


def _triggers(connection: sqlite3.Connection) -> dict[str, str]:
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    return dict(rows.fetchall())
