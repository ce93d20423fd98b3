"""Sequences of every scheme in the vault: drawn, spent in order, going on, drawn again."""

import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vault_examples import CONTENTS, SEED, SPECIFICATION

from equipoise.problems import Refused
from equipoise.randomization import Allocation, Draw, draw_next
from equipoise.vault import LocalVault, VaultClient, create_vault, read_token
from equipoise.vault.drawing import capabilities
from equipoise.vault.keeping.rotating import rotate_key
from equipoise.vault.protocol import Line
from equipoise.vault.sealing import Slot
from equipoise.vault.sequence.extending import longest_slot
from equipoise.vault.tables import TRIGGERS, triggers_of

DATA = Path(__file__).parent / "data"


def told(scheme, **changes):
    return msgspec.structs.replace(SPECIFICATION, scheme=scheme, **{"blocks": (), **changes})


MINIMIZED = told(
    "minimization",
    probability="0.8",
    floor="0.1",
    strata=("01/mild", "01/severe", "02/mild", "02/severe"),
)
SCHEMES = [
    told("complete"),
    told("random_allocation_rule"),
    told("permuted_blocks", blocks=(3, 6), block_order="random"),
    told("permuted_blocks", blocks=(9,)),
    told("big_stick", tolerance=2),
    told("block_urn", lambda_=2),
    told("biased_coin", probability="0.7"),
    told("big_stick", tolerance=1, ratio=(2, 1, 1)),
    told("permuted_blocks", blocks=(6,), strata=("01", "02")),
    MINIMIZED,
]
NAMES = [f"{s.scheme}-{s.block_order}-{len(s.strata)}-{s.ratio[0]}" for s in SCHEMES]


def open_vault(directory, specification, *, realm="rehearsal", seed=SEED, **more):
    create_vault(directory, specification, contents=CONTENTS, realm=realm, seed=seed, **more)
    return LocalVault(directory)


def clients_of(vault, directory, realm="rehearsal"):
    there = [c for c in capabilities(realm) if (directory / f"{c}.token").is_file()]
    made = {c: VaultClient(vault, read_token(directory, c)) for c in there}
    return SimpleNamespace(**made, anyone=VaultClient(vault))


@pytest.fixture(params=SCHEMES, ids=NAMES)
def opened(request, tmp_path) -> Iterator[SimpleNamespace]:
    vault = open_vault(tmp_path / "v", request.param)
    made = clients_of(vault, tmp_path / "v")
    yield SimpleNamespace(clients=made, told=request.param, directory=tmp_path / "v", vault=vault)
    vault.close()


def assign(opened, n, start=1):
    strata = opened.told.strata
    return [
        opened.clients.assign.assign(f"p{k}", stratum=strata[k % len(strata)], proof="p")
        for k in range(start, start + n)
    ]


def codes(problems):
    return [p.code for p in problems]


@pytest.mark.requirement("F36", "C69", "C70")
def test_every_scheme_goes_on_and_is_drawn_again(opened):
    """Twice as many as planned: no end, numbers once each, and the whole replays from the seed."""
    numbers = assign(opened, 36 * len(opened.told.strata))
    assert len(set(numbers)) == len(numbers)
    report = opened.clients.anyone.verify()
    assert report.ok
    assert {p.code for p in report.problems} == {"EQ-V118"}
    arms = Counter(opened.clients.nature.nature(n) for n in numbers)
    assert set(arms) == set(SPECIFICATION.arms)


@pytest.mark.requirement("F36")
def test_the_last_planned_number_is_told_without_an_arm(opened):
    """One before it there is nothing to tell; with it, the stratum is named, and it is no error."""
    n_strata = 1 if opened.told.scheme == "minimization" else len(opened.told.strata)
    assign(opened, 18 * n_strata - n_strata)
    assert opened.clients.anyone.verify().problems == ()
    assign(opened, n_strata, start=1000)
    report = opened.clients.anyone.verify()
    assert codes(report.problems) == ["EQ-V118"] * n_strata
    assert report.ok
    said = " ".join(p.message + p.say("fr") for p in report.problems)
    assert not any(arm in said for arm in SPECIFICATION.arms)


