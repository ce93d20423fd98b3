"""What is a vault's own in PostgreSQL: roles, guards, one process, a server that lost something."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from meddling import meddling, owner_of, rows_of
from test_vault_sequence import NAMES, SCHEMES
from tests.postgres import APP, OWNER
from tests.postgres import Place as Database
from tests.refusing import refusal
from vault_examples import AGREED, CONTENTS, SEED, SPECIFICATION

from equipoise.ledger import as_role
from equipoise.problems import Refused
from equipoise.vault import LocalVault, VaultClient, create_vault, process, read_token
from equipoise.vault.drawing import capabilities
from equipoise.vault.keeping.copying import back_up_vault, restore_vault
from equipoise.vault.keeping.rotating import rotate_key
from equipoise.vault.packets.messages import OpenedPacket
from equipoise.vault.protocol import Line
from equipoise.vault.stores import postgres
from equipoise.vault.stores.postgres_tables import ADDED, FIXED, KEYS, ROUTINES, TRIGGERS
from equipoise.vault.stores.seam import Place, databases

CANARIES = [b"arm-kestrel", b"arm-bittern", b"arm-q", b"product-otter", b"product-heron"]
in_a_database = pytest.mark.parametrize("directory", ["database"], indirect=True)


def said():
    return {"by": "keeper", "reason": "yearly", "at": datetime.now(UTC)}


def create(directory: Path, database: Database, *, realm="live", **other) -> str:
    place = Place(database.app, database.owner)
    given = {"contents": CONTENTS, "realm": realm, "place": place} | other
    return create_vault(directory, SPECIFICATION, **given)


@contextmanager
def asking(directory: Path, capability: str = "assign") -> Iterator[VaultClient]:
    """The vault of a folder, for one capability."""
    with closing(LocalVault(directory)) as vault:
        yield VaultClient(vault, read_token(directory, capability))


def assign(client: VaultClient, k: int) -> str:
    return client.assign(f"p{k}", stratum="", proof=f"proof {k}")


# The same list


@pytest.mark.requirement("F02", "C70")
@pytest.mark.parametrize("told", SCHEMES, ids=NAMES)
def test_both_stores_keep_the_same_sequence(tmp_path, database, told):
    """From one seed the same numbers in the same order and the same arms, past the end too."""
    opened = []
    for name, place in (("file", None), ("base", Place(database.app, database.owner))):
        directory = tmp_path / name
        create_vault(directory, told, contents=CONTENTS, realm="rehearsal", seed=SEED, place=place)
        vault = LocalVault(directory)
        client = VaultClient(vault, read_token(directory, "assign"))
        for k in range(told.n_planned + 7):
            stratum = told.strata[k * k % len(told.strata)]
            client.assign(f"p{k}", stratum=stratum, proof="p")
        report = client.verify()
        assert report.ok, report.problems
        unblinding = VaultClient(vault, read_token(directory, "unblind"))
        opened.append(unblinding.open_list(by="t", reason="t", **AGREED))
        vault.close()
    assert opened[0] == opened[1]
    assert len(opened[0]) == told.n_planned + 7


# Who may do what


@pytest.mark.requirement("F38", "C05")
@in_a_database
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE vault_assignment SET number = number",
        "DELETE FROM vault_assignment",
        "TRUNCATE vault_assignment",
        "UPDATE vault_slot SET sealed = sealed",
        "DELETE FROM vault_slot",
        "TRUNCATE vault_slot CASCADE",
        "UPDATE vault_header SET sealed = sealed",
        "DELETE FROM vault_header",
        "TRUNCATE vault_header",
        "INSERT INTO vault_header SELECT sealed FROM vault_header",
        "INSERT INTO vault_spent VALUES ('R-009')",
        "TRUNCATE vault_spent",
        "UPDATE vault_packet SET number = number",
        "DELETE FROM vault_packet",
        "TRUNCATE vault_packet",
    ],
)
def test_nobody_changes_what_is_kept(directory, clients, statement):
    """The role may not; owner and administrator are stopped by the guards, as a replica too."""
    assign(clients.assign, 1)
    with meddling(directory, role=APP) as run, pytest.raises(psycopg.errors.InsufficientPrivilege):
        run(statement)
    for role in (OWNER, "postgres"):
        with meddling(directory, role=role) as run, pytest.raises(psycopg.IntegrityError):
            run(statement)
    with meddling(directory) as run, pytest.raises(psycopg.IntegrityError):
        run("SET session_replication_role = replica")
        run(statement)
    assert clients.anyone.verify().problems == ()


@in_a_database
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO vault_assignment VALUES ('x', 'R-004', 'p', '')",
        "INSERT INTO vault_assignment VALUES ('x', 'none', 'p', '')",
        "INSERT INTO vault_assignment VALUES ('p1', 'R-002', 'p', '')",
        "INSERT INTO vault_assignment VALUES ('x', 'P-10000', 'p', '')",
        "INSERT INTO vault_slot VALUES ('R-019', '', 19, '')",
        "INSERT INTO vault_slot VALUES ('R-019', 'x', 2, '')",
    ],
)
def test_the_role_itself_adds_nothing_out_of_turn(directory, clients, statement):
    """What the vault's own role may add is what comes next."""
    assign(clients.assign, 1)
    with meddling(directory, role=APP) as run, pytest.raises(psycopg.IntegrityError):
        run(statement)


