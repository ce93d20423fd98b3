"""`equipoise packets`: print, again, enter, list; and how each refuses."""

import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import Result

from equipoise.cli.rehearsing import running_vault
from equipoise.cli.trials import running_trial
from equipoise.conduct import record_packets
from equipoise.vault import VaultClient, read_token
from equipoise.vault.packets.messages import PacketRow

from .conftest import STUDY, Rehearsed, answer_of, codes, run


class Desk(NamedTuple):
    """A rehearsed trial with its vault running."""

    store: Path
    vault: Path
    socket: Path
    out: Path

    def printing(
        self, *words: object, by: str = "unblinded_statistician", site: str = "01"
    ) -> Result:
        return run(
            *("packets", "print", STUDY, "--store", self.store, "--vault", self.socket),
            *("--token", self.vault / "packets.token", "--site", site, "--by", by),
            *("--reason", "For an outage", *words),
        )

    def entering(self, scanned: str, participant: str, at: str = "2026-11-29T21:05") -> Result:
        return run(
            *("packets", "enter", STUDY, "--store", self.store, "--vault", self.socket),
            *("--token", self.vault / "assign.token", "--participant", participant),
            *("--scanned", scanned, "--opened-at", at, "--opened-by", "investigator"),
            *("--by", "coordinator", "--reason", "Outage", "--as-it-is"),
        )


def refusal(result: Result) -> set[str]:
    assert result.exit_code == 2, result.output
    return set(codes(result))


@pytest.fixture
def desk(rehearsed: Rehearsed, tmp_path: Path) -> Iterator[Desk]:
    store, vault = tmp_path / "trial.db", tmp_path / "trial.vault"
    shutil.copy(rehearsed.store, store)
    shutil.copytree(rehearsed.vault, vault, ignore=shutil.ignore_patterns("*.sock"))
    with running_vault(vault) as process:
        yield Desk(store, vault, process.socket_path, tmp_path / "out")


@pytest.mark.requirement("C55", "F37")
def test_packets_are_printed_and_printed_again(desk: Desk) -> None:
    """The same bytes again, for a loss before they were in their envelopes; never written over."""
    done = desk.printing("-n", 2, "-o", desk.out)
    assert done.exit_code == 0, done.output
    assert "Batch 1: 4 packets for site 01." in done.output
    again = desk.printing("--batch", 1, "-o", desk.out / "again")
    assert again.exit_code == 0, again.output

    names = ["B1-site-01.pdf", "C1-site-01.pdf", "P1-site-01.pdf"]
    assert sorted(f.name for f in desk.out.glob("*.pdf")) == names
    for name in names:
        assert (desk.out / name).read_bytes() == (desk.out / "again" / name).read_bytes()
        assert (desk.out / name).stat().st_mode & 0o777 == 0o600
    assert refusal(desk.printing("--batch", 1, "-o", desk.out)) == {"EQ-X002"}
    given = desk.printing("-o", desk.out, "--language", "fr")
    assert given.exit_code == 0, given.output
    assert (desk.out / "B2-site-01.pdf").is_file()
    assert refusal(desk.printing("-o", desk.out)) == {"EQ-V150"}
    state = running_trial(desk.store, read_only=True).state
    assert {p.batch for p in state.packets.values()} == {1, 2}
    status = run("vault", "status", desk.socket, "--store", desk.store)
    assert "EQ-C135" in status.output and "P1-01, P1-02" in status.output
    rows = answer_of(run("packets", "list", "--store", desk.store, "--json"))["packets"]
    assert [r["packet"] for r in rows[:4]] == ["P1-01", "P1-02", "B1-01", "B1-02"]
    assert {r["stands"] for r in rows} == {"out"}
    listed = run("packets", "list", "--store", desk.store)
    assert listed.exit_code == 0 and "P1-01" in listed.output


def test_what_is_not_printed(desk: Desk, tmp_path: Path) -> None:
    """By somebody blinded, for no site, into what is no folder, without the token for it."""
    out = ("-n", 1, "-o", desk.out)
    for by in ("coordinator", "nobody"):
        assert refusal(desk.printing(*out, by=by)) == {"EQ-C136"}
    assert refusal(desk.printing(*out, site="77")) == {"EQ-V154"}
    assert refusal(desk.printing("-n", 1, "-o", "/proc/none")) != set()
    assert VaultClient(desk.socket, read_token(desk.vault, "assign")).packets() == ()


def test_a_vault_older_than_a_batch_prints_nothing(desk: Desk) -> None:
    """It was restored from a copy of before; a second batch of that name would be another one."""
    lost = PacketRow(
        packet="P7-01", batch=7, kind="randomization", site="01", stratum="", opens="",
        root="0" * 64, at=dt.datetime.now(dt.UTC),
    )  # fmt: skip
    trial = running_trial(desk.store)
    record_packets(trial, [lost], at=lost.at)
    trial.store.close()

    assert refusal(desk.printing("-n", 1, "-o", desk.out)) == {"EQ-V151"}


def test_an_opened_packet_is_entered_or_refused(desk: Desk) -> None:
    """The rehearsed trial is locked: nothing changes any more, and the command says so."""
    desk.printing("-n", 1, "-o", desk.out)
    client = VaultClient(desk.socket, read_token(desk.vault, "packets"))
    printed = client.print_packets("01", batch=1, by="test", reason="read it")
    sheet = f"{printed.packets[0].packet} {printed.packets[0].code}"
    now = dt.datetime.now(dt.UTC).isoformat(timespec="minutes")
    state = running_trial(desk.store, read_only=True).state
    waiting = next(
        p.code for p in state.participants.values() if p.site == "01" and not p.is_randomized
    )

    assert "EQ-C016" in refusal(desk.entering(sheet, waiting, at=now))
    assert refusal(desk.entering("P1-01 AAAA", waiting, at=now)) == {"EQ-V156"}
    wrong = desk.entering(sheet, waiting, at="yesterday")
    assert wrong.exit_code == 2 and "no date with a time" in wrong.output
