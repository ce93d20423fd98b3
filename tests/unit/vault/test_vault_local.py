import sqlite3
from datetime import UTC, datetime

import msgspec
import pytest
from meddling import REFUSED, is_in_a_file, meddling, rows_of, tamper
from tests.refusing import refusal
from vault_examples import AGREED, CONTENTS, SEED, SPECIFICATION, in_a_file

from equipoise.randomization import counter_draws, draw_list
from equipoise.vault import LocalVault, VaultClient, create_vault, drawing, read_token
from equipoise.vault.tables import TRIGGERS

CANARIES = [b"arm-kestrel", b"arm-bittern", b"arm-q", b"product-otter", b"product-heron"]


def assign_all(clients, n=18):
    return [clients.assign.assign(f"01-{k:03}", stratum="", proof="p") for k in range(1, n + 1)]


# Making


@pytest.mark.requirement("F02")
def test_anybody_may_ask_whether_a_vault_is_the_trials_own(clients):
    """Another study, realm, scheme or plan of treatment is not; in another order it is."""
    replace = msgspec.structs.replace
    own = {"realm": "rehearsal", "specification": SPECIFICATION, "contents": CONTENTS}
    fits = clients.anyone.fits
    turned = replace(SPECIFICATION, arms=SPECIFICATION.arms[::-1], n_planned=18)
    exchanged = {**CONTENTS, "arm-q": CONTENTS["arm-bittern"], "arm-bittern": CONTENTS["arm-q"]}
    assert fits("S1", **own)
    assert fits("S1", **(own | {"specification": None}))
    assert fits("S1", **(own | {"specification": turned}))
    assert not fits("S2", **own)
    assert not fits("S1", **(own | {"realm": "live"}))
    assert not fits("S1", **(own | {"specification": replace(SPECIFICATION, n_planned=27)}))
    assert not fits("S1", **(own | {"specification": replace(SPECIFICATION, ratio=(1, 2, 1))}))
    assert not fits("S1", **(own | {"contents": exchanged}))
    (body, *_) = [e.body for e in clients.audit.read_log() if e.type == "Fits"]
    assert msgspec.json.decode(body)["asked"] == {"study": "S1", "realm": "rehearsal"}


@in_a_file
def test_a_list_is_never_drawn_again(directory):
    """An existing vault is not replaced."""
    before = (directory / "vault.db").read_bytes()
    assert refusal(create_vault, directory, SPECIFICATION, contents=CONTENTS, realm="live") == [
        "EQ-V010"
    ]
    assert (directory / "vault.db").read_bytes() == before


@pytest.mark.requirement("F11")
def test_a_live_vault_refuses_a_seed(tmp_path):
    """A test seed never draws a real list, and nothing is written."""
    made = refusal(
        create_vault, tmp_path / "v", SPECIFICATION, contents=CONTENTS, realm="live", seed=b"1"
    )
    assert made == ["EQ-V009"]
    assert not (tmp_path / "v").exists()


@pytest.mark.parametrize("contents", [{}, {"arm-q": CONTENTS["arm-q"], "other": {}}])
def test_contents_fit_the_arms(tmp_path, contents):
    """Each arm has contents; the specification's own faults are told along."""
    odd = msgspec.structs.replace(SPECIFICATION, blocks=(4,))
    assert refusal(create_vault, tmp_path, odd, contents=contents, realm="live") == [
        "EQ-V102", "EQ-V011",
    ]  # fmt: skip


@in_a_file
def test_what_lies_in_the_folder(directory, tmp_path):
    """Every file is its owner's alone; a live vault has no token for a participant's nature."""
    assert {f.name for f in directory.iterdir()} == {
        "vault.db", "vault.key", "assign.token", "cells.token", "unblind.token", "audit.token",
        "nature.token", "emergency.token", "packets.token",
    }  # fmt: skip
    assert {f.stat().st_mode & 0o777 for f in directory.iterdir()} == {0o600}
    assert directory.stat().st_mode & 0o777 == 0o700
    create_vault(tmp_path / "live", SPECIFICATION, contents=CONTENTS, realm="live")
    assert not (tmp_path / "live" / "nature.token").exists()
    assert refusal(read_token, tmp_path / "live", "nature") == ["EQ-V012"]