@pytest.mark.requirement("C05", "D30")
@in_a_database
@pytest.mark.parametrize("name", [*TRIGGERS, *ROUTINES, *KEYS])
def test_a_guard_that_is_gone_or_rewritten_is_reported(directory, clients, name):
    """Triggers, what they run, and the keys by which a number is given once."""
    with meddling(directory) as run:
        if name in TRIGGERS:
            run(f"DROP TRIGGER {name} ON {TRIGGERS[name].table}")
        elif name in ROUTINES:
            run(
                f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql "
                "AS 'BEGIN RETURN NEW; END'"
            )
        else:
            table = "_".join(name.split("_")[:2])
            run(f"ALTER TABLE {table} DROP CONSTRAINT {name} CASCADE")
    found = {(p.code, p.where.record) for p in clients.anyone.verify().problems}
    running = {t for t, guard in TRIGGERS.items() if guard.runs == name}
    assert found == {("EQ-G018", n) for n in running or {name}}


@pytest.mark.requirement("C05")
def test_a_right_too_many_is_reported_and_keeps_a_live_vault_shut(tmp_path, database):
    """Whoever could change an assignment is named; the vault does not answer by such a role."""
    create(tmp_path / "v", database)
    vault = LocalVault(tmp_path / "v")
    with meddling(tmp_path / "v") as run:
        run(f"GRANT UPDATE ON vault_assignment TO {APP}")
    found = VaultClient(vault).verify().problems
    assert {(p.code, p.where.record) for p in found} == {("EQ-G022", APP)}
    vault.close()
    assert refusal(LocalVault, tmp_path / "v") == ["EQ-G022"]