@pytest.mark.requirement("F19", "F38")
def test_entries_drawn_when_needed_are_as_fixed_as_the_list(opened):
    """No entry is added while one is unused, none out of turn, none changed or taken out."""
    assign(opened, 18 * len(opened.told.strata) + 1)
    stratum = opened.told.strata[-1]
    connection = sqlite3.connect(opened.directory / "vault.db", isolation_level=None)
    (last,) = connection.execute(
        "SELECT max(position) FROM vault_slot WHERE stratum = ?", (stratum,)
    ).fetchone()
    for statement in (
        f"INSERT INTO vault_slot VALUES ('R-900', '{stratum}', {last + 2}, x'00')",
        f"INSERT INTO vault_slot VALUES ('R-001', '{stratum}', {last + 1}, x'00')",
        "UPDATE vault_slot SET sealed = x'00' WHERE rowid = (SELECT max(rowid) FROM vault_slot)",
        "DELETE FROM vault_slot WHERE rowid = (SELECT max(rowid) FROM vault_slot)",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(statement)
    connection.close()
    assert opened.clients.anyone.verify().ok


def test_nothing_is_added_while_an_entry_is_unused(tmp_path):
    """The file itself refuses it."""
    open_vault(tmp_path, SPECIFICATION).close()
    connection = sqlite3.connect(tmp_path / "vault.db", isolation_level=None)
    with pytest.raises(sqlite3.IntegrityError, match="has not come to its end"):
        connection.execute("INSERT INTO vault_slot VALUES ('R-019', '', 19, x'00')")
    connection.close()


@pytest.mark.requirement("F21", "D17")
def test_all_sealed_entries_look_alike(opened):
    """Listed, drawn when needed, or with the record of a draw: one length in each vault."""
    assign(opened, 40)
    connection = sqlite3.connect(opened.directory / "vault.db")
    sealed = [s for (s,) in connection.execute("SELECT sealed FROM vault_slot")]
    connection.close()
    assert len({len(s) for s in sealed}) == 1
    assert len(set(sealed)) == len(sealed)


LONG = {"a": {}, "arm-" + "long" * 40: {}}


@pytest.mark.requirement("F21", "D17")
@pytest.mark.parametrize("k", range(8))
@pytest.mark.parametrize(
    "changed",
    [{"scheme": "complete"}, {"scheme": "minimization", "probability": "0.8123456789012345"}],
    ids=["complete", "minimized"],
)
def test_an_entry_drawn_later_is_as_long_as_any(tmp_path, changed, k):
    """One listed entry, of whichever arm; those that follow are of both, and look alike."""
    scheme = told(**changed, arms=tuple(LONG), ratio=(1, 1), n_planned=1)
    if scheme.probability:
        scheme = msgspec.structs.replace(scheme, floor="0.1", strata=('01/"é"', "01/x"))
    create_vault(tmp_path, scheme, contents=LONG, realm="rehearsal", seed=bytes([k]))
    vault = LocalVault(tmp_path)
    made = clients_of(vault, tmp_path)
    for n in range(24):
        stratum = scheme.strata[n % len(scheme.strata)]
        number = made.assign.assign(f"p{n}", stratum=stratum, proof="p")
    rows = vault._connection.execute("SELECT length(sealed) FROM vault_slot").fetchall()
    assert {made.nature.nature(f"R-{n:03}") for n in range(1, 25)} == set(LONG)
    assert len(rows) == 24 and len(set(rows)) == 1
    slot = msgspec.json.decode(vault._seals.open(number, _sealed(vault, number)), type=Slot)
    with pytest.raises(Refused) as caught:
        vault._seals.close(number, slot, length=64)
    assert [p.code for p in caught.value.problems] == ["EQ-V056"]
    vault.close()


def _sealed(vault, number):
    query = "SELECT sealed FROM vault_slot WHERE number = ?"
    return vault._connection.execute(query, (number,)).fetchone()[0]


@pytest.mark.requirement("F17", "F18", "C69")
def test_minimization_leans_on_everybody_in_the_vault(tmp_path):
    """Each sealed record holds the draw that the vault's own history asks for, and no other's."""
    vault = open_vault(tmp_path, MINIMIZED)
    made = clients_of(vault, tmp_path)
    strata = [MINIMIZED.strata[k * 7 % 4] for k in range(30)]
    numbers = [made.assign.assign(f"p{k}", stratum=s, proof="p") for k, s in enumerate(strata)]
    assert numbers == [f"R-{k:03}" for k in range(1, 31)]
    history: list[Draw] = []
    for number, stratum in zip(numbers, strata, strict=True):
        (sealed,) = vault._connection.execute(
            "SELECT sealed FROM vault_slot WHERE number = ?", (number,)
        ).fetchone()
        slot = msgspec.json.decode(vault._seals.open(number, sealed), type=Slot)
        assert slot.draw == draw_next(MINIMIZED, stratum, seed=SEED, history=history)
        assert made.nature.nature(number) == SPECIFICATION.arms[slot.draw.place]
        assert len(vault._seals.open(number, sealed)) == longest_slot(vault._parts[0].specification)
        history.append(slot.draw)
    vault.close()


@pytest.mark.requirement("F17")
def test_another_order_of_people_is_another_history(tmp_path):
    """The same people, the same seed: who came before decides, not what anybody sends."""
    arms = []
    for k, order in enumerate(((0, 3) * 10, (0,) * 10 + (3,) * 10)):
        vault = open_vault(tmp_path / str(k), MINIMIZED)
        made = clients_of(vault, tmp_path / str(k))
        numbers = [
            made.assign.assign(f"p{n}", stratum=MINIMIZED.strata[s], proof="p")
            for n, s in enumerate(order)
        ]
        arms.append([made.nature.nature(n) for n in numbers])
        vault.close()
    assert arms[0] != arms[1]


@pytest.mark.requirement("C69", "D29")
@pytest.mark.parametrize("specification", [SPECIFICATION, MINIMIZED], ids=["list", "minimized"])
@pytest.mark.parametrize("what", ["arm", "draw", "salt"])
def test_an_entry_sealed_anew_with_the_key_is_found(tmp_path, specification, what):
    """Who holds file and key and exchanges an arm changes what the seed or the root says."""
    vault = open_vault(tmp_path, specification)
    made = clients_of(vault, tmp_path)
    for k in range(20):
        made.assign.assign(f"p{k}", stratum=specification.strata[0], proof="p")
    number = "R-003"
    (sealed,) = vault._connection.execute(
        "SELECT sealed FROM vault_slot WHERE number = ?", (number,)
    ).fetchone()
    slot = msgspec.json.decode(vault._seals.open(number, sealed), type=Slot)
    other = next(a for a in specification.arms if a != slot.allocation.arm)
    changed = {
        "arm": {"allocation": msgspec.structs.replace(slot.allocation, arm=other)},
        "draw": {"draw": Draw(stratum="", place=0)},
        "salt": {"salt": bytes(32)},
    }[what]
    altered = vault._seals.close(number, msgspec.structs.replace(slot, **changed), length=2048)
    vault.close()
    connection = sqlite3.connect(tmp_path / "vault.db", isolation_level=None)
    for name in TRIGGERS:
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute("UPDATE vault_slot SET sealed = ? WHERE number = ?", (altered, number))
    for trigger in TRIGGERS.values():
        connection.execute(trigger)
    connection.close()
    vault = LocalVault(tmp_path)
    found = {p.code for p in VaultClient(vault).verify().problems} - {"EQ-V118"}
    is_free = what == "salt" and specification is MINIMIZED
    assert found == (set() if is_free else {"EQ-V015"})
    vault.close()


def test_a_further_entry_of_an_unknown_stratum_is_found(tmp_path):
    """An entry put in by hand past the end of the list is none that the seed gives."""
    vault = open_vault(tmp_path, SPECIFICATION)
    made = clients_of(vault, tmp_path)
    for k in range(18):
        made.assign.assign(f"p{k}", stratum="", proof="p")
    slot = Slot(number="R-019", allocation=Allocation("x", 1, "arm-q"), salt=b"")
    sealed = vault._seals.close("R-019", slot, length=2048)
    vault._connection.execute("INSERT INTO vault_slot VALUES ('R-019', 'x', 1, ?)", (sealed,))
    assert "EQ-V015" in codes(made.anyone.verify().problems)
    vault.close()


@pytest.mark.requirement("C69")
def test_the_commitment_binds_the_seed_and_what_each_arm_receives(tmp_path):
    """A header that says otherwise in its parts than in the text that was committed to is found."""
    vault = open_vault(tmp_path, SPECIFICATION)
    swapped = {**CONTENTS, "arm-kestrel": CONTENTS["arm-q"], "arm-q": CONTENTS["arm-kestrel"]}
    for changes in ({"contents": swapped}, {"seed": b"other"}, {"salt": b"x" * 32}):
        (whole,) = vault._parts
        vault._parts = (msgspec.structs.replace(whole, **changes),)
        assert codes(VaultClient(vault).verify().problems) == ["EQ-V015"]
        vault._parts = (whole,)
    assert VaultClient(vault).verify().problems == ()
    vault.close()


def old_vault(directory):
    """A vault as the first version made it, with two of its eighteen entries given."""
    directory.mkdir()
    connection = sqlite3.connect(directory / "vault.db")
    connection.executescript((DATA / "first_vault.sql").read_text())
    connection.close()
    for name, token in msgspec.json.decode((DATA / "first_vault.json").read_bytes()).items():
        (directory / name).write_text(token)


@pytest.mark.requirement("C69")
def test_a_vault_of_the_first_version_opens_and_replays(tmp_path):
    """With its own guards and its own commitment; its list ends where it always did."""
    old_vault(tmp_path / "v")
    vault = LocalVault(tmp_path / "v")
    made = clients_of(vault, tmp_path / "v")
    assert made.anyone.commitment().startswith("496e8789c5dc")
    assert made.anyone.verify().problems == ()
    assert made.assign.assign("01-001", stratum="", proof="p") == "R-001"
    numbers = [made.assign.assign(f"p{k}", stratum="", proof="p") for k in range(3, 19)]
    assert numbers[0] == "R-003"
    with pytest.raises(Refused) as caught:
        made.assign.assign("p19", stratum="", proof="p")
    assert codes(caught.value.problems) == ["EQ-V004"]
    assert made.anyone.verify().ok
    vault.close()
    assert set(triggers_of(1)) ^ set(triggers_of(2)) == {"vault_slot_no_insert", "vault_slot_next"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3)), max_size=40))
