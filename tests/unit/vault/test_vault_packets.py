"""Sealed packets at the vault: drawn apart from the list, proven when entered, spent once."""

import datetime as dt
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Barrier, Thread
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from meddling import REFUSED, meddling, owner_of, tamper
from msgspec.structs import replace
from tests.refusing import refusal
from vault_examples import AGREED, CONTENTS, SEED, SPECIFICATION, in_a_file

from equipoise.problems import Refused
from equipoise.vault import LocalVault, VaultClient, create_vault, read_token
from equipoise.vault.drawing import capabilities
from equipoise.vault.keeping.copying import back_up_vault, restore_vault
from equipoise.vault.keeping.rotating import rotate_key
from equipoise.vault.packets.messages import OpenedPacket
from equipoise.vault.protocol import Assign, Line
from equipoise.vault.sequence.opened import OpenedBatch, OpenedList, Recorded, check_opened, prove
from equipoise.vault.sequence.verify_proof import root_from

NOW = dt.datetime.now(dt.UTC)
WHY: dict[str, Any] = {"by": "unblinded_statistician", "reason": "For the next outage"}
ENTERED: dict[str, Any] = {"by": "coordinator", "reason": "Outage", "opened_by": "investigator"}


def print_for(clients: SimpleNamespace, site: str = "01", n: int = 3, **more: Any) -> Any:
    return clients.packets.print_packets(site, n=n, **WHY, **more)


def inside(printed: Any, packet: str) -> Any:
    return next(p for p in printed.packets if p.packet == packet)


def enter(clients: SimpleNamespace, one: Any, participant: str = "01-001", **more: Any) -> str:
    given = {"packet": one.packet, "code": one.code, "participant": participant}
    given |= ENTERED | {"proof": "proof", "opened_at": dt.datetime.now(dt.UTC)} | more
    asked = {n: given.pop(n) for n in ("stratum", "proof", "is_question") if n in given}
    said: str = clients.assign.enter_packet(OpenedPacket(**given), **asked)
    return said


@pytest.mark.requirement("C55", "F37")
def test_packets_leave_the_list_as_it_is(clients: SimpleNamespace) -> None:
    """Numbers are disjoint, and the next online numbers are those that they were."""
    before = [clients.assign.assign(f"01-{k:03}", stratum="", proof="p") for k in range(3)]
    printed = print_for(clients, n=4)
    after = [clients.assign.assign(f"02-{k:03}", stratum="", proof="p") for k in range(3)]

    assert [*before, *after] == [f"R-{k:03}" for k in range(1, 7)]
    numbers = [p.number for p in printed.packets if p.kind == "randomization"]
    assert len({*numbers}) == 4
    assert all(n.startswith("P-1") and len(n) == 7 for n in numbers)
    assert [p.packet for p in printed.packets] == [
        *(f"P1-{k:02}" for k in range(1, 5)),
        *(f"B1-{k:02}" for k in range(1, 5)),
    ]
    assert clients.anyone.verify().problems == ()


def test_a_whole_block_of_packets_has_every_arm_alike(clients: SimpleNamespace) -> None:
    """The study's own scheme: in nine packets each of the three arms three times."""
    printed = print_for(clients, n=9)
    arms = Counter(p.arm for p in printed.packets if p.kind == "code_break")

    assert arms == dict.fromkeys(SPECIFICATION.arms, 3)
    assert all(p.gives == CONTENTS[p.arm] for p in printed.packets if p.arm)
    assert all(not p.arm and not p.gives for p in printed.packets if p.kind == "randomization")


def test_each_batch_is_drawn_anew_and_printed_again_alike(clients: SimpleNamespace) -> None:
    """A batch that was lost before it was in its envelopes comes out the same; another differs."""
    first, second = print_for(clients), print_for(clients)

    assert print_for(clients, batch=first.batch) == first
    assert (first.batch, second.batch) == (1, 2)
    assert first.root != second.root
    drawn = [[p.number[-4:] for p in one.packets] for one in (first, second)]
    assert drawn[0] != drawn[1]
    assert not {p.code for p in first.packets} & {p.code for p in second.packets}
    assert not {p.number for p in first.packets} & {p.number for p in second.packets}
    assert refusal(lambda: print_for(clients, batch=7)) == ["EQ-V151"]