@pytest.mark.requirement("C65", "F13")
def test_neither_administrator_nor_copy_reads_an_arm(tmp_path, database, postgres_server):
    """A whole dump, and every file of the server, hold no arm, product, key or token."""
    create(tmp_path / "v", database, realm="rehearsal", seed=SEED)
    vault = LocalVault(tmp_path / "v")
    doors = {
        c: VaultClient(vault, read_token(tmp_path / "v", c)) for c in capabilities("rehearsal")
    }
    for k in range(1, 19):
        number = assign(doors["assign"], k)
        doors["cells"].contents(number, "M0")
        doors["emergency"].reveal(number, "arm", by="dr", reason="emergency")
        doors["nature"].nature(number)
    doors["packets"].print_packets("01", n=2, by="s", reason="outage")
    doors["unblind"].open_list(by="dr", reason="lock", **AGREED)
    vault.close()
    files = [f.read_text().strip() for f in (tmp_path / "v").iterdir() if f.suffix != ".address"]
    hidden = [w.encode() for w in files if w]
    hidden = [w for w in hidden if b"postgresql" not in w and b"{" not in w]
    assert len(hidden) == 1 + len(doors)
    hidden += [bytes.fromhex((tmp_path / "v" / "vault.key").read_text()), *CANARIES]
    with meddling(tmp_path / "v") as run:
        run("CHECKPOINT")
        dump = "".join(str(row) for t in (*ADDED, *FIXED) for row in run(f"TABLE {t}"))
        entries = run("SELECT row_to_json(e)::text FROM ledger_entry AS e").fetchall()
    whole = (dump + "".join(e for (e,) in entries)).encode()
    n_read = 0
    for file in (postgres_server.folder / "data").rglob("*"):
        if file.is_file() and file.suffix != ".pid":
            n_read += 1
            content = file.read_bytes()
            assert not [w for w in hidden if w in content or w.hex().encode() in content], file
    assert n_read > 500
    assert not [w for w in hidden if w in whole or w.hex().encode() in whole]


# One process, and the connection lost


@pytest.mark.requirement("F02")
@in_a_database
def test_one_process_at_a_time_wherever_its_folder_is(directory, tmp_path, monkeypatch):
    """A copy of the folder on another machine does not answer beside the first."""
    monkeypatch.setattr(postgres, "_TRIES", 2)
    shutil.copytree(directory, tmp_path / "copy")
    with closing(LocalVault(directory)):
        assert refusal(LocalVault, tmp_path / "copy") == ["EQ-V018"]
    LocalVault(tmp_path / "copy").close()


@pytest.mark.requirement("D02")
@in_a_database
def test_a_connection_that_is_lost_is_made_anew(directory, vault, clients, monkeypatch):
    """What was under way is refused and nothing given; asked again, the order goes on."""
    assert assign(clients.assign, 1) == "R-001"

    def cut():
        with meddling(directory) as run:
            run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                f"WHERE usename = '{APP}' AND pid <> pg_backend_pid()"
            )

    cut()
    assert refusal(assign, clients.assign, 2) in (["EQ-G028"], ["EQ-G017"])
    assert assign(clients.assign, 2) == "R-002"
    # It is lost between the assignment and its commit.
    real = vault._log
    monkeypatch.setattr(vault, "_log", lambda *words: (cut(), real(*words))[1])
    assert refusal(assign, clients.assign, 3) == ["EQ-G028"]
    monkeypatch.undo()
    assert rows_of(directory, "SELECT count(*) FROM vault_assignment") == [(2,)]
    assert assign(clients.assign, 4) == "R-003"
    assert clients.anyone.verify().problems == ()


@pytest.mark.requirement("D01")
@in_a_database
def test_a_server_that_crashed_keeps_what_was_answered(directory, clients, postgres_server):
    """It ends without writing anything out, and recovers from its log."""
    assert [assign(clients.assign, k) for k in (1, 2)] == ["R-001", "R-002"]
    postgres_server.crash()
    with pytest.raises(Refused):
        assign(clients.assign, 3)
    assert [assign(clients.assign, k) for k in (3, 2)] == ["R-003", "R-002"]
    assert clients.anyone.verify().problems == ()


@in_a_database
def test_its_log_is_a_ledger_that_nobody_refills_or_redacts(directory, clients):
    """As in a file: whole entries come first or not at all, and nothing is taken out unordered."""
    assign(clients.assign, 1)
    with postgres.owned(owner_of(directory)) as store:
        assert refusal(store.restore, []) == ["EQ-G025"]
        assert refusal(store.redact, "vault", 1, because=("control", 1)) == ["EQ-G023"]
        with store.batch():
            assert store.heads()["vault"].seq == 1


