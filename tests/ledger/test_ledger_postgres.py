"""What is PostgreSQL's own: roles and rights, guards for everybody, chains side by side, loss."""

import sys
from contextlib import closing, suppress
from datetime import timedelta

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from equipoise.ledger import (
    Draft,
    MemoryStore,
    as_role,
    create_ledger,
    has_password,
    open_store,
    to_instant,
    verify,
)
from equipoise.ledger.addresses import without_password
from equipoise.ledger.opening import read_address
from equipoise.ledger.postgres import PostgresStore
from equipoise.ledger.postgres_tables import (
    KEYS,
    ROUTINES,
    TRIGGERS,
    check_guards,
    create_tables,
    has_tables,
)
from equipoise.ledger.rows import COLUMNS, to_row
from equipoise.problems import Refused
from equipoise.web.settings import database_at
from tests.postgres import APP, OWNER, Place, Server


def refused(act) -> list[str]:
    with pytest.raises(Refused) as caught:
        act()
    return [p.code for p in caught.value.problems]


def connected(address: str) -> psycopg.Connection:
    return psycopg.connect(address, autocommit=True)


def run(address: str, *statements: str) -> None:
    with closing(connected(address)) as connection:
        for statement in statements:
            connection.execute(statement)


def found(place: Place) -> list[tuple[str, str]]:
    return [(p.code, p.where.record) for p in verify(place.owner).problems]


# Nobody changes what is recorded


def copied(before: str = "", **changes: str) -> str:
    """Inserts entry 1 once more, with some columns changed."""
    values = ", ".join(changes.get(c, c) for c in ("position", *COLUMNS)[not before :])
    columns = ", ".join(("position", *COLUMNS)[not before :])
    return f"INSERT INTO ledger_entry ({columns}) {before} SELECT {values} FROM ledger_entry"


LINKED = {"seq": "3", "version": "9", "prev": "digest"}
OUT_OF_PLACE = copied("OVERRIDING SYSTEM VALUE", position="0", **LINKED) + " WHERE seq = 2"
RAW = (
    "UPDATE ledger_entry SET reason = 'x'",
    "UPDATE ledger_entry SET body = NULL, salt = ''",
    "DELETE FROM ledger_entry",
    "TRUNCATE ledger_entry",
    copied(seq="9", version="9") + " WHERE seq = 1",
    copied(seq="3") + " WHERE seq = 1",
    copied(seq="3", version="9") + " WHERE seq = 1",
    copied(seq="1", version="9", chain="'site/09'", study="NULL") + " WHERE seq = 1",
    copied(seq="2", version="9", chain="'site/09'") + " WHERE seq = 1",
    copied(**LINKED | {"version": "2"}) + " WHERE seq = 2",
    OUT_OF_PLACE,
    copied() + " ON CONFLICT (chain, seq) DO UPDATE SET reason = 'x'",
    copied() + " ON CONFLICT (study, stream, version) DO UPDATE SET by = 'x'",
    "MERGE INTO ledger_entry USING (SELECT 1) AS s ON seq = 1 WHEN MATCHED THEN DELETE",
    "UPDATE ledger_meta SET realm = 'live'",
    "DELETE FROM ledger_meta",
    "TRUNCATE ledger_meta",
    "INSERT INTO ledger_meta VALUES ('S2', 'live', 1, '')",
)
RIGHTS = (
    "ALTER TABLE ledger_entry DISABLE TRIGGER ledger_entry_no_update",
    "ALTER TABLE ledger_entry DISABLE TRIGGER ALL",
    "DROP TRIGGER ledger_entry_next ON ledger_entry",
    "DROP TABLE ledger_entry",
    "SET session_replication_role = replica",
    "SET ROLE ledger_owner",
    "CREATE RULE r AS ON INSERT TO ledger_entry DO INSTEAD NOTHING",
    "CREATE TRIGGER t BEFORE INSERT ON ledger_entry EXECUTE FUNCTION ledger_refuse()",
    "CREATE OR REPLACE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE sql AS 'SELECT 1'",
    "CREATE TABLE other (seq bigint REFERENCES ledger_entry (position))",
)


@pytest.mark.requirement("C04")
@pytest.mark.parametrize("statement", [*RAW, *RIGHTS])
def test_the_application_changes_nothing(postgres: PostgresStore, draft, statement):
    """With the password of the program's own role: no right, or a guard in the way."""
    made = postgres.append([draft(1), draft(2)])
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.IntegrityError)):
        postgres.connection.execute(statement)
    assert tuple(postgres.read()) == made
    assert verify(postgres).ok