@pytest.mark.requirement("D27", "F38", "F19")
def test_a_packet_gives_its_number_once(clients: SimpleNamespace) -> None:
    """The same answer when asked again; nobody else gets it, and nobody gets two."""
    printed = print_for(clients)
    one, two = inside(printed, "P1-02"), inside(printed, "P1-01")

    assert enter(clients, one) == one.number
    assert enter(clients, one) == one.number
    assert clients.assign.assign("01-001", stratum="", proof="proof") == one.number
    assert refusal(lambda: enter(clients, one, "01-002")) == ["EQ-V159"]
    assert refusal(lambda: enter(clients, two)) == ["EQ-V160"]
    assert refusal(lambda: enter(clients, one, proof="another")) == ["EQ-V045"]
    assert clients.assign.assign("01-003", stratum="", proof="p") == "R-001"
    assert refusal(lambda: enter(clients, two, "01-003")) == ["EQ-V160"]
    arm = clients.nature.nature(one.number)
    assert arm == inside(printed, "B1-02").arm
    assert clients.cells.contents(one.number, "M0") == CONTENTS[arm]["M0"]
    assert clients.anyone.verify().problems == ()


@pytest.mark.requirement("F38")
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"packet": "P9-01"}, "EQ-V155"),
        ({"code": "AAAA-AAAA-AAAA-AAAA"}, "EQ-V156"),
        ({"code": ""}, "EQ-V156"),
        ({"participant": "02-001"}, "EQ-V158"),
        ({"opened_at": NOW + dt.timedelta(hours=1)}, "EQ-V157"),
        ({"opened_at": NOW - dt.timedelta(days=1)}, "EQ-V157"),
        ({"stratum": "severe"}, "EQ-V161"),
        ({"proof": ""}, "EQ-V006"),
        ({"opened_by": " "}, "EQ-V007"),
    ],
)
def test_what_does_not_prove_its_packet_is_refused(
    clients: SimpleNamespace, change: dict[str, Any], code: str
) -> None:
    """Unknown, forged, of another site or stratum, at a time that cannot be: nothing is spent."""
    one = inside(print_for(clients), "P1-01")

    assert refusal(lambda: enter(clients, one, **change)) == [code]
    assert clients.anyone.verify().n_assigned == 0
    assert enter(clients, one) == one.number


def test_a_code_may_be_typed_as_it_is_read(clients: SimpleNamespace) -> None:
    """Small letters, groups, and the digits that look like letters."""
    one = inside(print_for(clients), "P1-01")
    typed = one.code.lower().replace("o", "0").replace("i", "1").replace("b", "8")
    typed = "-".join(typed[k : k + 4] for k in range(0, 16, 4))

    assert enter(clients, replace(one, code=typed)) == one.number


def test_a_question_spends_nothing(clients: SimpleNamespace) -> None:
    one = inside(print_for(clients), "P1-01")

    assert enter(clients, one, is_question=True) == one.number
    assert clients.anyone.verify().n_assigned == 0
    assert enter(clients, one, "01-002") == one.number
    assert enter(clients, one, "01-002", proof="", is_question=True) == one.number