@in_a_database
def test_another_process_that_took_it_meanwhile_keeps_it(directory, vault, clients, monkeypatch):
    """A connection made anew holds the vault, or it is none."""
    monkeypatch.setattr(postgres, "_TRIES", 1)
    assign(clients.assign, 1)
    with meddling(directory, role=APP) as run:
        run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE usename = '{APP}' AND pid <> pg_backend_pid()"
        )
        with pytest.raises(Refused):
            assign(clients.assign, 2)
        assert run(postgres._HOLD).fetchone() == (True,)
        assert refusal(assign, clients.assign, 2) == ["EQ-V018"]
    assert assign(clients.assign, 2) == "R-002"
    assert vault


# What a server lost


@pytest.mark.requirement("F39", "F08")
@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_server_that_lost_what_it_confirmed(tmp_path, database, postgres_server, is_restarted):
    """No number is given twice: nothing is, before vault and ledger agree; emergencies are told."""
    create(tmp_path / "v", database, realm="rehearsal", seed=SEED)
    vault = LocalVault(tmp_path / "v")
    assigning = VaultClient(vault, read_token(tmp_path / "v", "assign"))
    lines = [Line(participant="p1", number=assign(assigning, 1), proof="proof 1")]
    with postgres_server.going_back():
        with pytest.raises(Refused):
            assign(assigning, 2)  # the server was stopped meanwhile
        for k in (2, 3):
            number = assign(assigning, k)
            lines.append(Line(participant=f"p{k}", number=number, proof=f"proof {k}"))
    with pytest.raises(Refused):
        assign(assigning, 4)
    if is_restarted:
        vault.close()
        vault = LocalVault(tmp_path / "v")
    doors = {
        c: VaultClient(vault, read_token(tmp_path / "v", c))
        for c in ("assign", "emergency", "audit")
    }
    assert refusal(assign, doors["assign"], 4) == ["EQ-V044"]
    assert doors["emergency"].reveal("p1", "arm", by="dr", reason="shock") in SPECIFICATION.arms
    assert refusal(assign, doors["assign"], 4) == ["EQ-V044"]
    assert doors["assign"].compare(lines).taken_up == ("p2", "p3")
    assert assign(doors["assign"], 4) == "R-004"
    assert assign(doors["assign"], 2) == "R-002"
    told = [(e.type, e.by) for e in doors["audit"].read_log()]
    assert told.count(("Restored", "vault")) == 1
    assert doors["assign"].verify().problems == ()
    vault.close()


@pytest.mark.requirement("F39")
@in_a_database
@pytest.mark.parametrize("kept", [None, b"junk", b'{"seq":1,"digest":"00"}'])
def test_a_vault_that_nobody_remembers_is_compared_first(directory, kept):
    """A folder made again on another machine cannot tell whether its database is the latest."""
    vault = LocalVault(directory)
    assign(VaultClient(vault, read_token(directory, "assign")), 1)
    vault.close()
    (directory / "vault.seen").unlink()
    if kept is not None:
        (directory / "vault.seen").write_bytes(kept)
    vault = LocalVault(directory)
    assigning = VaultClient(vault, read_token(directory, "assign"))
    assert refusal(assign, assigning, 2) == ["EQ-V044"]
    assigning.compare([Line(participant="p1", number="R-001", proof="proof 1")])
    assert assign(assigning, 2) == "R-002"
    vault.close()


def enter_packet(clients):
    printed = clients.packets.print_packets("01", n=1, by="s", reason="outage")
    one = next(p for p in printed.packets if p.kind == "randomization")
    told = {"packet": one.packet, "code": one.code, "participant": "01-001", "reason": "outage"}
    told |= {"by": "c", "opened_by": "c", "opened_at": datetime.now(UTC)}
    clients.assign.enter_packet(OpenedPacket(**told), proof="p")