@pytest.mark.requirement("C04")
@pytest.mark.parametrize("statement", RAW)
@pytest.mark.parametrize("who", ["owner", "admin"])
def test_the_guards_hold_for_owner_and_administrator(place, postgres, *, draft, who, statement):
    """Also in a session that claims to replay the changes of another server."""
    made = postgres.append([draft(1), draft(2)])
    with closing(connected(getattr(place, who))) as connection:
        if who == "admin":
            connection.execute("SET session_replication_role = replica")
        with pytest.raises(psycopg.IntegrityError):
            connection.execute(statement)
    assert tuple(postgres.read()) == made


@pytest.mark.parametrize("who", ["app", "owner"])
def test_copy_takes_no_row_out_of_order(place, postgres, draft, who):
    """Bulk loading goes through the same guard, row by row; one that is next passes."""
    postgres.append([draft(1), draft(2)])
    other = MemoryStore("S1", "rehearsal")
    other.append([draft(n) for n in range(1, 6)])
    entries = list(other.read())
    columns = ", ".join(COLUMNS)
    with closing(connected(getattr(place, who))) as connection:
        for wrong in ([entries[4]], [entries[2]], [entries[0]]):
            with (
                pytest.raises(psycopg.IntegrityError),
                connection.cursor() as cursor,
                cursor.copy(f"COPY ledger_entry ({columns}) FROM STDIN") as copy,
            ):
                for entry in wrong:
                    copy.write_row(to_row(entry))
    assert verify(postgres).entries == 2


# Each control, switched off


@pytest.mark.requirement("D30", "C05")
@pytest.mark.parametrize("name", TRIGGERS)
@pytest.mark.parametrize("how", ["DISABLE TRIGGER {}", "ENABLE TRIGGER {}", "DROP"])
def test_a_missing_guard_is_reported(place, postgres, *, draft, name, how):
    """Dropped, switched off, or no longer for every session."""
    postgres.append([draft(1)])
    table = TRIGGERS[name].table
    change = f"ALTER TABLE {table} {how.format(name)}"
    run(place.owner, f"DROP TRIGGER {name} ON {table}" if how == "DROP" else change)
    assert found(place) == [("EQ-G018", name)]


@pytest.mark.requirement("D30", "C05")
@pytest.mark.parametrize("name", ROUTINES)
@pytest.mark.parametrize("how", ["text", "path", "rights"])
def test_a_rewritten_guard_is_reported(place, postgres, *, draft, name, how):
    """The trigger stands, but what it runs is another thing, elsewhere, or with other rights."""
    postgres.append([draft(1)])
    routine = ROUTINES[name]
    takes = routine.takes
    other = "BEGIN RETURN NULL; END" if routine.gives == "trigger" else "BEGIN RETURN; END"
    if name == "ledger_is_ordered":
        other = "BEGIN RETURN true; END"
    if how == "text":
        run(
            place.owner,
            f"CREATE OR REPLACE FUNCTION {name}({takes}) RETURNS {routine.gives} LANGUAGE plpgsql "
            f"{'SECURITY DEFINER ' if routine.as_owner else ''}SET search_path FROM CURRENT "
            f"AS $${other}$$",
        )
    elif how == "path":
        run(place.owner, f"ALTER FUNCTION {name} SET search_path = public")
    else:
        turned = "INVOKER" if routine.as_owner else "DEFINER"
        run(place.owner, f"ALTER FUNCTION {name} SECURITY {turned}")
    running = [n for n, t in TRIGGERS.items() if t.runs == name]
    if name == "ledger_is_ordered":
        running = ["ledger_entry_no_update", name]
    with closing(connected(place.owner)) as connection:
        assert [p.where.record for p in check_guards(connection)] == (running or [name])


@pytest.mark.requirement("D30", "C05")
@pytest.mark.parametrize(
    ("statements", "name"),
    [
        (
            (
                "CREATE FUNCTION mine() RETURNS trigger LANGUAGE plpgsql AS "
                "$$BEGIN NEW.reason := 'changed'; RETURN NEW; END$$",
                "CREATE TRIGGER aaa BEFORE INSERT ON {} FOR EACH ROW EXECUTE FUNCTION mine()",
            ),
            "aaa",
        ),
        (("CREATE RULE quiet AS ON INSERT TO {} DO INSTEAD NOTHING",), "quiet"),
        (("CREATE POLICY seen ON {} USING (true)",), "seen"),
        (("ALTER TABLE {} ENABLE ROW LEVEL SECURITY",), "ROW LEVEL SECURITY"),
        (("CREATE TABLE below () INHERITS ({})",), "below"),
    ],
)
@pytest.mark.parametrize("table", ["ledger_entry", "ledger_meta"])
def test_what_is_not_the_programs_is_reported(place, postgres, *, draft, table, statements, name):
    """A trigger, a rule, a policy or a table below: each can hide or change what is recorded."""
    postgres.append([draft(1)])
    run(place.owner, *(statement.format(table) for statement in statements))
    with closing(connected(place.owner)) as connection:
        problems = check_guards(connection)
    assert [(p.code, p.where.record, p.values["name"]) for p in problems] == [
        ("EQ-G061", table, name)
    ]


