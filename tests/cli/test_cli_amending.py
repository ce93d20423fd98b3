"""A running trial that comes to randomize otherwise, by the commands alone."""

import datetime as dt
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from equipoise.cli.folders import load_checked
from equipoise.cli.rehearsing import running_vault
from equipoise.cli.trials import running_trial
from equipoise.conduct import (
    Person,
    RunningTrial,
    account_packet,
    enter_packet,
    open_trial,
    record_packets,
    record_training,
)
from equipoise.ledger import open_store
from equipoise.randomization import specify
from equipoise.study.load import load_study
from equipoise.study.roles import Role
from equipoise.vault import VaultClient, create_vault, read_token
from equipoise.vault.packets.messages import PacketRow
from tests.postgres import Server
from tests.unit.conduct.conftest import Clock
from tests.unit.conduct.test_amending import Amending, base, with_site
from tests.unit.conduct.test_packets import told_of

from .conftest import STUDY, Rehearsed, codes, refused, run

Edit = Callable[[str, str, str], int]
WHY = ("--reason", "amendment 2 of the protocol")


@pytest.fixture
def trial(unlocked: Rehearsed, tmp_path: Path) -> Rehearsed:
    """A copy of a trial in its first months."""
    store, vault = tmp_path / "trial.db", tmp_path / "trial.vault"
    shutil.copy(unlocked.store, store)
    shutil.copytree(unlocked.vault, vault)
    return Rehearsed(store, vault, {})


@pytest.fixture
def closing(folder: Path, edit: Edit) -> Path:
    """The study with its second arm closed, and blocks for the two that go on."""
    edit("study.yaml", "ratio: {decision: ratio, assume: [1, 1, 1]}", "ratio: [1, 0, 1]")
    edit("study.yaml", "blocks: {decision: blocks, assume: [9, 9]}", "blocks: [6, 6, 6]")
    return folder


def steps(trial: Rehearsed, new: Path, socket: Path) -> dict[str, tuple[object, ...]]:
    """The commands of an amendment, in their order."""
    of = ("--store", trial.store)
    in_force = ("--study", STUDY, *of)
    return {
        "request": ("amend", "request", new, *in_force, "--by", "statistician", *WHY),
        "confirm": ("amend", "confirm", new, *in_force, "--by", "safety_officer"),
        "vault": ("vault", "amend", trial.vault, new, *of, "--by", "keeper", *WHY),
        "apply": ("amend", "apply", new, *of, "--vault", socket),
    }


def done(words: tuple[object, ...]) -> str:
    result = run(*words)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.requirement("F34", "C69")
def test_four_commands_bring_an_amendment_into_force(
    trial: Rehearsed, closing: Path, tmp_path: Path
) -> None:
    """The old folder is refused from then on; the vault answers for both of its commitments."""
    ways = steps(trial, closing, Path())
    said = done(ways["request"])
    assert "randomization.ratio: [1,1,1] -> [1,0,1]" in said
    assert "A list of its own begins for: all participants" in said
    done(ways["confirm"])
    told = done(ways["vault"])
    assert done(ways["vault"]) == told  # asked again, it is the same part
    commitment = told.split()[4]
    with running_vault(trial.vault) as vault:
        in_force = done(steps(trial, closing, vault.socket_path)["apply"])
        assert commitment in in_force
        status = json.loads(done(("vault", "status", vault.socket_path, "--json")))
        assert (status["ok"], status["commitment"]) == (True, commitment)
        token = ("--token", trial.vault / "assign.token")
        done(("vault", "compare", vault.socket_path, "--store", trial.store, *token))
        log = done(
            ("vault", "log", vault.socket_path, "--token", trial.vault / "audit.token", "--json")
        )
        entry = next(e for e in json.loads(log)["entries"] if e["type"] == "Amended")
        assert json.loads(entry["body"])["asked"]["agreed"] == ["statistician", "safety_officer"]
        assigning = VaultClient(vault.socket_path, read_token(trial.vault, "assign"))
        nature = VaultClient(vault.socket_path, read_token(trial.vault, "nature"))
        numbers = [assigning.assign(f"p{k}", stratum="", proof="p") for k in range(12)]
        assert numbers[0] == "R2-001"
        assert len({nature.nature(n) for n in numbers}) == 2
    done(("ledger", "verify", "--store", trial.store))
    assert refused("export", STUDY, "--store", trial.store, "-o", tmp_path / "out") == ["EQ-C019"]
    done(("export", closing, "--store", trial.store, "-o", tmp_path / "out"))
    assert refused(*ways["vault"]) == ["EQ-C145"]
    check_archives(trial.store, closing, tmp_path)


