"""The tables of the ledger in PostgreSQL, who may do what, and the triggers that hold for all.

An owner creates them for an application's role, which may read and add, and nothing else. The
triggers refuse the owner too: every UPDATE, DELETE and TRUNCATE, and every row that is not the next
entry. The one change that passes takes out the body and the salt of an entry which an entry of the
control chain orders; the role asks for it through a function of the owner's.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from msgspec import Struct
from psycopg import sql

from equipoise.ledger.checking import ORDER_CHAIN, ORDER_TYPE
from equipoise.ledger.entry import Realm
from equipoise.ledger.rows import SCHEMA_VERSION
from equipoise.problems import Problem, problem

Connection = psycopg.Connection[Any]

_TEXT = 'text COLLATE "C" NOT NULL'
TABLES = (
    f"CREATE TABLE ledger_meta (study {_TEXT}, realm {_TEXT}, schema_version integer NOT NULL, "
    f"app_role {_TEXT})",
    "CREATE TABLE ledger_entry (position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
    f"chain {_TEXT}, seq bigint NOT NULL, study {_TEXT}, stream {_TEXT}, version bigint NOT NULL, "
    f"type {_TEXT}, at {_TEXT}, by {_TEXT}, role {_TEXT}, reason {_TEXT}, body bytea, "
    f"salt {_TEXT}, body_digest {_TEXT}, prev {_TEXT}, digest {_TEXT}, "
    "CONSTRAINT ledger_entry_place UNIQUE (chain, seq), "
    "CONSTRAINT ledger_entry_version UNIQUE (study, stream, version))",
)
KEYS = ("ledger_entry_place", "ledger_entry_version")
RIGHTS = (
    "SELECT, INSERT ON ledger_entry",
    "SELECT ON ledger_meta",
    "EXECUTE ON FUNCTION ledger_redact",
)

# Who writes a chain holds it to the end of the transaction, and the whole store with others; who
# decides on everything holds the whole store alone. In one order, so that nobody waits in a circle.
STORE_KEY = "hashtextextended(current_schema(), 0)"
_CHAIN_KEY = "hashtextextended(current_schema() || '/' || {chain}, 1)"


class Routine(Struct, frozen=True):
    """A function of the ledger: what it takes and gives, its text, with whose rights it runs."""

    takes: str
    gives: str
    text: str
    as_owner: bool = False


ROUTINES: Mapping[str, Routine] = {
    "ledger_hold": Routine(
        "chains text[]",
        "void",
        f"""
DECLARE key bigint;
BEGIN
  IF chains IS NULL THEN
    PERFORM pg_advisory_xact_lock({STORE_KEY});
    RETURN;
  END IF;
  PERFORM pg_advisory_xact_lock_shared({STORE_KEY});
  FOR key IN SELECT DISTINCT {_CHAIN_KEY.format(chain="c")} FROM unnest(chains) AS c ORDER BY 1 LOOP
    PERFORM pg_advisory_xact_lock(key);
  END LOOP;
END""",  # noqa: S608 - no value from outside
    ),
    "ledger_refuse": Routine(
        "",
        "trigger",
        """
BEGIN
  RAISE EXCEPTION 'the record is append-only' USING ERRCODE = 'integrity_constraint_violation';
END""",
    ),
    "ledger_next": Routine(
        "",
        "trigger",
        f"""
DECLARE last record; held text;
BEGIN
  held := pg_advisory_xact_lock_shared({STORE_KEY});
  held := pg_advisory_xact_lock({_CHAIN_KEY.format(chain="NEW.chain")});
  SELECT position, seq, digest INTO last FROM ledger_entry
    WHERE chain = NEW.chain ORDER BY seq DESC LIMIT 1;
  IF NOT FOUND THEN
    IF NEW.seq = 1 THEN RETURN NEW; END IF;
  ELSIF NEW.seq = last.seq + 1 AND NEW.prev = last.digest AND NEW.position > last.position THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'not the next entry' USING ERRCODE = 'integrity_constraint_violation';