@pytest.mark.requirement("C55", "F30")
def test_an_opened_code_break_packet_is_a_break(clients: SimpleNamespace) -> None:
    """It stands in the register with the time at which it was opened, once; never the answer."""
    printed = print_for(clients)
    one, breaking = inside(printed, "P1-01"), inside(printed, "B1-01")
    opened_at = dt.datetime.now(dt.UTC).replace(second=0, microsecond=0)

    assert refusal(lambda: enter(clients, breaking)) == ["EQ-V162"]
    enter(clients, one)
    enter(clients, inside(printed, "P1-02"), "01-002")
    assert refusal(lambda: enter(clients, breaking, "01-002")) == ["EQ-V163"]
    assert clients.emergency.breaks() == ()
    enter(clients, breaking, is_question=True)
    for _ in range(2):
        assert enter(clients, breaking, opened_at=opened_at, opened_as="investigator") == "01-001"

    (told,) = clients.emergency.breaks()
    assert (told.participant, told.number, told.question) == ("01-001", one.number, "arm")
    assert (told.by, told.role, told.at) == ("investigator", "investigator", opened_at)
    assert told.kind == "emergency"
    log = b" ".join(e.body or b"" for e in clients.audit.read_log())
    for secret in (breaking.arm, breaking.code, one.code):
        assert secret.encode() not in log
    assert clients.anyone.verify().problems == ()


def test_packets_for_numbers_given_so_far(clients: SimpleNamespace) -> None:
    """One for each number of the site that has none; the next time only the new ones."""
    for k in (1, 2):
        clients.assign.assign(f"01-00{k}", stratum="", proof="p")
    clients.assign.assign("02-001", stratum="", proof="p")
    enter(clients, inside(print_for(clients, n=1), "P1-01"), "01-009")

    printed = print_for(clients, n=0)
    assert [(p.packet, p.opens) for p in printed.packets] == [
        ("B2-01", "R-001"),
        ("B2-02", "R-002"),
    ]
    assert {p.arm for p in printed.packets} <= set(CONTENTS)
    assert printed.packets[0].arm == clients.nature.nature("R-001")
    assert refusal(lambda: print_for(clients, n=0)) == ["EQ-V150"]
    assert enter(clients, printed.packets[0]) == "01-001"
    rows = clients.assign.packets()
    assert [(r.packet, r.opens) for r in rows] == [
        ("P1-01", ""),
        ("B1-01", "P1-01"),
        ("B2-01", "R-001"),
        ("B2-02", "R-002"),
    ]
    assert not hasattr(rows[0], "number")
    assert clients.anyone.verify().problems == ()


def test_what_cannot_be_printed(clients: SimpleNamespace) -> None:
    assert refusal(lambda: print_for(clients, n=100)) == ["EQ-V154"]
    assert refusal(lambda: print_for(clients, site="")) == ["EQ-V154"]
    assert refusal(lambda: print_for(clients, stratum="x")) == ["EQ-V005"]
    assert clients.assign.packets() == ()
    asked = {"site": "01", "n": 1, "by": "somebody", "reason": " "}
    assert refusal(lambda: clients.packets.print_packets(**asked)) == ["EQ-V007"]
    assert refusal(lambda: clients.assign.print_packets("01", n=1, **WHY)) == ["EQ-V001"]
    one = inside(print_for(clients), "P1-01")
    assert refusal(lambda: enter(SimpleNamespace(assign=clients.packets), one)) == ["EQ-V001"]
    assert print_for(clients).batch == 2


def test_minimization_has_no_packets(tmp_path: Path) -> None:
    told = replace(SPECIFICATION, scheme="minimization", blocks=(), probability="0.8", floor="0.1")
    create_vault(tmp_path / "v", told, contents=CONTENTS, realm="rehearsal")
    with closing(LocalVault(tmp_path / "v")) as vault:
        client = VaultClient(vault, read_token(tmp_path / "v", "packets"))
        assert refusal(lambda: client.print_packets("01", n=1, **WHY)) == ["EQ-V153"]
        analyst = VaultClient(vault, read_token(tmp_path / "v", "unblind"))
        opened = analyst.disclose(by="s", reason="Analysis", **AGREED)
    made_up = OpenedBatch(batch=1, site="01", stratum="", root=opened.root, entries=())
    altered = replace(opened, packets=(made_up,))
    found = check_opened(altered, commitment=opened.root, recorded=(), packets={1: opened.root})
    assert [p.code for p in found] == ["EQ-V164"]