def check_archives(store: Path, closing: Path, out: Path) -> None:
    """Both folders are in the archive, or it is said that one lacks: EQ-X940, never in silence."""
    words = ("ledger", "export", "--store", store, "--study", closing)
    assert refused(*words, "-o", out / "a.zip") == ["EQ-X940"]
    first = load_study(STUDY).study
    assert first is not None
    for name, more, n in (
        ("b", ("--lacking", first.digest), 1),
        ("c", ("--study", STUDY), 2),
    ):
        done((*words, *more, "-o", out / f"{name}.zip"))
        line = [sys.executable, "-I", str(out / f"{name}.zip")]
        checked = subprocess.run(line, capture_output=True, text=True, check=False)
        told = f"Study folders on record: 2, in this archive: {n}.\n"
        assert (checked.returncode, checked.stdout.endswith(told)) == (0, True), checked.stderr
        done(("ledger", "import", out / f"{name}.zip", "--store", out / f"{name}.db"))


@pytest.mark.requirement("F34", "F13")
def test_a_vault_in_a_database_is_amended_by_its_owner(
    closing: Path, tmp_path: Path, postgres_server: Server
) -> None:
    """The same commands, with the address of whoever owns its tables."""
    made, folder, study = postgres_server.create_schema(), tmp_path / "v", load_checked(STUDY)
    place, realm = ("--store", made.app, "--owner", made.owner), ("--realm", "rehearsal")
    done(("vault", folder, "--create", STUDY, *realm, *place))
    path, name = tmp_path / "trial.db", study.identity.study
    with running_vault(folder) as vault:
        people = [Person(role.value, role.value, role.value) for role in Role]
        store = open_store(path, study=name, realm="rehearsal", create=True)
        trial = RunningTrial(study, store, VaultClient(vault.socket_path))
        now = dt.datetime.now(dt.UTC)
        open_trial(trial, at=now, people=people)
        for training in study.identity.training:
            said = {"by": "administrator", "training": training, "on": now.date()}
            record_training(trial, at=now, person="safety_officer", **said)
        store.close()
    ways = steps(Rehearsed(path, folder, {}), closing, Path())
    done(ways["request"])
    done(ways["confirm"])
    assert refused(*ways["vault"]) == ["EQ-V199"]
    wrong = run(*ways["vault"], "--owner", folder / "vault.address")
    assert wrong.exit_code == 2 and "no postgresql:// address" in wrong.stderr
    told = done((*ways["vault"], "--owner", made.owner))
    assert done((*ways["vault"], "--owner", made.owner)) == told
    with running_vault(folder) as vault:
        in_force = done((*ways["apply"][:-1], vault.socket_path))
        assert told.split()[4] in in_force
        assigning = VaultClient(vault.socket_path, read_token(folder, "assign"))
        assert assigning.assign("01-001", stratum="", proof="p") == "R2-001"
        assert assigning.verify().ok


@pytest.mark.requirement("F34")
def test_each_step_wants_the_one_before(trial: Rehearsed, closing: Path) -> None:
    """Nobody agreed, one alone, the vault in use, the vault not amended: refused by name."""
    with running_vault(trial.vault) as vault:
        ways = steps(trial, closing, vault.socket_path)
        for step in ("confirm", "vault", "apply"):
            assert refused(*ways[step]) == ["EQ-C145"]
        done(ways["request"])
        assert refused(*ways["vault"]) == refused(*ways["apply"]) == ["EQ-C145"]
        done(ways["confirm"])
        assert refused(*ways["request"]) == ["EQ-C140"]
        printing = ("packets", "print", STUDY, "--store", trial.store, "--vault", vault.socket_path)
        printing += ("--token", trial.vault / "packets.token", "--by", "unblinded_statistician")
        printing += ("--site", "01", "--reason", "For an outage", "-o", trial.store.parent / "out")
        assert refused(*printing, "-n", 1) == ["EQ-C140"]
        done(printing)  # what breaks a code is needed in every outage
        assert refused(*ways["vault"]) == ["EQ-V018"]
        assert refused(*ways["apply"]) == ["EQ-V145"]
    done(ways["vault"])


@pytest.mark.requirement("F34", "F37")
def test_the_vault_is_amended_once_no_paper_is_out(trial: Rehearsed, closing: Path) -> None:
    """Packets of which the ledger learned after the agreement are accounted for first."""
    ways = steps(trial, closing, Path())
    done(ways["request"])
    done(ways["confirm"])
    row = PacketRow(
        packet="P7-01", batch=7, kind="randomization", site="01", stratum="", opens="",
        root="0" * 64, at=datetime.now(UTC),
    )  # fmt: skip
    running = running_trial(trial.store)
    record_packets(running, [row], at=row.at)
    assert refused(*ways["vault"]) == ["EQ-C137"]
    gone = {"packet": "P7-01", "became": "destroyed", "on": row.at.date(), "reason": "Counted"}
    account_packet(running, by="monitor", at=datetime.now(UTC), **gone)
    running.store.close()
    done(ways["vault"])