END""",  # noqa: S608 - no value from outside
    ),
    "ledger_once": Routine(
        "",
        "trigger",
        """
BEGIN
  IF EXISTS (SELECT 1 FROM ledger_meta) THEN
    RAISE EXCEPTION 'the record is append-only' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END""",
    ),
    "ledger_is_ordered": Routine(
        "which text, number bigint",
        "boolean",
        f"""
DECLARE body bytea; names json;
BEGIN
  FOR body IN SELECT e.body FROM ledger_entry AS e
    WHERE e.chain = '{ORDER_CHAIN}' AND e.type = '{ORDER_TYPE}' AND e.body IS NOT NULL
  LOOP
    BEGIN
      names := convert_from(body, 'UTF8')::json;
      IF json_typeof(names -> 'chain') = 'string' AND names ->> 'chain' = which
         AND json_typeof(names -> 'seq') = 'number' AND names ->> 'seq' = number::text THEN
        RETURN true;
      END IF;
    EXCEPTION WHEN data_exception THEN NULL;
    END;
  END LOOP;
  RETURN false;
END""",  # noqa: S608 - no value from outside
    ),
    "ledger_change": Routine(
        "",
        "trigger",
        f"""
BEGIN
  IF NEW.body IS NULL AND NEW.salt = ''
     AND to_jsonb(NEW) - 'body' - 'salt' = to_jsonb(OLD) - 'body' - 'salt'
     AND NOT (OLD.chain = '{ORDER_CHAIN}' AND OLD.type = '{ORDER_TYPE}')
     AND ledger_is_ordered(OLD.chain, OLD.seq) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'the record is append-only' USING ERRCODE = 'integrity_constraint_violation';
END""",
    ),
    "ledger_redact": Routine(
        "which text, number bigint",
        "void",
        """
BEGIN
  UPDATE ledger_entry SET body = NULL, salt = '' WHERE chain = which AND seq = number;
END""",
        as_owner=True,
    ),
}


_VERBS = {"INSERT": 4, "DELETE": 8, "UPDATE": 16, "TRUNCATE": 32}


class Trigger(Struct, frozen=True):
    """A guard: on which table, before which verb, for each row or once, and what it runs."""

    table: str
    verb: str
    runs: str
    is_each_row: bool = False

    @property
    def kind(self) -> int:
        """How PostgreSQL writes it down (`pg_trigger.tgtype`)."""
        return (
            2
            | self.is_each_row
            | {"INSERT": 4, "DELETE": 8, "UPDATE": 16, "TRUNCATE": 32}[self.verb]
        )


TRIGGERS: Mapping[str, Trigger] = {
    "ledger_entry_next": Trigger("ledger_entry", "INSERT", "ledger_next", is_each_row=True),
    "ledger_entry_no_update": Trigger("ledger_entry", "UPDATE", "ledger_change", is_each_row=True),
    "ledger_entry_no_delete": Trigger("ledger_entry", "DELETE", "ledger_refuse"),
    "ledger_entry_no_truncate": Trigger("ledger_entry", "TRUNCATE", "ledger_refuse"),
    "ledger_meta_once": Trigger("ledger_meta", "INSERT", "ledger_once", is_each_row=True),
    "ledger_meta_no_update": Trigger("ledger_meta", "UPDATE", "ledger_refuse"),
    "ledger_meta_no_delete": Trigger("ledger_meta", "DELETE", "ledger_refuse"),
    "ledger_meta_no_truncate": Trigger("ledger_meta", "TRUNCATE", "ledger_refuse"),
}


def create_tables(connection: Connection, *, study: str, realm: Realm, app_role: str = "") -> None:
    """Make the ledger in the current schema, as its owner, for the role that will write to it.

    The role is made if there is none; it may then log in, and its password is another's business.
    Without a role the owner writes himself, which a live realm refuses. All or nothing; tables that
    are there are left alone.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(current_schema(), 2))")
        if has_tables(connection):
            return
        # The functions remember this path: nobody's table of the same name gets between.
        connection.execute(
            "SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)"
        )
        for statement in (*TABLES, *guards(ROUTINES, TRIGGERS)):
            connection.execute(statement)
        connection.execute(
            "INSERT INTO ledger_meta VALUES (%s, %s, %s, %s)",
            [study, realm, SCHEMA_VERSION, app_role],
        )
        if app_role:
            grant(connection, app_role, RIGHTS)