@pytest.fixture
def strata(tmp_path: Path) -> Iterator[SimpleNamespace]:
    told = replace(SPECIFICATION, strata=("mild", "severe"))
    create_vault(tmp_path / "v", told, contents=CONTENTS, realm="rehearsal", seed=SEED)
    with closing(LocalVault(tmp_path / "v")) as vault:
        yield SimpleNamespace(
            **{
                c: VaultClient(vault, read_token(tmp_path / "v", c))
                for c in capabilities("rehearsal")
            }
        )


def test_a_packet_is_for_one_stratum(strata: SimpleNamespace) -> None:
    one = inside(print_for(strata, stratum="severe"), "P1-01")

    assert refusal(lambda: enter(strata, one, stratum="mild")) == ["EQ-V161"]
    assert enter(strata, one, stratum="severe") == one.number
    (listed,) = strata.unblind.open_list(by="s", reason="Analysis", **AGREED)
    assert (listed.number, listed.stratum) == (one.number, "severe")


@pytest.mark.requirement("D27", "F02")
def test_many_enter_one_packet_at_once(clients: SimpleNamespace) -> None:
    """Of eight participants one gets the number; and of packets and the list, each gets one."""
    printed = print_for(clients, n=8)
    said: list[str] = []
    barrier = Barrier(16)

    def ask(k: int) -> None:
        barrier.wait()
        who = f"01-{k % 8:03}"
        try:
            if k < 8:
                said.append(enter(clients, inside(printed, "P1-01"), who))
            else:
                said.append(clients.assign.assign(who, stratum="", proof="proof"))
        except Refused as refused:
            said.append(refused.problems[0].code)

    threads = [Thread(target=ask, args=(k,)) for k in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    given = clients.unblind.open_list(by="s", reason="Analysis", **AGREED)
    assert len(said) == 16
    assert len(given) == len({a.number for a in given}) == len({a.participant for a in given}) == 8
    assert sum(a.number.startswith("P-") for a in given) <= 1
    assert clients.anyone.verify().problems == ()


@pytest.mark.requirement("F38", "F19")
def test_the_store_itself_guards_packets(clients: SimpleNamespace, directory: Path) -> None:
    """No number of the list out of turn, none made up, none twice; no packet changes."""
    print_for(clients)
    number = inside(print_for(clients), "P2-01").number
    with meddling(directory) as run:
        for forbidden in (
            "INSERT INTO vault_assignment VALUES ('01-001', 'R-002', 'p', 't')",
            "INSERT INTO vault_assignment VALUES ('01-001', 'P-99999', 'p', 't')",
            "UPDATE vault_packet SET site = '02'",
            "DELETE FROM vault_packet",
        ):
            with pytest.raises(REFUSED):
                run(forbidden)
        run(f"INSERT INTO vault_assignment VALUES ('01-001', '{number}', 'p', 't')")
        for again in ("'01-001', 'R-001'", f"'01-002', '{number}'"):
            with pytest.raises(REFUSED):
                run(f"INSERT INTO vault_assignment VALUES ({again}, 'p', 't')")


@pytest.mark.requirement("F38", "F19")
def test_a_forged_packet_takes_nothing_out_of_the_list(
    clients: SimpleNamespace, directory: Path
) -> None:
    """Who writes to the store claims that a packet holds an entry of the list: not out of turn."""
    print_for(clients)
    with meddling(directory) as run:
        run(
            "INSERT INTO vault_packet VALUES "
            "('P9-01', 9, 'randomization', '01', '', 1, 'R-003', 'x', '2026-01-01')"
        )
        with pytest.raises(REFUSED):
            run("INSERT INTO vault_assignment VALUES ('01-001', 'R-003', 'p', 't')")
    assert "EQ-V152" in {p.code for p in clients.anyone.verify().problems}


@pytest.mark.requirement("F38")
def test_a_live_vault_gives_no_number_by_hand(tmp_path: Path) -> None:
    """No token names the number that it wants: the next of the list, or a packet with its code."""
    folder = tmp_path / "live"
    create_vault(folder, SPECIFICATION, contents=CONTENTS, realm="live")
    with closing(LocalVault(folder)) as vault:
        held = {c: VaultClient(vault, read_token(folder, c)) for c in capabilities("live")}
        one = inside(held["packets"].print_packets("01", n=1, **WHY), "P1-01")
        forged = replace(one, code=one.code[::-1])
        for capability, client in held.items():
            hand = SimpleNamespace(assign=client)
            refused = ["EQ-V156" if capability == "assign" else "EQ-V001"]
            assert refusal(lambda hand=hand: enter(hand, forged)) == refused
            if capability != "assign":
                by_list = lambda c=client: c.assign("01-001", stratum="", proof="p")  # noqa: E731
                assert refusal(by_list) == ["EQ-V001"]
        assert "number" not in {*Assign.__struct_fields__, *OpenedPacket.__struct_fields__}
        assert held["audit"].verify().n_assigned == 0
        assert held["assign"].assign("01-001", stratum="", proof="p") == "R-001"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE vault_packet SET number = 'P-10000' WHERE packet = 'P1-01'",
        "UPDATE vault_packet SET position = 4 - position WHERE kind = 'randomization'",
        "UPDATE vault_packet SET root = 'x'",
        "UPDATE vault_packet SET site = '02'",
        "DELETE FROM vault_packet WHERE packet = 'P1-03'",
        "DELETE FROM vault_packet",
        "UPDATE vault_packet SET number = 'R-003' WHERE root = ''",
    ],
)
def test_an_altered_packet_is_found(clients: SimpleNamespace, directory: Path, change: str) -> None:
    one = inside(print_for(clients), "P1-01")
    clients.assign.assign("01-008", stratum="", proof="p")
    print_for(clients, n=0)
    tamper(directory, change)

    report = clients.anyone.verify()
    assert not report.ok
    assert {p.code for p in report.problems} <= {"EQ-V151", "EQ-V152"}
    if "number = 'R-003'" not in change:
        refused = refusal(lambda: enter(clients, one))
        assert set(refused) <= {"EQ-V152", "EQ-V155", "EQ-V156", "EQ-V158"}