@pytest.mark.requirement("D30", "C04")
def test_without_the_guard_the_digest_still_finds_it(place, postgres, draft):
    """The trigger is one control, the chain another."""
    postgres.append([draft(n) for n in range(1, 6)])
    run(
        place.owner,
        "ALTER TABLE ledger_entry DISABLE TRIGGER ledger_entry_no_update",
        "UPDATE ledger_entry SET by = 'bob' WHERE seq = 4",
    )
    assert found(place) == [("EQ-G004", "site/01 / 4"), ("EQ-G018", "ledger_entry_no_update")]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("UPDATE ledger_entry SET body = NULL, salt = '' WHERE seq = 2", "EQ-G024"),
        ("UPDATE ledger_entry SET body = 'x' WHERE seq = 2", "EQ-G005"),
        ("UPDATE ledger_entry SET at = 'then' WHERE seq = 2", "EQ-G007"),
        ("DELETE FROM ledger_entry WHERE seq = 2", "EQ-G002"),
    ],
)
@pytest.mark.requirement("C04")
def test_tampering_is_found(place, postgres, *, draft, change, code):
    """Whatever an owner alters with the guards put aside is named."""
    postgres.append([draft(n) for n in range(1, 4)])
    run(
        place.owner,
        "ALTER TABLE ledger_entry DISABLE TRIGGER USER",
        change,
        *(f"ALTER TABLE ledger_entry ENABLE ALWAYS TRIGGER {n}" for n in TRIGGERS if "entry" in n),
    )
    assert found(place)[0][0] == code


@pytest.mark.requirement("D30")
@pytest.mark.parametrize("key", KEYS)
def test_a_missing_key_is_reported(place, postgres, draft, key):
    """Without it a version could be recorded twice, by two sites at once."""
    postgres.append([draft(1)])
    run(place.owner, f"ALTER TABLE ledger_entry DROP CONSTRAINT {key}")
    assert found(place) == [("EQ-G018", key)]
    if key == "ledger_entry_version":
        postgres.append([draft(1, chain="site/02")])
        assert [e.version for e in postgres.read()] == [1, 1]


@pytest.mark.requirement("D30")
@pytest.mark.parametrize(
    ("grant", "role", "rights"),
    [
        (f"GRANT UPDATE ON ledger_entry TO {APP}", APP, "UPDATE ON ledger_entry"),
        (f"GRANT UPDATE (reason) ON ledger_entry TO {APP}", APP, "UPDATE ON ledger_entry"),
        (f"GRANT DELETE ON ledger_entry TO {APP}", APP, "DELETE ON ledger_entry"),
        (f"GRANT TRUNCATE ON ledger_meta TO {APP}", APP, "TRUNCATE ON ledger_meta"),
        (f"GRANT INSERT ON ledger_meta TO {APP}", APP, "INSERT ON ledger_meta"),
        (
            "GRANT REFERENCES ON ledger_entry TO pg_monitor",
            "pg_monitor",
            "REFERENCES ON ledger_entry",
        ),
    ],
)
def test_a_right_too_many_is_reported(place, postgres, *, draft, grant, role, rights):
    """The program's own role, or any other."""
    postgres.append([draft(1)])
    run(place.owner, grant)
    (problem,) = verify(place.owner).problems
    assert (problem.code, problem.values) == ("EQ-G022", {"role": role, "rights": rights})


def test_what_all_may_the_program_may_too(place, postgres):
    """A right of PUBLIC is one of the program's role."""
    run(place.owner, "GRANT TRIGGER ON ledger_entry TO PUBLIC")
    assert found(place) == [("EQ-G022", "PUBLIC"), ("EQ-G022", APP)]