@pytest.mark.requirement("F39", "F38")
@in_a_database
@pytest.mark.parametrize(
    ("ask", "is_lasting"),
    [
        (lambda c: assign(c.assign, 2), True),
        (lambda c: c.assign.call_off("p2", proof="p"), True),
        (lambda c: c.packets.print_packets("01", n=1, by="s", reason="outage"), True),
        (enter_packet, True),
        (lambda c: c.emergency.reveal("p1", "arm", by="dr", reason="shock"), True),
        (lambda c: c.unblind.open_list(by="s", reason="lock", **AGREED), True),
        (lambda c: c.unblind.disclose(by="s", reason="lock", **AGREED), True),
        (lambda c: c.assign.compare([]), True),
        (lambda c: c.cells.contents("R-001", "M0"), False),
        (lambda c: c.anyone.commitment(), False),
    ],
)
def test_what_must_not_be_forgotten_is_noted_before_it_is_answered(
    directory, clients, ask, is_lasting
):
    """What a later answer rests on, and each opening of an arm: the folder has its head."""
    assign(clients.assign, 1)
    ask(clients)
    query = "SELECT seq, digest FROM ledger_entry WHERE chain = 'vault' ORDER BY seq DESC LIMIT 1"
    seen = json.loads((directory / "vault.seen").read_text())
    assert ([(seen["seq"], seen["digest"])] == rows_of(directory, query)) is is_lasting


@pytest.mark.requirement("F16", "D04")
@in_a_database
def test_an_emergency_is_told_though_it_cannot_be_noted(directory, clients):
    """A full disk beside the vault keeps nobody from an answer that a life hangs on."""
    assign(clients.assign, 1)
    (directory / "vault.seen.new").mkdir()
    assert clients.emergency.reveal("p1", "arm", by="dr", reason="shock") in SPECIFICATION.arms
    assert refusal(clients.assign.call_off, "p2", proof="p") == ["EQ-V200"]


@pytest.mark.requirement("D04")
@in_a_database
def test_what_cannot_be_noted_is_not_answered(directory, clients):
    """The number is spent for this one; asked again once there is room, it is the same."""
    (directory / "vault.seen.new").mkdir()
    assert refusal(assign, clients.assign, 1) == ["EQ-V200"]
    (directory / "vault.seen.new").rmdir()
    assert assign(clients.assign, 1) == "R-001"
    assert (directory / "vault.seen").stat().st_mode & 0o777 == 0o600


# Making


def test_what_lies_in_the_folder_of_a_live_vault(tmp_path, database):
    """Key and tokens, where its list is, and nothing of the list; for its user alone."""
    create(tmp_path / "v", database)
    names = {f.name for f in (tmp_path / "v").iterdir()}
    assert names == {"vault.address", "vault.key", *(f"{c}.token" for c in capabilities("live"))}
    assert {f.stat().st_mode & 0o777 for f in (tmp_path / "v").iterdir()} == {0o600}
    assert (tmp_path / "v" / "vault.address").read_text() == database.app
    before = rows_of(tmp_path / "v", "TABLE vault_header")
    assert refusal(create, tmp_path / "v", database) == ["EQ-V010"]
    assert refusal(create, tmp_path / "other", database) == ["EQ-V010"]
    assert rows_of(tmp_path / "v", "TABLE vault_header") == before
    assert not [*(tmp_path / "other").glob("*")]
    LocalVault(tmp_path / "v").close()