@in_a_file  # of a database, each guard is tried with its others
def test_a_guard_that_is_gone_is_told(vault: LocalVault, clients: SimpleNamespace) -> None:
    print_for(clients)
    vault._connection.execute("DROP TRIGGER vault_packet_no_delete")

    assert [p.code for p in clients.anyone.verify().problems] == ["EQ-G018"]


@pytest.mark.requirement("F38")
def test_the_opened_list_proves_packets(clients: SimpleNamespace) -> None:
    """Drawn again from the seed, held against the published commitments, each with its path."""
    printed = print_for(clients, n=4)
    one = inside(printed, "P1-03")
    enter(clients, one)
    clients.assign.assign("01-002", stratum="", proof="p")
    opened = clients.unblind.disclose(by="s", reason="Analysis", **AGREED)
    recorded = [
        Recorded(participant="01-001", number=one.number, stratum="", proof="proof"),
        Recorded(participant="01-002", number="R-001", stratum="", proof="p"),
    ]

    def found(told: OpenedList, roots: dict[int, str]) -> list[str]:
        commitment = clients.anyone.commitment()
        problems = check_opened(told, commitment=commitment, recorded=recorded, packets=roots)
        return [p.code for p in problems]

    roots = {1: printed.root}
    assert found(opened, roots) == []
    assert found(opened, {}) == ["EQ-V164"]
    assert found(opened, {1: "0" * 64}) == ["EQ-V164"]
    assert found(opened, roots | {2: printed.root}) == ["EQ-V164"]
    (batch,) = opened.packets
    swapped = tuple(reversed(batch.entries))
    altered = replace(opened, packets=(replace(batch, entries=swapped),))
    assert "EQ-V164" in found(altered, roots)
    strange = replace(opened, packets=(replace(batch, stratum="x", entries=()),))
    assert "EQ-V164" in found(strange, roots)

    proof = prove(opened, one.number)
    assert proof is not None
    assert proof.root == printed.root
    assert proof.arm == inside(printed, "B1-03").arm
    assert root_from(msgspec.to_builtins(proof)) == printed.root
    assert root_from(msgspec.to_builtins(replace(proof, arm="arm-q" * 2))) != printed.root
    assert prove(opened, "P-00000") is None
    spoiled = replace(batch.entries[0], salt="no hex")
    told = replace(opened, packets=(replace(batch, entries=(spoiled,)),))
    assert refusal(lambda: prove(told, one.number)) == ["EQ-V057"]

    assert refusal(lambda: print_for(clients)) == ["EQ-V141"]
    assert refusal(lambda: enter(clients, inside(printed, "P1-01"), "01-005")) == ["EQ-V141"]