def test_in_any_order_of_asking_everything_replays(tmp_path_factory, asks):
    """Who asks again, in whatever order over strata: one number each, and the audit agrees."""
    directory = tmp_path_factory.mktemp("v")
    vault = open_vault(directory, MINIMIZED)
    made, given_to = clients_of(vault, directory), {}
    for who, stratum in asks:
        number = made.assign.assign(f"p{who}", stratum=MINIMIZED.strata[stratum], proof="p")
        assert given_to.setdefault(who, number) == number
    assert made.anyone.verify().ok
    assert len(set(given_to.values())) == len(given_to)
    vault.close()


@pytest.mark.requirement("F39", "C69")
@pytest.mark.parametrize("specification", [SPECIFICATION, MINIMIZED], ids=["list", "minimized"])
def test_what_a_restore_lost_is_drawn_again_alike(tmp_path, specification):
    """A copy from before: the ledger's lines are taken up, those past the list drawn again."""
    open_vault(tmp_path / "v", specification).close()
    shutil.copytree(tmp_path / "v", tmp_path / "before")
    vault, lines, strata = LocalVault(tmp_path / "v"), [], specification.strata
    made = clients_of(vault, tmp_path / "v")
    for k in range(24):
        stratum = strata[k % 2 if len(strata) > 1 else 0]
        number = made.assign.assign(f"p{k:02}", stratum=stratum, proof="p")
        lines.append(Line(participant=f"p{k:02}", number=number, proof="p", stratum=stratum))
    arms = {line.number: made.nature.nature(line.number) for line in lines}
    vault.close()
    vault = LocalVault(tmp_path / "before")
    made = clients_of(vault, tmp_path / "before")
    wrong = [*lines[:-1], msgspec.structs.replace(lines[-1], number="R-999")]
    with pytest.raises(Refused) as caught:
        made.assign.compare(wrong)
    assert codes(caught.value.problems) == ["EQ-V047"]
    assert made.anyone.verify().n_assigned == 0
    assert len(made.assign.compare(lines).taken_up) == 24
    assert {n: made.nature.nature(n) for n in arms} == arms
    assert made.anyone.verify().ok
    vault.close()


