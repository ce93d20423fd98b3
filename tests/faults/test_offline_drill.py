"""The drill: all is stopped, packets are opened, all comes back, what was done is entered.

Real processes throughout: the vault's, a site door's, and the commands, which read what a scanner
of others read from the printed sheets.
"""

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import pypdfium2
import pytest
import zxingcpp
from django.utils import timezone

from equipoise.cli.folders import load_checked
from equipoise.conduct import (
    SIGNERS,
    RunningTrial,
    accept_accountability,
    declare_supply,
    list_packets,
    list_unblindings,
    open_trial,
    randomize_participant,
)
from equipoise.ledger import open_store, verify
from equipoise.rehearsal import prepare_rehearsal_vault
from equipoise.study.roles import Role
from equipoise.vault import VaultClient, VaultProcess, read_token, start_vault
from tests.web import course
from tests.web.conftest import FOLDER, OPENED_AT, PASSWORD, PEOPLE, name_of

from .test_doors_on_postgres import PREPARE, PROGRAM, Browser, answers, end, free_port, wait_for

COORDINATOR, INVESTIGATOR = name_of(Role.COORDINATOR), name_of(Role.INVESTIGATOR)
REASON = "Power cut from 13:40 on"


class Place(NamedTuple):
    """Where the trial is."""

    folder: Path
    store: Path
    vault: Path
    socket: Path

    def run(self, *words: object) -> "subprocess.CompletedProcess[str]":
        command = [str(w) for w in (PROGRAM, "packets", *words)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    def enter(self, scanned: str, participant: str, at: dt.datetime) -> tuple[str, ...]:
        return (
            *("enter", str(FOLDER), "--store", str(self.store), "--vault", str(self.socket)),
            *("--token", str(self.vault / "assign.token"), "--participant", participant),
            *("--scanned", scanned, "--opened-at", at.isoformat(), "--opened-by", INVESTIGATOR),
            *("--by", COORDINATOR, "--reason", REASON),
        )


@contextmanager
def running(place: Place) -> Iterator[tuple[VaultProcess, Browser]]:
    """The vault and a site door, and somebody who is logged in."""
    port = free_port()
    with ExitStack() as stack:
        vault = stack.enter_context(start_vault(place.vault, socket_path=place.socket))
        words = ["serve", FOLDER, "--store", place.store, "--port", port]
        words += ["--vault", place.socket, "--token", place.vault / "assign.token"]
        log = stack.enter_context((place.folder / "log").open("a"))
        server = subprocess.Popen([PROGRAM, *map(str, words)], stderr=log, stdout=log)
        stack.callback(end, server)
        wait_for(lambda: answers(port))
        browser = Browser(port)
        browser.sign_in()
        yield vault, browser


@pytest.fixture
def place(tmp_path: Path) -> tuple[Place, list[str]]:
    """The first study with five people who may be randomized, one of whom is."""
    study = load_checked(FOLDER)
    place = Place(tmp_path, tmp_path / "trial.db", tmp_path / "trial.vault", tmp_path / "v.sock")
    prepare_rehearsal_vault(study, place.vault, seed=5)
    passwords = json.dumps({person.person: PASSWORD for person in PEOPLE})
    accounts = str(tmp_path / "trial.accounts.db")
    with (
        start_vault(place.vault, socket_path=place.socket),
        closing(
            open_store(place.store, study=study.identity.study, realm="rehearsal", create=True)
        ) as store,
    ):
        assigning = VaultClient(place.socket, read_token(place.vault, "assign"))
        trial = RunningTrial(study, store, assigning)
        with store.batch():
            open_trial(trial, at=OPENED_AT, people=PEOPLE)
            for role in SIGNERS:
                at = {"at": OPENED_AT, "statement": "It binds me"}
                accept_accountability(trial, by=name_of(role), **at)
            until = OPENED_AT.date() + dt.timedelta(days=3650)
            unit = name_of(Role.CELL_UNIT)
            declare_supply(trial, by=unit, at=OPENED_AT, places=18, until_on=until)
            codes = [course.eligible(trial) for _ in range(5)]
            now, today = course.now(), course.TODAY
            randomize_participant(trial, by=COORDINATOR, at=now, participant=codes[0], on=today)
    subprocess.run([sys.executable, "-c", PREPARE, accounts, passwords], check=True)
    return place, codes


def scanned(pdf: Path) -> list[str]:
    """What the symbols of the inner sheets say, in order."""
    with pypdfium2.PdfDocument(pdf) as document:
        inner = [document[k].render(scale=3).to_pil() for k in range(1, len(document), 2)]
    return [zxingcpp.read_barcodes(page)[0].text for page in inner]


def typed(sheet: str, participant: str, at: dt.datetime) -> dict[str, str]:
    here = timezone.localtime(at)
    return {
        "scanned": sheet,
        "participant": participant,
        **{"on.day": f"{here.day}", "on.month": f"{here.month}", "on.year": f"{here.year}"},
        "opened": f"{here:%H:%M}",
        "opened_by": INVESTIGATOR,
        "reason": REASON,
        "as_it_is": "no",
    }


def print_and_stop(here: Place, waiting: str) -> None:
    """Packets are printed; then the vault is killed, and nobody is randomized at the page."""
    at = ("--store", here.store, "--vault", here.socket, "--site", "01")
    with running(here) as (vault, browser):
        printing = ("print", FOLDER, *at, "--token", here.vault / "packets.token")
        printing += ("--by", name_of(Role.UNBLINDED_STATISTICIAN), "--reason", "For an outage")
        for more in (("-n", 3), ()):
            printed = here.run(*printing, *more, "-o", here.folder / "papers")
            assert printed.returncode == 0, printed.stderr
        vault.process.kill()  # as a power cut does
        vault.process.wait()
        assert "EQ-V017" in browser.post(f"/participants/{waiting}/randomize/").text


def enter_for_both(here: Place, sheet: str, codes: tuple[str, str], at: dt.datetime) -> list[str]:
    """Two people enter one sheet at once, for two participants: whose it became, then the other."""
    both = {
        code: subprocess.Popen(
            [PROGRAM, "packets", *here.enter(sheet, code, at)], stderr=subprocess.PIPE, text=True
        )
        for code in codes
    }
    said = {code: process.communicate(timeout=120)[1] for code, process in both.items()}
    done = sorted(both, key=lambda code: both[code].returncode)
    assert [both[code].returncode for code in done] == [0, 2], said
    assert "EQ-C131" in said[done[1]] or "EQ-V159" in said[done[1]]
    return done


def check_record(here: Place, numbers: dict[str, str], opened_at: dt.datetime) -> bytes:
    """Each number once, both times, the register, the count; and all that the ledger says."""
    with closing(open_store(here.store)) as store:
        state = RunningTrial(load_checked(FOLDER), store).state
        given = {code: p.number for code, p in state.participants.items()}
        assert len(set(given.values())) == len(given) == len(numbers)
        assert all(given[code].startswith(number) for code, number in numbers.items()), given
        uses = [u for p in state.participants.values() for u in p.packets.values()]
        assert {(u.opened_at, u.opened_by, u.stamp.by) for u in uses} == {
            (opened_at, INVESTIGATOR, COORDINATOR)
        }
        assert all(u.stamp.at > u.opened_at for u in uses)
        assert {u.broken_at for _, u in list_unblindings(state)} == {opened_at}
        stands = {x.packet.packet: x.stands for x in list_packets(state)}
        opened = [name for name, stand in stands.items() if stand == "opened"]
        assert opened == ["P1-01", "P1-02", "B1-01", "B2-01"]
        assert verify(store).ok
        return b" ".join(e.body or b"" for e in store.read())


@pytest.mark.requirement("C55", "D27", "F37", "F30")
@pytest.mark.timeout(300)
def test_the_whole_drill(place: tuple[Place, list[str]]) -> None:
    """Stop, open, come back, enter: no number twice, nothing lost, both times, no arm told."""
    here, (online, one, two, three, later) = place
    print_and_stop(here, one)
    papers = here.folder / "papers"
    sheets, breaks, known = (scanned(papers / f"{n}-site-01.pdf") for n in ("P1", "B1", "B2"))
    assert [s.split()[0] for s in sheets] == ["P1-01", "P1-02", "P1-03"]
    opened_at = dt.datetime.now(dt.UTC).replace(second=0, microsecond=0)

    with running(here) as (_, browser):
        first, other = enter_for_both(here, sheets[0], (one, three), opened_at)
        done = browser.post("/packets/enter/", **typed(sheets[1], two, opened_at))
        assert (done.status, done.location) == (302, "/packets/")
        for sheet, who in ((sheets[0], first), (breaks[0], first), (known[0], online)):
            entered = here.run(*here.enter(sheet, who, opened_at))
            assert entered.returncode == 0, entered.stderr
        forged = here.run(*here.enter("P1-03 ABCD-EFGH-IJKL-MNOP", other, opened_at))
        assert "EQ-V156" in forged.stderr
        browser.post(f"/participants/{later}/randomize/")
        page = browser.get("/packets/").text
        report = VaultClient(here.socket).verify()
        assert (report.problems, report.n_assigned) == ((), 4)
        listed = here.run("list", "--store", here.store)
        assert "EQ-C135" in listed.stderr and "P1-03" in listed.stderr

    numbers = {online: "R-001", first: "P-1", two: "P-1", other: "", later: "R-002"}
    written = check_record(here, numbers, opened_at)
    seen = written + (here.folder / "log").read_bytes() + page.encode()
    for name, arm in load_checked(FOLDER).identity.arms.items():
        assert arm.label.en.encode() not in seen
        assert f'"{name}"'.encode() not in seen