def test_an_owner_or_administrator_is_no_application(postgres_server: Server, draft):
    """Who could switch the guards off does not record a live trial."""
    place = postgres_server.create(realm="live")
    for address in (place.owner, place.admin):
        assert refused(lambda a=address: open_store(a)) == ["EQ-G022"]
        assert verify(address).ok
    run(place.owner, f"GRANT UPDATE ON ledger_entry TO {APP}")
    assert refused(lambda: open_store(place.app)) == ["EQ-G022"]
    run(place.owner, f"REVOKE UPDATE ON ledger_entry FROM {APP}")
    with closing(open_store(place.app)) as store:
        store.append([draft(1)])


def test_a_member_of_the_owner_is_reported(postgres_server: Server, place):
    """It could become the owner at any moment."""
    role = f"{place.schema}_member"
    run(place.admin, f"CREATE ROLE {role} LOGIN NOINHERIT", f"GRANT {OWNER} TO {role}")
    schema = f"{place.schema}_of_member"
    run(place.admin, f"CREATE SCHEMA {schema} AUTHORIZATION {OWNER}")
    there = Place(postgres_server, schema)
    with closing(connected(there.owner)) as connection:
        create_tables(connection, study="S1", realm="live", app_role=role)
    assert found(there) == [("EQ-G022", role)]


# Making and opening it


def test_a_rehearsal_is_made_where_there_is_none(postgres_server: Server, draft):
    """By whom it will be written by, for one role does; a live one needs two."""
    schema = postgres_server.create().schema + "_rehearsal"
    run(postgres_server.admin, f"CREATE SCHEMA {schema} AUTHORIZATION {OWNER}")
    there = Place(postgres_server, schema)
    assert refused(lambda: open_store(there.owner)) == ["EQ-G012"]
    assert refused(lambda: open_store(there.owner, create=True, study="S1")) == ["EQ-G012"]
    live = {"create": True, "study": "S1", "realm": "live"}
    assert refused(lambda: open_store(there.owner, **live)) == ["EQ-G027"]
    with closing(open_store(there.owner, create=True, study="S1", realm="rehearsal")) as store:
        store.append([draft(1)])
        assert verify(store).ok
    assert verify(there.owner).entries == 1


def test_tables_are_made_once_and_wholly(postgres_server: Server, place):
    """Made again, they are left alone; made with an error in it, nothing is there."""
    with closing(connected(place.owner)) as connection:
        create_tables(connection, study="S2", realm="live", app_role=APP)
        row = connection.execute("SELECT study, realm, app_role FROM ledger_meta").fetchone()
        assert row == ("S1", "rehearsal", APP)
    schema = place.schema + "_half"
    run(postgres_server.admin, f"CREATE SCHEMA {schema} AUTHORIZATION {OWNER}")
    with closing(connected(Place(postgres_server, schema).owner)) as connection:
        with pytest.raises(psycopg.Error):
            create_tables(connection, study="S\0", realm="live", app_role=APP)
        assert not has_tables(connection)
        create_tables(connection, study="S1", realm="live", app_role=f"{schema}_new_role")
        assert has_tables(connection)


def test_another_layout_or_none_is_refused(place):
    """What another version wrote, and what is no ledger, is not touched."""
    run(
        place.owner,
        "ALTER TABLE ledger_meta DISABLE TRIGGER USER",
        "UPDATE ledger_meta SET schema_version = 99",
    )
    assert refused(lambda: open_store(place.app)) == ["EQ-G013"]
    run(place.owner, "DELETE FROM ledger_meta")
    assert refused(lambda: open_store(place.app)) == ["EQ-G008"]
    assert verify(place.owner).first_bad.code == "EQ-G008"
    run(place.owner, "DROP TABLE ledger_meta", "CREATE TABLE ledger_meta (n integer)")
    assert refused(lambda: open_store(place.owner)) == ["EQ-G021"]


def test_without_the_driver_the_remedy_is_said(monkeypatch):
    """The driver is an extra; nothing else of the ledger needs it."""
    monkeypatch.setitem(sys.modules, "equipoise.ledger.postgres", None)
    assert refused(lambda: open_store("postgresql://a@b/c")) == ["EQ-G019"]
    found = verify("postgresql://a@b/c")
    assert "equipoise[postgres]" in found.problems[0].hint