@pytest.mark.requirement("F13", "F21")
@pytest.mark.parametrize("specification", [SPECIFICATION, MINIMIZED], ids=["list", "minimized"])
def test_a_new_key_changes_no_length(tmp_path, specification):
    """Sealed anew before and after entries were drawn: all pieces look alike, all replays."""
    open_vault(tmp_path, specification).close()
    for k in range(2):
        at = datetime(2026, 1, 5, k, tzinfo=UTC)
        rotate_key(tmp_path, by="keeper", reason="yearly", at=at)
        vault = LocalVault(tmp_path)
        made = clients_of(vault, tmp_path)
        for n in range(20):
            stratum = specification.strata[0]
            made.assign.assign(f"p{k}-{n}", stratum=stratum, proof="p")
        rows = vault._connection.execute("SELECT length(sealed) FROM vault_slot")
        assert len({n for (n,) in rows}) == 1
        assert made.anyone.verify().ok
        vault.close()


def test_a_vault_of_the_first_version_gets_a_new_key(tmp_path):
    """With the guards that its file has."""
    old_vault(tmp_path / "v")
    rotate_key(tmp_path / "v", by="k", reason="r", at=datetime(2027, 1, 5, tzinfo=UTC))
    vault = LocalVault(tmp_path / "v")
    assert VaultClient(vault).verify().problems == ()
    vault.close()