@pytest.mark.requirement("F34", "F30")
@pytest.mark.parametrize("folder_of", ["old", "new"])
def test_between_vault_and_ledger_only_the_code_break_opens(
    trial: Rehearsed, closing: Path, folder_of: str
) -> None:
    """The site door says what is missing; the emergency door is asked no more than before."""
    from equipoise.cli.folders import kept_beside, load_checked
    from equipoise.cli.serving import check_roster, check_trial, roster_beside
    from equipoise.cli.trials import running_trial
    from equipoise.problems import Refused
    from equipoise.web.standby.roster import roster_of, write_roster

    study = load_checked(STUDY)
    state = running_trial(trial.store, study=study, read_only=True)
    roster = roster_beside(kept_beside(trial.store))
    write_roster(roster, roster_of(state, at=state.state.seals[-1].stamp.at))
    ways = steps(trial, closing, Path())
    for step in ("request", "confirm", "vault"):
        done(ways[step])
    with running_vault(trial.vault) as vault:
        with pytest.raises(Refused) as caught:
            check_trial(state, socket=vault.socket_path)
        assert {p.code for p in caught.value.problems} == {"EQ-C140", "EQ-V145", "EQ-V015"}
        given = study if folder_of == "old" else load_checked(closing)
        check_roster(given, VaultClient(vault.socket_path), path=roster, store=trial.store)


def begun(tmp_path: Path) -> Amending:
    """A small trial of which one participant is randomized; its ledger and its vault."""
    study = base()
    told = specify(study.identity, study.identity.randomization)
    contents = {name: arm.gives for name, arm in study.identity.arms.items()}
    create_vault(tmp_path / "v", told, contents=contents, realm="rehearsal")
    store = open_store(tmp_path / "trial.db", study="small", realm="rehearsal", create=True)
    course = Amending(RunningTrial(study, store), Clock(), tmp_path / "v")
    people = [Person(role.value, role.value, role.value) for role in Role]
    open_trial(course.trial, at=course.clock(), people=people)
    course.randomized_as("01", 10)
    return course


def opened_list(course: Amending, tmp_path: Path) -> Path:
    """The list as the vault opens it; then vault and ledger are closed."""
    unblinding = VaultClient(course.vault, read_token(tmp_path / "v", "unblind"))
    opened = unblinding.disclose(by="dr", reason="r", agreed=("a", "b"), populations="p")
    course.stop()
    course.trial.store.close()
    output = tmp_path / "opened.json"
    output.write_bytes(msgspec.json.encode(opened))
    return output


@pytest.mark.requirement("C69")
def test_one_allocation_is_said_as_one(tmp_path: Path) -> None:
    output = opened_list(begun(tmp_path), tmp_path)
    said = done(("vault", "audit", output, "--store", tmp_path / "trial.db"))
    assert said.splitlines()[-1] == "1 allocation is that of the ledger, drawn again alike."


@pytest.mark.requirement("F34", "C69", "F09")
def test_an_auditor_draws_both_parts_again(tmp_path: Path) -> None:
    """At each site before and after, one by packet; proofs lead to the commitment of their part."""
    course = begun(tmp_path)
    course.clock.at = datetime.now(UTC)
    why = {"by": "unblinded_statistician", "reason": "For an outage"}
    printed = course.packets().print_packets("01", n=1, stratum="01/mild", **why)
    told_of_it = told_of(printed, "P1-01", course.eligible_as("01", 10), course.clock)
    enter_packet(course.trial, told_of_it, at=course.clock())
    course.amend(with_site(base()))
    for site in ("01", "03"):
        course.randomized_as(site, 10)
    opened = opened_list(course, tmp_path)
    of = ("--store", tmp_path / "trial.db")
    said = done(("vault", "audit", opened, *of))
    assert "4 allocations are those of the ledger" in said
    for number, is_in in (("R-001", 0), ("R2-005", 0), ("R2-005", 1)):
        proof = tmp_path / f"{number}-{is_in}.json"
        done(("vault", "prove", opened, number, "-o", proof))
        if is_in:
            told_otherwise = (
                proof.read_text().replace('"alpha"', '"x"').replace('"omega"', '"alpha"')
            )
            proof.write_text(told_otherwise.replace('"x"', '"omega"'))
        assert run("vault", "audit", proof, *of).exit_code == is_in
    # The ledger of which the amendment is gone: then the second part was published too late.
    early = json.loads(opened.read_text())["used"][-1]["at"]
    with sqlite3.connect(tmp_path / "trial.db") as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("UPDATE ledger_entry SET at = ? WHERE type = 'StudyAmended'", (early,))
    late = run("vault", "audit", opened, *of)
    assert codes(late) == ["EQ-V139"]