@pytest.mark.requirement("F35")
@pytest.mark.parametrize(
    ("setting", "on", "off"),
    [
        ("fsync", "ALTER SYSTEM RESET fsync", "ALTER SYSTEM SET fsync = off"),
        (
            "synchronous_commit",
            f"ALTER ROLE {APP} RESET synchronous_commit",
            f"ALTER ROLE {APP} SET synchronous_commit = off",
        ),
    ],
)
def test_a_live_trial_is_not_recorded_on_a_forgetful_server(
    postgres_server: Server, place, *, draft, setting, on, off
):
    """A rehearsal may be."""
    live = postgres_server.create(realm="live")
    try:
        with closing(connected(live.admin)) as admin:
            admin.execute(off)
            admin.execute("SELECT pg_reload_conf()")
            with pytest.raises(Refused) as caught:
                for _ in range(200):  # until the server has read it
                    open_store(live.app).close()
            (problem,) = caught.value.problems
            assert (problem.code, problem.values["setting"]) == ("EQ-G020", setting)
            open_store(live.app, read_only=True).close()
            with closing(open_store(place.app)) as rehearsal:
                rehearsal.append([draft(1)])
    finally:
        run(live.admin, on, "SELECT pg_reload_conf()")


def test_a_live_session_keeps_to_what_it_was_opened_with(postgres_server: Server, draft):
    """Nobody makes it forgetful by changing the server's settings afterwards."""
    live = postgres_server.create(realm="live")
    with closing(open_store(live.app)) as store:
        try:
            run(live.admin, "ALTER SYSTEM SET synchronous_commit = off", "SELECT pg_reload_conf()")
            for n in range(1, 20):
                store.append([draft(n)])
                row = store.connection.execute("SHOW synchronous_commit").fetchone()
                assert row == ("on",)
        finally:
            run(live.admin, "ALTER SYSTEM RESET synchronous_commit", "SELECT pg_reload_conf()")


# Addresses

SECRET = "s3cr3t"


@pytest.mark.requirement("F35")
@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://ann:{SECRET}@/db?host=/nowhere",
        f"postgresql://ann:{SECRET}@127.0.0.1:1/db?connect_timeout=1",
        f"postgresql://ann:p%40{SECRET}@/db?host=/nowhere",
        f"postgresql://ann:p@{SECRET}@/db?host=/nowhere",
        f"postgresql://ann:p/{SECRET}@host/db",
        f"postgresql://ann:p?{SECRET}@host/db",
        f"postgresql://ann:p#{SECRET}@host/db",
        f"postgresql://ann:{SECRET}@[host/db",
        f"postgresql://ann:{SECRET}@host:port/db",
        f"postgresql://ann@/db?host=/nowhere&password={SECRET}",
        f"postgresql://ann@/db?host=/nowhere&passwort={SECRET}",
        f"postgres://ann:{SECRET}@/db?host=/nowhere",
    ],
)
def test_a_password_is_never_shown(address):
    """Neither by us nor by the driver, also where the address is not well written."""
    with pytest.raises(Refused) as caught:
        open_store(address, create=True, study="S1", realm="rehearsal")
    (problem,) = caught.value.problems
    assert problem.code == "EQ-G021"
    assert SECRET not in str(caught.value)
    assert SECRET not in problem.say("fr")
    assert SECRET not in str(verify(address).problems)
    cause = caught.value.__cause__
    assert SECRET not in str(cause)


def test_an_address_is_shown_without_its_password():
    """Who, where and which database."""
    assert without_password("postgresql://ann:x@h:5/db?a=b") == "postgresql://ann@h:5/db"
    assert without_password("postgresql://h/db") == "postgresql://h/db"
    assert without_password("/srv/trial.db") == "/srv/trial.db"


@pytest.mark.parametrize(
    ("address", "holds"),
    [
        ("postgresql://ann:x@h/db", True),
        ("postgresql://:x@h/db", True),
        ("postgresql://ann:@h/db", True),
        ("postgresql://ann@h/db?password=x", True),
        ("postgresql://ann@h/db?user=ann&sslpassword=", True),
        ("postgresql://ann:p/x@h/db", True),
        ("postgresql://ann@[h/db", True),
        ("postgresql://ann@h:5432/db?passfile=/run/pgpass", False),
        ("postgresql://[::1]:5432/db", False),
        ("postgresql:///db?service=trials", False),
        ("postgresql://?service=trials", False),
    ],
)
def test_whether_an_address_holds_a_password(address, holds):
    """In its place or as an option; what nobody can read is taken for one that does."""
    assert has_password(address) is holds


def test_an_address_for_another_role():
    """Host, port, database, schema and whatever else is said stay as they are."""
    rest = "h:5/db?host=/run/pg&options=-csearch_path%3Dmy_trial"
    assert as_role(f"postgresql://ann@{rest}", "bob") == f"postgresql://bob@{rest}"
    assert as_role("postgresql:///db?user=ann", "a@b") == "postgresql://a%40b@/db"