def has_tables(connection: Connection) -> bool:
    """Whether the current schema has a ledger."""
    found = connection.execute(
        "SELECT to_regclass(quote_ident(current_schema()) || '.ledger_meta') IS NOT NULL"
    ).fetchone()
    return bool(found and found[0])


def check_guards(connection: Connection) -> tuple[Problem, ...]:
    """Guards that are gone or rewritten, what is no guard of ours, and rights too many."""
    gone = missing_guards(connection, ROUTINES, TRIGGERS)
    gone += missing_keys(connection, KEYS)
    found = [problem("EQ-G018", name, name=name) for name in gone]
    for table, name in connection.execute(_FOREIGN, {"ours": list(TRIGGERS)}):
        found.append(problem("EQ-G061", table, table=table, name=name))
    row = connection.execute("SELECT app_role FROM ledger_meta").fetchone()
    return (*found, *check_rights(connection, row[0] if row else ""))


def check_rights(
    connection: Connection,
    role: str,
    *,
    added: Sequence[str] = ("ledger_entry",),
    fixed: Sequence[str] = ("ledger_meta",),
) -> tuple[Problem, ...]:
    """Every right to change the record that this role has, or that was granted to anybody.

    Rows may be added to the tables `added`; nothing may be done to those that are `fixed`.
    """
    excess: dict[str, list[str]] = {}
    named = {"role": role, "added": list(added), "tables": [*added, *fixed]}
    for who, right in connection.execute(_RIGHTS, named):
        excess.setdefault(who, []).append(right)
    return tuple(
        problem("EQ-G022", who, role=who, rights=", ".join(dict.fromkeys(rights)))
        for who, rights in sorted(excess.items())
    )


def guards(routines: Mapping[str, Routine], triggers: Mapping[str, Trigger]) -> list[str]:
    """The statements that make functions and triggers."""
    made = []
    for name, routine in routines.items():
        rights = " SECURITY DEFINER" if routine.as_owner else ""
        made.append(
            f"CREATE FUNCTION {name}({routine.takes}) RETURNS {routine.gives} LANGUAGE plpgsql"
            f"{rights} SET search_path FROM CURRENT AS $body${routine.text}$body$"
        )
        if routine.as_owner:
            made.append(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
    for name, trigger in triggers.items():
        each = "ROW" if trigger.is_each_row else "STATEMENT"
        made.append(
            f"CREATE TRIGGER {name} BEFORE {trigger.verb} ON {trigger.table} "
            f"FOR EACH {each} EXECUTE FUNCTION {trigger.runs}()"
        )
        # Always: also where a session claims to be replaying a replica's changes.
        made.append(f"ALTER TABLE {trigger.table} ENABLE ALWAYS TRIGGER {name}")
    return made


def grant(connection: Connection, role: str, rights: Sequence[str]) -> None:
    """Let a role come in and do this much; it is made if there is none."""
    name = sql.Identifier(role)
    schema = connection.execute("SELECT current_schema()").fetchone()
    assert schema is not None
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone() is None:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
    connection.execute(
        sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(schema[0]), name)
    )
    for right in rights:
        connection.execute(sql.SQL("GRANT {} TO {}").format(sql.SQL(right), name))