def test_where_a_vault_is_not_made(tmp_path, database, postgres_server):
    """By the role that writes, without a role, beside a ledger, in a schema of others'."""
    place = Place(database.app)
    assert refusal(create, tmp_path / "a", database, place=place) == ["EQ-V204"]
    nobody = database.app.replace(f"{APP}@", "")
    assert refusal(create, tmp_path / "b", database, place=Place(nobody, database.owner)) == [
        "EQ-V201"
    ]
    ledger = postgres_server.create()
    assert refusal(create, tmp_path / "c", ledger) == ["EQ-V010"]
    by_app = as_role(database.owner, APP)
    assert refusal(create, tmp_path / "d", database, place=Place(database.app, by_app)) == [
        "EQ-V202"
    ]
    too_much = Place(database.owner, database.owner)
    assert refusal(create, tmp_path / "e", database, place=too_much) == ["EQ-G022"]
    assert not [*tmp_path.rglob("vault.key"), *tmp_path.rglob("*.token")]
    create(tmp_path / "f", database)


def test_a_rehearsal_may_be_made_by_the_role_that_answers(tmp_path, database):
    """One role is enough where nobody is treated."""
    place = Place(database.owner)
    create(tmp_path / "v", database, realm="rehearsal", place=place)
    with asking(tmp_path / "v") as client:
        assert assign(client, 1) == "R-001"
        assert client.verify().problems == ()


def test_a_ledger_that_is_no_vault(tmp_path, database, postgres_server):
    """An address of something else opens nothing."""
    create(tmp_path / "v", database)
    (tmp_path / "v" / "vault.address").write_text(postgres_server.create().app)
    assert refusal(LocalVault, tmp_path / "v") == ["EQ-V012"]


def test_another_vault_does_not_open_with_this_key(tmp_path, postgres_server):
    """Mixed up, a folder and a database of the same study open nothing."""
    for name in ("one", "two"):
        create(tmp_path / name, postgres_server.create_schema())
    shutil.copy(tmp_path / "two" / "vault.address", tmp_path / "one")
    assert refusal(LocalVault, tmp_path / "one") == ["EQ-V013"]


@pytest.mark.requirement("D02")
@pytest.mark.parametrize("step", ["before", "after"])
def test_a_making_that_was_cut_short(tmp_path, database, monkeypatch, step):
    """Before the commit it is made again; after it the vault is there, with the key it needs."""
    directory = tmp_path / "v"
    real = databases().create_vault_at

    class Cut(Exception):
        """The power is gone."""

    def cut(*words, keep, **more):
        def keep_and_die():
            keep()
            raise Cut

        if step == "before":
            real(*words, keep=keep_and_die, **more)
        real(*words, keep=keep, **more)
        raise Cut

    with monkeypatch.context() as patched, pytest.raises(Cut):
        patched.setattr(postgres, "create_vault_at", cut)
        create(directory, database)
    assert (directory / "vault.address.new").exists()
    key = (directory / "vault.key").read_text()
    if step == "before":
        assert refusal(LocalVault, directory) == ["EQ-G012"]
        create(directory, database)
        assert (directory / "vault.key").read_text() != key
    else:
        assert refusal(create, directory, database) == ["EQ-V010"]
        assert (directory / "vault.key").read_text() == key
    with asking(directory) as client:
        assert assign(client, 1) == "R-001"
    assert not list(directory.glob("*.new"))


def test_without_the_driver(tmp_path, database, monkeypatch):
    """It says what to install; and no vault is made."""
    monkeypatch.setitem(sys.modules, "equipoise.vault.stores.postgres", None)
    assert refusal(create, tmp_path / "v", database) == ["EQ-G019"]


# Keeping