def test_a_server_that_is_cut_off_is_noticed(monkeypatch):
    """Within a minute, unless the address says how patient to be; libpq's own variables count."""
    read = read_address("postgresql://ann@h/db?keepalives_idle=7")
    assert read["keepalives_idle"] == "7"
    assert read["connect_timeout"] + 3 * read["keepalives_interval"] < 60
    assert read["tcp_user_timeout"] <= 60_000
    monkeypatch.setenv("PGHOST", "/nowhere")
    monkeypatch.setenv("PGPASSWORD", SECRET)
    with pytest.raises(Refused) as caught:
        open_store("postgresql://ann@/db")
    assert "/nowhere" in caught.value.problems[0].message
    assert SECRET not in str(caught.value)


def test_a_service_says_where_and_whose(place, tmp_path, monkeypatch, draft):
    """As every other program of PostgreSQL reads it; the password may stand there, too."""
    values = conninfo_to_dict(place.app)
    lines = [f"{name}={value}" for name, value in values.items()]
    (tmp_path / "services").write_text("\n".join(["[trials]", *lines, f"password={SECRET}"]))
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    with closing(open_store("postgresql://?service=trials")) as store:
        made = store.append([draft(1)])
        assert tuple(store.read()) == made
    found = database_at("postgresql://?service=trials")
    assert (found["NAME"], found["OPTIONS"]["service"]) == ("", "trials")


def test_tables_are_made_once(postgres_server: Server):
    """By their owner, in the schema of the address; all of it or nothing."""
    place = postgres_server.create_schema()
    made = lambda **more: create_ledger(  # noqa: E731
        place.owner, **{"study": "S1", "realm": "live", "app_role": APP, **more}
    )
    assert refused(lambda: made(app_role=OWNER))[0] == "EQ-G022"
    assert made()
    assert not made(study="S2")
    with closing(open_store(place.app)) as store:
        assert (store.study, store.realm, store.heads()) == ("S1", "live", {})
    nowhere = postgres_server.address(OWNER, "nowhere")
    create = lambda: create_ledger(nowhere, study="S1", realm="live", app_role=APP)  # noqa: E731
    assert refused(create) == ["EQ-G051"]
    run(place.admin, "CREATE ROLE stranger LOGIN")
    by_stranger = postgres_server.address("stranger", "public")
    create = lambda: create_ledger(by_stranger, study="S1", realm="live", app_role=APP)  # noqa: E731
    assert refused(create) == ["EQ-G050"]


# Side by side


@pytest.fixture
def pair(place):
    """Two programs at one ledger, that do not wait long."""
    stores = [open_store(place.app) for _ in range(2)]
    for store in stores:
        store.connection.execute("SET lock_timeout = '150ms'")
    yield stores
    for store in stores:
        store.close()


@pytest.mark.requirement("F02")
def test_sites_record_side_by_side(pair, draft):
    """Who holds one chain hinders nobody at another; who acts on everything waits."""
    one, other = pair
    with one.transaction({"site/01"}):
        one.append([draft(1)])
        other.append([draft(1, chain="site/02", stream="x")])
        other.append([draft(2, chain="site/02", stream="x")])
        with other.transaction({"site/02", "site/03"}):
            other.append([draft(3, chain="site/02", stream="x")])
        assert refused(lambda: other.append([draft(1, stream="y")])) == ["EQ-G017"]
        assert refused(lambda: other.transaction().__enter__()) == ["EQ-G017"]
    other.append([draft(1, stream="y")])
    with other.transaction():
        other.append([draft(2, stream="y")])
    assert verify(one).entries == 6


@pytest.mark.requirement("F02")
def test_who_holds_the_whole_store_is_alone(pair, draft):
    """Nobody records anything meanwhile, known chain or new, also by hand."""
    one, other = pair
    other.append([draft(1, chain="site/02", stream="x")])
    with one.transaction():
        for chain in ("site/02", "site/03"):
            act = lambda c=chain: other.append([draft(2, chain=c, stream="x")])  # noqa: E731
            assert refused(act) == ["EQ-G017"]
        with pytest.raises(psycopg.errors.LockNotAvailable):
            other.connection.execute(copied(seq="2", version="9"))
        one.append([draft(1)])
    assert verify(one).entries == 2


def test_who_was_overtaken_looks_again(pair, draft):
    """A store that knows the end of a chain finds another end there, and records after it."""
    one, other = pair
    for n in range(1, 4):
        one.append([draft(n, stream="one")])
        other.append([draft(n, stream="other")])
    assert refused(lambda: one.append([draft(3, stream="other")])) == ["EQ-G001"]
    one.append([draft(4, stream="one")])
    assert [e.seq for e in one.read()] == list(range(1, 8))
    assert verify(one).ok