def missing_guards(
    connection: Connection, routines: Mapping[str, Routine], triggers: Mapping[str, Trigger]
) -> list[str]:
    """A guard is sound if it stands as it was made, and so does all that it runs."""
    rows = connection.execute(_PRESENT_TRIGGERS).fetchall()
    present = {name: found for name, *found in rows}
    texts = {name: found for name, *found in connection.execute(_PRESENT_ROUTINES)}
    spoiled = {n for n, r in routines.items() if texts.get(n) != [r.text, r.as_owner, True]}
    if "ledger_is_ordered" in spoiled:
        spoiled.add("ledger_change")
    return [
        name
        for name, t in triggers.items()
        if present.get(name) != [t.table, t.kind, t.runs, "A", True] or t.runs in spoiled
    ] + sorted(spoiled - {t.runs for t in triggers.values()})


def missing_keys(connection: Connection, keys: Sequence[str]) -> list[str]:
    """The constraints by which something is there once that do not hold any more."""
    rows = connection.execute(_PRESENT_KEYS).fetchall()
    return [key for key in keys if (key,) not in rows]


_HERE = "(SELECT oid FROM pg_namespace WHERE nspname = current_schema())"
_PRESENT_TRIGGERS = f"""
SELECT t.tgname, c.relname, t.tgtype::int, p.proname, t.tgenabled::text,
       t.tgqual IS NULL AND t.tgattr = ''::int2vector AND p.pronamespace = c.relnamespace
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE c.relnamespace = {_HERE}
"""  # noqa: S608 - no value from outside
_PRESENT_ROUTINES = f"""
SELECT proname, prosrc, prosecdef,
       proconfig = ARRAY['search_path=' || quote_ident(current_schema()) || ', pg_temp']
FROM pg_proc
WHERE pronamespace = {_HERE}
"""  # noqa: S608 - no value from outside
_PRESENT_KEYS = f"""
SELECT i.relname FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
WHERE i.relnamespace = {_HERE} AND x.indisunique AND x.indisvalid AND x.indpred IS NULL
"""  # noqa: S608 - no value from outside
# Whatever else can keep back, hide or change a row on its way.
_FOREIGN = f"""
WITH record AS (
  SELECT pg_class.oid, relname::text, relrowsecurity FROM pg_class
  WHERE relnamespace = {_HERE} AND relname IN ('ledger_entry', 'ledger_meta')
)
SELECT relname, tgname::text FROM record JOIN pg_trigger ON tgrelid = record.oid
WHERE NOT tgisinternal AND tgname <> ALL(%(ours)s)
UNION ALL SELECT relname, rulename::text FROM record JOIN pg_rewrite ON ev_class = record.oid
UNION ALL SELECT relname, polname::text FROM record JOIN pg_policy ON polrelid = record.oid
UNION ALL SELECT relname, 'ROW LEVEL SECURITY' FROM record WHERE relrowsecurity
UNION ALL SELECT relname, inhrelid::regclass::text
FROM record JOIN pg_inherits ON inhparent = record.oid
ORDER BY 1, 2
"""  # noqa: S608 - no value from outside
# What the role can do in whatever way (as owner, superuser, by PUBLIC or through another role),
# and what was granted to whomever.
_RIGHTS = f"""
WITH record AS (
  SELECT oid, relname::text, relowner, relacl FROM pg_class
  WHERE relnamespace = {_HERE} AND relname = ANY(%(tables)s)
), writing AS (
  SELECT * FROM record, unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES',
    'TRIGGER']) AS may WHERE NOT (relname = ANY(%(added)s) AND may = 'INSERT')
)
SELECT rolname::text, may || ' ON ' || relname FROM writing, pg_roles
WHERE rolname = %(role)s AND (has_table_privilege(pg_roles.oid, writing.oid, may)
  OR may IN ('INSERT', 'UPDATE') AND has_any_column_privilege(pg_roles.oid, writing.oid, may))
UNION ALL
SELECT rolname::text, 'SET ROLE ' || pg_get_userbyid(relowner) FROM record, pg_roles
WHERE rolname = %(role)s AND pg_has_role(pg_roles.oid, relowner, 'MEMBER')
UNION ALL
SELECT CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(grantee)::text END,
  may || ' ON ' || relname
FROM writing, aclexplode(relacl) WHERE grantee <> relowner AND privilege_type = may
ORDER BY 1, 2
"""  # noqa: S608 - no value from outside