def clients_of(vault: LocalVault, directory: Path) -> SimpleNamespace:
    made = {c: VaultClient(vault, read_token(directory, c)) for c in capabilities("rehearsal")}
    return SimpleNamespace(**made, anyone=VaultClient(vault))


def test_a_new_key_keeps_packets(directory: Path) -> None:
    """Sealed anew, each packet stands for what it stood for."""
    with closing(LocalVault(directory)) as vault:
        clients = clients_of(vault, directory)
        printed = print_for(clients)
        one = inside(printed, "P1-02")
        enter(clients, one)
    said = {"by": "keeper", "reason": "Yearly", "owner": owner_of(directory)}
    rotate_key(directory, at=dt.datetime.now(dt.UTC), **said)
    with closing(LocalVault(directory)) as vault:
        clients = clients_of(vault, directory)
        assert clients.nature.nature(one.number) == inside(printed, "B1-02").arm
        assert clients.anyone.verify().problems == ()


@in_a_file
def test_a_restore_keeps_packets(tmp_path: Path, directory: Path) -> None:
    """What the ledger has is taken up after a restore; before, none is given or printed."""
    again = tmp_path / "again"
    again.mkdir()
    shutil.copy(directory / "vault.key", again / "vault.key")
    with closing(LocalVault(directory)) as vault:
        clients = clients_of(vault, directory)
        printed = print_for(clients)
        back_up_vault(directory, tmp_path / "copy.db")
        one, two = inside(printed, "P1-02"), inside(printed, "P1-01")
        enter(clients, one)
    now = dt.datetime.now(dt.UTC)
    restore_vault(tmp_path / "copy.db", again, by="keeper", reason="Disk", at=now)
    with closing(LocalVault(again)) as vault:
        clients = clients_of(vault, directory)
        for asks in (True, False):  # not even examined: nothing is claimed in the ledger
            found = refusal(lambda: enter(clients, two, "01-002", is_question=asks))  # noqa: B023
            assert found == ["EQ-V044"]
        for asked in ({"n": 2}, {"n": 0}, {"n": 0, "batch": 1}):
            assert refusal(lambda: print_for(clients, **asked)) == ["EQ-V044"]  # noqa: B023
        before = clients.packets.packets()
        assert {row.batch for row in before} == {1}  # the list of them tells nothing new
        lines = [Line(participant="01-001", number=one.number, proof="proof")]
        assert clients.assign.compare(lines).taken_up == ("01-001",)
        assert clients.nature.nature(one.number) == inside(printed, "B1-02").arm
        assert enter(clients, two, "01-002") == two.number
        assert clients.anyone.verify().problems == ()
        assert print_for(clients, n=0, batch=1) == printed
        assert print_for(clients).batch == 2


def test_a_first_vault_can_have_packets(tmp_path: Path) -> None:
    """A vault of the first format, whose list cannot go on, prints and enters packets."""
    folder, data = tmp_path / "v", Path(__file__).with_name("data")
    folder.mkdir()
    with closing(sqlite3.connect(folder / "vault.db")) as connection:
        connection.executescript((data / "first_vault.sql").read_text())
    for name, text in msgspec.json.decode((data / "first_vault.json").read_bytes()).items():
        (folder / name).write_text(text)
    with closing(LocalVault(folder)) as vault:
        before = {p.code for p in VaultClient(vault).verify().problems}
    rotate_key(folder, by="keeper", reason="New tokens", at=dt.datetime.now(dt.UTC))
    with closing(LocalVault(folder)) as vault:
        packets, assign = (VaultClient(vault, read_token(folder, c)) for c in ("packets", "assign"))
        one = inside(packets.print_packets("01", n=1, **WHY), "P1-01")
        assert enter(SimpleNamespace(assign=assign), one, "01-077") == one.number
        assert {p.code for p in VaultClient(vault).verify().problems} == before