def test_a_stream_that_moved_on_in_another_transaction(place, postgres, draft):
    """A caller's snapshot may be too old to see it; the keys still do."""
    with closing(connected(place.app)) as connection:
        store = PostgresStore(connection)
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT 1 FROM ledger_entry")
        postgres.append([draft(1)])
        assert refused(lambda: store.append([draft(1)])) == ["EQ-G001"]
        connection.execute("ROLLBACK")
        connection.execute("BEGIN ISOLATION LEVEL SERIALIZABLE")
        assert len(list(store.read())) == 1
        postgres.append([draft(2)])
        assert refused(lambda: store.append([draft(2)])) in (["EQ-G001"], ["EQ-G017"])
        connection.execute("ROLLBACK")
        store.append([draft(3)])
    assert verify(postgres).entries == 3


def test_a_foreign_transaction_is_joined(place, draft):
    """Entries and the caller's tables commit together, or roll back together."""
    run(place.admin, f"CREATE TABLE mine (n integer); GRANT ALL ON mine TO {APP}")
    with closing(psycopg.connect(place.app)) as connection:
        store = PostgresStore(connection)
        connection.commit()
        for ending in (connection.rollback, connection.commit):
            connection.execute("INSERT INTO mine VALUES (1)")
            store.append([draft(1)])
            with pytest.raises(KeyError), store.transaction():
                store.append([draft(2)])
                raise KeyError
            ending()
        assert verify(store).entries == 1
        assert connection.execute("SELECT count(*) FROM mine").fetchone() == (1,)


def test_a_long_ledger_is_read_page_by_page(postgres, draft, monkeypatch):
    """As it was when the reading started, whoever records meanwhile."""
    monkeypatch.setattr("equipoise.ledger.postgres.PAGE", 3)
    with postgres.batch():
        for n in range(1, 8):
            postgres.append([draft(n), draft(n, chain="control", stream="x")])
    reading = postgres.read()
    seen = [next(reading)]
    postgres.append([draft(8), draft(1, chain="site/09", stream="y")])
    assert len([*seen, *reading]) == 14
    assert [e.seq for e in postgres.read(chain="site/01", after=1)] == list(range(2, 9))
    assert len(list(postgres.read(stream="x", after=2))) == 5


def test_an_entry_that_was_not_there_at_first_is_not_half_read(pair, draft):
    """Places are given before the commit: a later commit may fill a place already passed."""
    one, other = pair
    other.append([draft(1, chain="site/02", stream="x")])
    with one.transaction({"site/01"}):
        one.append([draft(1), draft(2)])
        other.append([draft(2, chain="site/02", stream="x")])
        reading = other.read()
        seen = [next(reading)]
    assert [(e.chain, e.seq) for e in [*seen, *reading]] == [("site/02", 1), ("site/02", 2)]


# When something is lost


def end_session(place: Place, store: PostgresStore) -> None:
    pid = store.connection.info.backend_pid
    with closing(connected(place.admin)) as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


@pytest.mark.requirement("D28")
def test_a_lost_connection_is_made_anew(place, postgres, draft):
    """What was being recorded is refused; the next act finds the server again."""
    for n, act in enumerate(
        (
            lambda: postgres.append([draft(9)]),
            lambda: postgres.append([draft(9), draft(10)]),
            postgres.heads,
            lambda: list(postgres.read()),
            lambda: postgres.check_guards(0),
            lambda: postgres.transaction().__enter__(),
        ),
        start=1,
    ):
        postgres.append([draft(n)])
        end_session(place, postgres)
        assert refused(act) == ["EQ-G028"]
    postgres.append([draft(7)])
    assert [e.version for e in postgres.read()] == list(range(1, 8))
    end_session(place, postgres)
    assert [p.code for p in verify(postgres).problems] == ["EQ-G028"]


@pytest.mark.requirement("D01", "D28")
def test_what_is_lost_within_a_transaction_is_lost_as_a_whole(place, postgres, draft):
    """No part of it is recorded over a new connection, whatever the caller goes on to do."""
    postgres.append([draft(1)])

    def act():
        with postgres.transaction():
            postgres.append([draft(2)])
            end_session(place, postgres)
            for n in (3, 4):
                assert refused(lambda n=n: postgres.append([draft(n)])) == ["EQ-G028"]

    assert refused(act) == ["EQ-G028"]
    assert [e.version for e in postgres.read()] == [1]
    postgres.append([draft(2)])
    assert verify(postgres).ok