def test_remains_of_a_creation_that_was_killed_do_not_hinder(tmp_path):
    """Key, tokens and a half database of an earlier attempt are written anew."""
    for name in ("vault.key", "assign.token", "vault.db.new"):
        (tmp_path / name).write_text("remains")
    create_vault(tmp_path, SPECIFICATION, contents=CONTENTS, realm="live")
    vault = LocalVault(tmp_path)
    assert VaultClient(vault).verify().ok
    vault.close()


@in_a_file
@pytest.mark.requirement("F13", "F39")
def test_a_key_whose_vault_was_lost_is_not_replaced(directory):
    """Made again by mistake, the backup could never be opened any more."""
    (directory / "vault.db").unlink()
    key = (directory / "vault.key").read_text()
    made = refusal(create_vault, directory, SPECIFICATION, contents=CONTENTS, realm="live")
    assert made == ["EQ-V024"]
    assert (directory / "vault.key").read_text() == key


def test_the_key_is_written_when_all_else_is(tmp_path, monkeypatch):
    """Killed while the list is written: without a key, and the next attempt is a whole vault."""

    def die(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(drawing, "lock_beside", die)
        create_vault(tmp_path, SPECIFICATION, contents=CONTENTS, realm="live")
    assert not (tmp_path / "vault.key").exists()
    (tmp_path / "vault.db.new-wal").write_text("remains")
    create_vault(tmp_path, SPECIFICATION, contents=CONTENTS, realm="live")
    LocalVault(tmp_path).close()


@pytest.mark.requirement("F11")
def test_two_vaults_have_two_lists(tmp_path):
    """Without a seed the list comes from the operating system's randomness."""
    lists, roots = set(), set()
    for k in range(4):
        folder = tmp_path / str(k)
        roots.add(create_vault(folder, SPECIFICATION, contents=CONTENTS, realm="rehearsal"))
        vault = LocalVault(folder)
        client = VaultClient(vault, read_token(folder, "assign"))
        nature = VaultClient(vault, read_token(folder, "nature"))
        numbers = [client.assign(f"p{n}", stratum="", proof="p") for n in range(18)]
        lists.add(tuple(nature.nature(n) for n in numbers))
        vault.close()
    assert len(lists) == len(roots) == 4


@pytest.mark.requirement("C65", "F13")
def test_no_canary_in_any_file(clients, directory):
    """After every kind of question no file of the vault holds an arm or a product in clear."""
    numbers = assign_all(clients, 20)
    for number in numbers:
        clients.cells.contents(number, "M0")
        clients.emergency.reveal(number, "arm", by="dr", reason="emergency")
        clients.nature.nature(number)
    clients.unblind.open_list(by="dr", reason="lock", **AGREED)
    refusal(clients.emergency.reveal, numbers[0], "infusion:M9", by="dr", reason="x")
    clients.anyone.verify()
    for file in directory.iterdir():
        content = file.read_bytes()
        for canary in CANARIES:
            assert canary not in content
            assert canary.hex().encode() not in content
    log = msgspec.json.encode(clients.audit.read_log())
    assert not any(canary in log for canary in CANARIES)
    assert b"emergency" in log


@pytest.mark.requirement("F21", "D17")
def test_sealed_rows_look_alike(directory):
    """All ciphertexts are distinct and of one length, whatever the arm."""
    sealed = [s for (s,) in rows_of(directory, "SELECT sealed FROM vault_slot")]
    assert len(set(sealed)) == len(sealed) == 18
    assert len({s[:12] for s in sealed}) == 18
    assert len({len(s) for s in sealed}) == 1


# Assigning


@pytest.mark.requirement("C70", "F03")
def test_numbers_come_in_the_order_of_the_list(clients):
    """From the first entry to the last planned, and on."""
    assert assign_all(clients, 20) == [f"R-{k:03}" for k in range(1, 21)]
    assert clients.anyone.verify().n_assigned == 20


@pytest.mark.requirement("F04", "F19", "D28")
def test_asking_again_gives_the_same_number(clients):
    """Whatever stratum comes with it: what was given stays given; another proof is no asking again.

    A ledger restored without this participant would give their code to somebody else.
    """
    first = clients.assign.assign("01-001", stratum="", proof="p")
    again = refusal(clients.assign.assign, "01-001", stratum="", proof="another")
    assert again == ["EQ-V045"]
    assert clients.assign.assign("01-001", stratum="elsewhere", proof="p") == first
    assert clients.assign.assign("01-002", stratum="", proof="p") == "R-002"


@pytest.mark.requirement("F01", "C70")
def test_each_stratum_has_its_order(tmp_path):
    """A stratum's numbers follow its own list; an unknown stratum is refused."""
    strata = msgspec.structs.replace(SPECIFICATION, strata=("s", "t"))
    create_vault(tmp_path, strata, contents=CONTENTS, realm="live")
    vault = LocalVault(tmp_path)
    client = VaultClient(vault, read_token(tmp_path, "assign"))
    given = [client.assign(f"p{k}", stratum=s, proof="p") for k, s in enumerate("tstts")]
    assert given == ["R-019", "R-001", "R-020", "R-021", "R-002"]
    assert refusal(client.assign, "p9", stratum="u", proof="p") == ["EQ-V005"]
    assert client.verify().ok
    vault.close()


@pytest.mark.requirement("F05")
@pytest.mark.parametrize(("participant", "proof"), [("", "p"), ("01-001", "")])
def test_no_number_without_proof(clients, participant, proof):
    """Both the participant and the proof of eligibility are needed."""
    assert refusal(clients.assign.assign, participant, stratum="", proof=proof) == ["EQ-V006"]
    assert clients.anyone.verify().n_assigned == 0


# Asking


def drawn_arms():
    drawn = draw_list(SPECIFICATION, draw_below=counter_draws(SEED))
    return [a.arm for a in drawn]


@pytest.mark.requirement("F09", "C69")
def test_the_arm_is_the_one_that_was_drawn(clients):
    """Each way of asking gives what an auditor draws again from the seed."""
    numbers, arms = assign_all(clients), drawn_arms()
    assert [clients.nature.nature(n) for n in numbers] == arms
    assert [clients.emergency.reveal(n, "arm", by="dr", reason="x") for n in numbers] == arms
    assert [a.arm for a in clients.unblind.open_list(by="dr", reason="lock", **AGREED)] == arms
    assert [clients.cells.contents(n, "M3") for n in numbers] == [
        CONTENTS[a].get("M3", "") for a in arms
    ]
    m0 = [clients.emergency.reveal(n, "infusion:M0", by="dr", reason="x") for n in numbers]
    assert m0 == [CONTENTS[a]["M0"] for a in arms]


def test_the_list_holds_only_who_was_assigned(clients):
    """Entries not yet used stay sealed."""
    assign_all(clients, 2)
    listed = clients.unblind.open_list(by="dr", reason="interim", **AGREED)
    assert [(a.number, a.participant, a.stratum) for a in listed] == [
        ("R-001", "01-001", ""), ("R-002", "01-002", ""),
    ]  # fmt: skip


@pytest.mark.requirement("F20")
def test_refused_questions(clients):
    """Numbers not assigned, encounters without infusion, unknown questions, no name or reason."""
    assign_all(clients, 1)
    assert refusal(clients.cells.contents, "R-002", "M0") == ["EQ-V002"]
    assert refusal(clients.nature.nature, "R-999") == ["EQ-V002"]
    assert refusal(clients.cells.contents, "R-001", "M9") == ["EQ-V003"]
    reveal = clients.emergency.reveal
    assert refusal(reveal, "R-001", "everything", by="dr", reason="x") == ["EQ-V008"]
    assert refusal(reveal, "R-001", "arm", by=" ", reason="x") == ["EQ-V007"]
    assert refusal(reveal, "R-001", "arm", by="dr", reason="") == ["EQ-V007"]
    assert refusal(clients.unblind.open_list, by="dr", reason="", **AGREED) == ["EQ-V007"]


@pytest.mark.requirement("C65", "F30")
def test_a_token_opens_one_door(clients):
    """Every capability refuses every other capability's questions; nothing leaks, all is logged."""
    assign_all(clients, 1)
    asks = {
        "assign": lambda c: c.assign("01-002", stratum="", proof="p"),
        "cells": lambda c: c.contents("R-001", "M0"),
        "emergency": lambda c: c.reveal("R-001", "arm", by="dr", reason="x"),
        "unblind": lambda c: c.open_list(by="dr", reason="x", **AGREED),
        "nature": lambda c: c.nature("R-001"),
        "audit": lambda c: c.read_log(),
    }
    n_refused = 0
    for owner in (*asks, "anyone"):
        for name, ask in asks.items():
            if name != owner:
                assert refusal(ask, getattr(clients, owner)) == ["EQ-V001"]
                n_refused += 1
    log = clients.audit.read_log()
    refused = [e for e in log if msgspec.json.decode(e.body)["refused"] == ["EQ-V001"]]
    assert len(refused) == n_refused
    assert clients.anyone.verify().n_assigned == 1


def test_a_live_vault_has_no_nature_to_tell(tmp_path):
    """No token at all opens that question in a live trial, not even an empty one."""
    create_vault(tmp_path, SPECIFICATION, contents=CONTENTS, realm="live")
    vault = LocalVault(tmp_path)
    VaultClient(vault, read_token(tmp_path, "assign")).assign("p", stratum="", proof="p")
    for token in ("", read_token(tmp_path, "assign")):
        assert refusal(VaultClient(vault, token).nature, "R-001") == ["EQ-V001"]
    vault.close()


@pytest.mark.requirement("C67")
def test_the_log_says_who_asked_what_when_and_why(directory):
    """In order, chained, without answers and without tokens."""
    at = datetime(2026, 1, 5, tzinfo=UTC)
    vault = LocalVault(directory, now=lambda: at)
    token = read_token(directory, "emergency")
    VaultClient(vault, read_token(directory, "assign")).assign("01-001", stratum="", proof="abc")
    VaultClient(vault, token).reveal("R-001", "arm", by="dr", reason="anaphylaxis")
    auditor = VaultClient(vault, read_token(directory, "audit"))
    log = auditor.read_log()
    assert [(e.seq, e.type, e.by, e.role, e.reason, e.at) for e in log] == [
        (1, "Assign", "assign", "assign", "", at),
        (2, "Reveal", "dr", "emergency", "anaphylaxis", at),
    ]
    assert msgspec.json.decode(log[0].body) == {
        "asked": {"participant": "01-001", "proof": "abc", "stratum": ""}, "refused": [],
    }  # fmt: skip
    assert token not in str(log)
    assert [e.type for e in auditor.read_log(after=2)] == ["ReadLog"]
    vault.close()


# Opening and verifying


def test_the_commitment_is_fixed(clients):
    """The same before the first participant and after the last, and for every asker."""
    before = clients.anyone.commitment()
    assign_all(clients)
    assert clients.assign.commitment() == clients.anyone.verify().commitment == before
    assert len(before) == 64


def test_a_vault_is_found_again(directory):
    """Closed and opened, it goes on where it was."""
    for k in (1, 2):
        vault = LocalVault(directory)
        client = VaultClient(vault, read_token(directory, "assign"))
        assert client.assign(f"p{k}", stratum="", proof="p") == f"R-00{k}"
        vault.close()


@pytest.mark.usefixtures("vault")
def test_one_at_a_time(directory):
    """While a vault is open nobody else opens it."""
    assert refusal(LocalVault, directory) == ["EQ-V018"]


def test_no_vault(tmp_path):
    """A folder without one is named."""
    assert refusal(LocalVault, tmp_path) == ["EQ-V012"]


@pytest.mark.parametrize("key", ["00" * 32, "no hex", "00", ""])
def test_a_wrong_key_opens_nothing(directory, key):
    """Neither another key nor a damaged one; and the right one does again."""
    right = (directory / "vault.key").read_text()
    (directory / "vault.key").write_text(key)
    assert refusal(LocalVault, directory) == ["EQ-V013"]
    (directory / "vault.key").write_text(right)
    LocalVault(directory).close()


@in_a_file
def test_a_damaged_file_does_not_open(directory):
    """Random bytes in place of the database, and a ledger that is no vault."""
    (directory / "vault.db").write_bytes(b"junk" * 5000)
    assert refusal(LocalVault, directory) == ["EQ-V013"]


@pytest.mark.requirement("D29", "C69")
@pytest.mark.parametrize(
    ("change", "found"),
    [
        (
            "UPDATE vault_slot SET sealed = zeroblob(200) WHERE number = 'R-004'",
            ["EQ-V014", "EQ-V015"],
        ),
        ("UPDATE vault_slot SET sealed = x'00' WHERE number = 'R-004'", ["EQ-V014", "EQ-V015"]),
        ("UPDATE vault_slot SET sealed = 'text' WHERE number = 'R-004'", ["EQ-V014", "EQ-V015"]),
        (
            "UPDATE vault_slot SET sealed = (SELECT sealed FROM vault_slot WHERE number = 'R-005') "
            "WHERE number = 'R-004'",
            ["EQ-V014", "EQ-V015"],
        ),
        ("UPDATE vault_slot SET position = 99 WHERE number = 'R-018'", ["EQ-V014"]),
        ("DELETE FROM vault_slot WHERE number = 'R-018'", ["EQ-V015"]),
        ("DELETE FROM vault_assignment WHERE number = 'R-001'", ["EQ-V016", "EQ-V021"]),
        ("DELETE FROM vault_assignment WHERE number = 'R-002'", ["EQ-V021"]),
        ("INSERT INTO vault_assignment VALUES ('x', 'R-003', 'p', '')", ["EQ-V021"]),
        ("INSERT INTO vault_assignment VALUES ('x', 'R-009', 'p', '')", ["EQ-V016", "EQ-V021"]),
        ("INSERT INTO vault_assignment VALUES ('x', 'none', 'p', '')", ["EQ-V016", "EQ-V021"]),
    ],
)
def test_tampering_is_found(directory, change, found):
    """Every entry altered, moved, lost or used out of turn is found, and no arm is said."""
    vault = LocalVault(directory)
    client = VaultClient(vault, read_token(directory, "assign"))
    for k in (1, 2):
        client.assign(f"p{k}", stratum="", proof="p")
    assert client.verify().problems == ()
    vault.close()
    tamper(directory, change)
    vault = LocalVault(directory)
    report = VaultClient(vault).verify()
    assert not report.ok
    assert [p.code for p in report.problems] == found
    vault.close()


@pytest.mark.requirement("F09", "C69")
@pytest.mark.parametrize(
    "sealed", ["zeroblob(200)", "(SELECT sealed FROM vault_slot WHERE number = 'R-002')"]
)
def test_a_sealed_entry_that_was_altered_answers_nothing(directory, clients, sealed):
    """A wrong product is never given out, nor that of another number."""
    assign_all(clients, 4)
    tamper(directory, f"UPDATE vault_slot SET sealed = {sealed} WHERE number = 'R-004'")
    assert refusal(clients.cells.contents, "R-004", "M0") == ["EQ-V014"]
    assert refusal(clients.unblind.open_list, by="dr", reason="x", **AGREED) == ["EQ-V014"]
    assert clients.cells.contents("R-003", "M0")


@in_a_file
@pytest.mark.requirement("D30", "C05")
@pytest.mark.parametrize(
    ("study", "realm"), [("S2", "rehearsal"), (SPECIFICATION.study, "live")], ids=["study", "realm"]
)
def test_another_vaults_row_does_not_open_here(tmp_path, directory, study, realm):
    """Sealed pieces are bound to their study, realm and number, beside their key."""
    other = tmp_path / "other"
    renamed = msgspec.structs.replace(SPECIFICATION, study=study)
    create_vault(other, renamed, contents=CONTENTS, realm=realm)
    tamper(directory, f"ATTACH '{other}/vault.db' AS other",
           "UPDATE vault_header SET sealed = (SELECT sealed FROM other.vault_header)")  # fmt: skip
    (directory / "vault.key").write_text((other / "vault.key").read_text())
    assert refusal(LocalVault, directory) == ["EQ-V013"]


@in_a_file
@pytest.mark.requirement("C05", "D30")
@pytest.mark.parametrize("name", TRIGGERS)
def test_a_missing_guard_is_reported(directory, clients, name):
    """Who drops a trigger leaves a trace."""
    with sqlite3.connect(directory / "vault.db") as connection:
        connection.execute(f"DROP TRIGGER {name}")
    connection.close()
    assert [(p.code, p.where.record) for p in clients.anyone.verify().problems] == [
        ("EQ-G018", name)
    ]


@pytest.mark.requirement("F19", "F38")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE vault_assignment SET number = 'R-009'",
        "DELETE FROM vault_assignment",
        "INSERT INTO vault_assignment VALUES ('x', 'R-004', 'p', '')",
        "INSERT OR REPLACE INTO vault_assignment VALUES ('01-001', 'R-003', 'p', '')",
        "INSERT OR REPLACE INTO vault_assignment VALUES ('x', 'R-001', 'p', '')",
        "UPDATE vault_slot SET position = 9",
        "DELETE FROM vault_slot",
        "INSERT OR REPLACE INTO vault_slot VALUES ('R-001', '', 1, x'00')",
        "DELETE FROM vault_header",
        "UPDATE vault_header SET sealed = x'00'",
        "INSERT INTO vault_header VALUES (x'00')",
    ],
)
def test_the_store_itself_refuses_changes(directory, clients, statement):
    """A used entry is spent for ever; nobody assigns out of turn by hand."""
    assign_all(clients, 2)
    with meddling(directory) as run, pytest.raises(REFUSED):
        run(statement)
    assert clients.anyone.verify().problems == ()


@in_a_file
@pytest.mark.requirement("D04")
def test_a_full_disk_assigns_nothing(vault, clients):
    """A refusal that says so; with room again, the same list order."""
    assign_all(clients, 1)
    pages = vault._connection.execute("PRAGMA page_count").fetchone()[0]
    vault._connection.execute(f"PRAGMA max_page_count = {pages}")
    big = "x" * 50_000
    assert refusal(clients.assign.assign, "01-002", stratum="", proof=big) == ["EQ-V020"]
    assert refusal(clients.emergency.reveal, "R-001", "arm", by="dr", reason=big) == ["EQ-G017"]
    vault._connection.execute("PRAGMA max_page_count = 100000")
    assert clients.assign.assign("01-003", stratum="", proof="p") == "R-002"
    assert clients.anyone.verify().problems == ()


def test_a_closed_vault_answers_nothing(directory):
    """A question that comes too late is refused, not lost."""
    vault = LocalVault(directory)
    vault.close()
    too_late = "EQ-V020" if is_in_a_file(directory) else "EQ-G028"
    assert refusal(VaultClient(vault).commitment) == [too_late]