@pytest.mark.requirement("D27", "F38", "C69")
@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({"n": 4, "stratum": "a"}, {"n": 8, "stratum": "a"}),
        ({"n": 4, "stratum": "a"}, {"n": 4, "stratum": "b"}),
        ({"n": 4, "stratum": "a"}, {"n": 4, "stratum": "a", "site": "02"}),
        ({"n": 4, "stratum": "a"}, {"n": 0}),
        ({"n": 0}, {"n": 0}),
    ],
    ids=["number", "stratum", "site", "given", "others given"],
)
def test_old_paper_proves_nothing_where_a_restore_forgot_its_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: Any, then: Any
) -> None:
    """Vault and ledger are of yesterday, and today's paper is in the safes: another batch of its
    name gives nothing for it, so no arm on paper is another one in the vault.
    """
    told = replace(SPECIFICATION, scheme="complete", blocks=(), strata=("a", "b"))
    old, new = tmp_path / "old", tmp_path / "new"
    create_vault(old, told, contents=CONTENTS, realm="rehearsal", seed=SEED)
    back_up_vault(old, tmp_path / "copy.db")
    with closing(LocalVault(old)) as vault:
        clients = clients_of(vault, old)
        clients.assign.assign("01-001", stratum="a", proof="p")
        paper = print_for(clients, **first)
    monkeypatch.setenv("EQUIPOISE_VAULT_KEY", (old / "vault.key").read_text())
    restore_vault(tmp_path / "copy.db", new, by="k", reason="r", at=dt.datetime.now(dt.UTC))
    with closing(LocalVault(new)) as vault:
        clients = clients_of(vault, old)
        clients.assign.compare([])
        for who, stratum in (("01-009", "b"), ("02-009", "b")):
            clients.assign.assign(who, stratum=stratum, proof="p")
        assert print_for(clients, **then).batch == paper.batch
        for sheet in paper.packets:
            for who in ("01-002", "02-002", "01-009"):
                tried = refusal(
                    lambda: enter(clients, sheet, who, stratum=then.get("stratum", ""))  # noqa: B023
                )
                assert set(tried) <= {"EQ-V155", "EQ-V156"}


@pytest.mark.requirement("D02", "F39", "D27")
def test_a_packet_is_no_sign_that_somebody_who_waits_had_a_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One entry of the list is left, and nobody had it; a packet was entered since the copy."""
    told = replace(SPECIFICATION, scheme="complete", blocks=(), n_planned=3)
    old, new = tmp_path / "old", tmp_path / "new"
    create_vault(old, told, contents=CONTENTS, realm="rehearsal", seed=SEED)
    with closing(LocalVault(old)) as vault:
        clients = clients_of(vault, old)
        given = {p: clients.assign.assign(p, stratum="", proof="p") for p in ("01-001", "01-002")}
        one = inside(print_for(clients, n=1), "P1-01")
        back_up_vault(old, tmp_path / "copy.db")
        given["01-003"] = enter(clients, one, "01-003", proof="p")
    monkeypatch.setenv("EQUIPOISE_VAULT_KEY", (old / "vault.key").read_text())
    restore_vault(tmp_path / "copy.db", new, by="k", reason="r", at=dt.datetime.now(dt.UTC))
    with closing(LocalVault(new)) as vault:
        clients = clients_of(vault, old)
        lines = [Line(participant=p, number=n, proof="p") for p, n in given.items()]
        lines.append(Line(participant="01-004", number="", proof="p"))
        assert clients.assign.compare(lines).taken_up == ("01-003",)
        clients.assign.call_off("01-004", proof="p")
        assert clients.anyone.verify().problems == ()