@pytest.mark.requirement("F13", "C69", "D29")
@in_a_database
def test_after_a_new_key_the_old_one_opens_nothing_of_the_tables(directory, postgres_server):
    """Sealed anew by the owner; in the tables' own files no sealed piece of before is left."""
    vault = LocalVault(directory)
    client = VaultClient(vault, read_token(directory, "assign"))
    commitment = client.commitment()
    for k in (1, 2):
        assign(client, k)
    vault.close()
    old = (directory / "vault.key").read_text()
    pieces = [s for (s,) in rows_of(directory, "SELECT sealed FROM vault_slot")]
    pieces += [s for (s,) in rows_of(directory, "SELECT sealed FROM vault_header")]
    assert refusal(rotate_key, directory, **said()) == ["EQ-V199"]
    with meddling(directory) as run:
        run("CHECKPOINT")
    base = postgres_server.folder / "data" / "base"

    def left():
        files = b"".join(f.read_bytes() for f in base.rglob("*") if f.is_file())
        return [p for p in pieces if p[12:60] in files]

    assert left() == pieces
    rotate_key(directory, **said(), owner=owner_of(directory))
    with meddling(directory) as run:
        run("CHECKPOINT")
    assert left() == []
    vault = LocalVault(directory)
    client = VaultClient(vault, read_token(directory, "assign"))
    assert client.commitment() == commitment
    assert client.verify().problems == ()
    assert assign(client, 3) == "R-003"
    vault.close()
    (directory / "vault.key").write_text(old)
    assert refusal(LocalVault, directory) == ["EQ-V013"]


@in_a_database
def test_a_key_is_not_turned_in_another_vault(directory, tmp_path, postgres_server):
    """The owner's address must lead to the same vault."""
    other = postgres_server.create_schema()
    create(tmp_path / "other", other)
    assert refusal(rotate_key, directory, **said(), owner=other.owner) == ["EQ-V203"]
    app = as_role(owner_of(directory), APP)
    assert refusal(rotate_key, directory, **said(), owner=app) == ["EQ-G017"]
    with asking(directory) as client:  # the key stayed, and what was begun is forgotten
        assert client.verify().ok
    assert not list(directory.glob("*.new"))


@pytest.mark.requirement("C53", "F39")
@in_a_database
def test_its_copies_are_the_servers(directory, database, postgres_server, tmp_path):
    """A backup is refused with what to do; what that gives is a vault that is compared first."""
    vault = LocalVault(directory)
    client = VaultClient(vault, read_token(directory, "assign"))
    assign(client, 1)
    assert refusal(back_up_vault, directory, tmp_path / "copy.db") == ["EQ-V198"]
    (tmp_path / "copy.db").write_bytes(b"")
    assert refusal(restore_vault, tmp_path / "copy.db", directory, **said()) == ["EQ-V010"]
    dumped = tmp_path / "vault.sql"
    line = [postgres_server.program("pg_dump"), "-n", database.schema, "-f", dumped, database.admin]
    process_of(line)
    assign(client, 2)
    vault.close()
    with meddling(directory) as run:
        run(f"DROP SCHEMA {database.schema} CASCADE")
    process_of([postgres_server.program("psql"), "-q", "-f", dumped, database.admin])
    vault = LocalVault(directory)
    client = VaultClient(vault, read_token(directory, "assign"))
    assert client.verify().problems == ()
    assert refusal(assign, client, 3) == ["EQ-V044"]
    lines = [Line(participant=f"p{k}", number=f"R-00{k}", proof=f"proof {k}") for k in (1, 2)]
    assert client.compare(lines).taken_up == ("p2",)
    assert assign(client, 3) == "R-003"
    vault.close()


def process_of(line: list[object]) -> None:
    subprocess.run([str(word) for word in line], check=True, capture_output=True)


@in_a_database
def test_a_process_of_its_own_knows_how_to_reach_it(directory, monkeypatch):
    """The variables of libpq are handed on where there is a database, and nowhere else."""
    seen = []

    def note(_line, *, env, **more):
        seen.append({name for name in env if name.startswith("PG")})
        raise OSError

    monkeypatch.setenv("PGPASSFILE", "/nowhere")
    monkeypatch.setattr(process.subprocess, "Popen", note)
    for folder in (directory, directory / "none"):
        with pytest.raises(OSError):
            process.start_vault(folder)
    assert "PGPASSFILE" in seen[0]
    assert seen[1] == set()
