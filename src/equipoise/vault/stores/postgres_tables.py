"""The vault's tables in PostgreSQL, beside its ledger; as in a file, arms are never in clear.

The role by which the vault answers reads, assigns and adds what is drawn, and nothing else. The
guards hold for the owner and for the server's administrator too: every change is refused, and every
assignment but that of the next entry of its stratum or of a packet.
"""

from collections.abc import Mapping

from equipoise.ledger.postgres_tables import STORE_KEY, Routine, Trigger
from equipoise.vault.tables import IN_PACKET, IS_FREE

_TEXT = 'text COLLATE "C" NOT NULL'
_ROWID = "rowid bigint GENERATED ALWAYS AS IDENTITY"
TABLES = (
    f"CREATE TABLE vault_header (sealed bytea NOT NULL, {_ROWID})",
    f'CREATE TABLE vault_slot (number text COLLATE "C" PRIMARY KEY, stratum {_TEXT}, '
    f"position bigint NOT NULL, sealed bytea NOT NULL, {_ROWID}, "
    "CONSTRAINT vault_slot_place UNIQUE (stratum, position))",
    'CREATE TABLE vault_assignment (participant text COLLATE "C" PRIMARY KEY, '
    f"number {_TEXT}, proof {_TEXT}, at {_TEXT}, {_ROWID}, "
    "CONSTRAINT vault_assignment_once UNIQUE (number))",
    'CREATE TABLE vault_spent (number text COLLATE "C" PRIMARY KEY REFERENCES vault_slot)',
    'CREATE TABLE vault_packet (packet text COLLATE "C" PRIMARY KEY, batch bigint NOT NULL, '
    f"kind {_TEXT}, site {_TEXT}, stratum {_TEXT}, position bigint NOT NULL, number {_TEXT}, "
    f"root {_TEXT}, at {_TEXT}, {_ROWID}, CONSTRAINT vault_packet_once UNIQUE (kind, number))",
)
KEYS = (
    "vault_slot_pkey",
    "vault_slot_place",
    "vault_assignment_pkey",
    "vault_assignment_once",
    "vault_spent_pkey",
    "vault_packet_pkey",
    "vault_packet_once",
)
ADDED = ("vault_slot", "vault_assignment", "vault_packet")
FIXED = ("vault_header", "vault_spent")
RIGHTS = (
    *(f"SELECT ON {table}" for table in FIXED),
    *(f"SELECT, INSERT ON {table}" for table in ADDED),
)
_REFUSE = "RAISE EXCEPTION '{}' USING ERRCODE = 'integrity_constraint_violation';"
_FIXED_FOR_EVER = _REFUSE.format("the vault is fixed")
_FREE = f"SELECT number FROM vault_slot WHERE stratum = {{}} AND {IS_FREE}"  # noqa: S608 - our own

ROUTINES: Mapping[str, Routine] = {
    "vault_refuse": Routine(
        "", "trigger", f"\nBEGIN\n  {_REFUSE.format('the vault is fixed')}\nEND"
    ),
    "vault_once": Routine(
        "",
        "trigger",
        f"""
BEGIN
  IF EXISTS (SELECT 1 FROM vault_header) THEN
    {_FIXED_FOR_EVER}
  END IF;
  RETURN NEW;
END""",  # noqa: S608 - no value from outside
    ),
    "vault_slot_is_next": Routine(
        "",
        "trigger",
        f"""
BEGIN
  PERFORM pg_advisory_xact_lock({STORE_KEY});
  IF NOT EXISTS ({_FREE.format("NEW.stratum")})
     AND NEW.position = (SELECT coalesce(max(position), 0) + 1 FROM vault_slot
                         WHERE stratum = NEW.stratum) THEN
    RETURN NEW;
  END IF;
  {_REFUSE.format("the list has not come to its end")}
END""",  # noqa: S608 - no value from outside
    ),
    "vault_assignment_is_next": Routine(
        "",
        "trigger",
        f"""
DECLARE here text; free text;
BEGIN
  PERFORM pg_advisory_xact_lock({STORE_KEY});
  SELECT stratum INTO here FROM vault_slot WHERE number = NEW.number;
  {_FREE.replace("number FROM", "number INTO free FROM", 1).format("here")}
    ORDER BY position LIMIT 1;
  IF (NEW.number = free OR EXISTS ({IN_PACKET}))
     AND NOT EXISTS (SELECT 1 FROM vault_assignment WHERE participant = NEW.participant) THEN
    RETURN NEW;
  END IF;
  {_REFUSE.format("not the next entry of its stratum")}
END""",  # noqa: S608 - no value from outside
    ),
}

TRIGGERS: Mapping[str, Trigger] = {
    f"{table}_no_{verb.lower()}": Trigger(table, verb, "vault_refuse")
    for table in (*FIXED, *ADDED)
    for verb in ("UPDATE", "DELETE", "TRUNCATE")
} | {
    "vault_spent_no_insert": Trigger("vault_spent", "INSERT", "vault_refuse"),
    "vault_header_once": Trigger("vault_header", "INSERT", "vault_once", is_each_row=True),
    "vault_slot_next": Trigger("vault_slot", "INSERT", "vault_slot_is_next", is_each_row=True),
    "vault_assignment_next": Trigger(
        "vault_assignment", "INSERT", "vault_assignment_is_next", is_each_row=True
    ),
}