def test_a_transaction_that_was_spoiled_is_not_acknowledged(postgres, draft):
    """After an error that is passed over, the server takes back everything without a word."""

    def act(statement):
        with postgres.transaction():
            postgres.append([draft(1)])
            with suppress(psycopg.Error):
                postgres.connection.execute(statement)

    assert refused(lambda: act("SELECT 1 / 0")) == ["EQ-G017"]
    assert refused(lambda: act("ROLLBACK")) == ["EQ-G017"]
    assert postgres.heads() == {}
    act("SELECT 1")
    assert verify(postgres).entries == 1


def test_a_connection_of_others_is_theirs_to_make_anew(place, draft):
    """A store on somebody's connection does not open one by itself, nor a closed one again."""
    connection = connected(place.app)
    store = PostgresStore(connection)
    end_session(place, store)
    for _ in range(2):
        assert refused(lambda: store.append([draft(1)])) == ["EQ-G028"]
    assert {p.code for p in verify(store).problems} == {"EQ-G028"}
    own = open_store(place.app)
    own.close()
    assert refused(own.heads) == ["EQ-G028"]


@pytest.mark.parametrize(
    ("changed", "code"), [("study = 'S2'", "EQ-G009"), ("realm = 'live'", "EQ-G010")]
)
def test_another_ledger_that_answers_in_its_place_is_not_used(
    place, postgres, changed: str, code: str
):
    """A connection that is made anew is to the same study, in the same realm."""
    assert postgres.heads() == {}
    run(
        place.owner,
        "ALTER TABLE ledger_meta DISABLE TRIGGER ALL",
        f"UPDATE ledger_meta SET {changed}",
    )
    end_session(place, postgres)
    assert refused(postgres.heads) == ["EQ-G028"]
    for _ in range(2):
        assert refused(postgres.heads) == [code]


def test_a_server_that_became_forgetful_is_not_used_again(postgres_server: Server, draft):
    """A connection that is made anew is looked at as the first was."""
    live = postgres_server.create(realm="live")
    with closing(open_store(live.app)) as store:
        store.append([draft(1)])
        run(live.owner, f"GRANT DELETE ON ledger_entry TO {APP}")
        end_session(live, store)
        assert refused(lambda: store.append([draft(2)])) == ["EQ-G028"]
        assert refused(lambda: store.append([draft(2)])) == ["EQ-G022"]
        run(live.owner, f"REVOKE DELETE ON ledger_entry FROM {APP}")
        store.append([draft(2)])


@pytest.mark.requirement("D04")
@pytest.mark.parametrize("code", ["disk_full", "serialization_failure", "deadlock_detected"])
def test_what_the_server_cannot_do_is_a_refusal(place, postgres, draft, code):
    """The words are the server's; nothing is half recorded, and then it goes on."""
    postgres.append([draft(1)])
    run(
        place.owner,
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '{code}'; END$$",
        "CREATE TRIGGER fail AFTER INSERT ON ledger_entry FOR EACH ROW WHEN (NEW.version = 3) "
        "EXECUTE FUNCTION fail()",
    )
    with pytest.raises(Refused) as caught:
        postgres.append([draft(2), draft(3)])
    (problem,) = caught.value.problems
    assert (problem.code, problem.values["detail"]) == ("EQ-G017", "no room")
    assert refused(lambda: postgres.append([draft(3)])) == ["EQ-G017"]
    run(place.owner, "DROP TRIGGER fail ON ledger_entry")
    postgres.append([draft(2), draft(3)])
    assert verify(postgres).entries == 3


def test_a_rule_that_swallows_entries_is_noticed(place, postgres, draft):
    """The server says yes and records nothing: that is no acknowledgement."""
    postgres.append([draft(1)])
    run(place.owner, "CREATE RULE swallow AS ON INSERT TO ledger_entry DO INSTEAD NOTHING")
    assert refused(lambda: postgres.append([draft(2)])) == ["EQ-G017"]
    assert refused(lambda: postgres.append([draft(2), draft(3)])) == ["EQ-G017"]


def test_what_is_recorded_by_a_clock_ahead_is_kept_as_it_is(postgres, draft):
    """Instants are texts: the bytes that were hashed are the bytes that are kept."""
    made = postgres.append([draft(1, at=draft(1).at + timedelta(days=365 * 5000))])
    row = postgres.connection.execute("SELECT at FROM ledger_entry").fetchone()
    assert row == (to_instant(made[0].at),) == ("7022-09-11T09:31:00.123456Z",)
    assert tuple(postgres.read()) == made
    assert isinstance(draft(1), Draft)
