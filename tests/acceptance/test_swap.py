"""The swap test: a whole rehearsal twice, with the arms exchanged, and nobody blinded can tell.

The two trials have the same virtual people, who react as if they had received the same: what is
different is the sealed list alone. So every difference on the blinded side would be a leak of the
software, whatever it is made of: an order, a length, a word, a message.
"""

import datetime as dt
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from equipoise.cli.demonstrating import find_ports, make_accounts, wait_until_ready
from equipoise.cli.rehearsing import running_vault, vault_beside
from equipoise.conduct import RunningTrial, record_packets
from equipoise.ledger import Entry, open_store
from equipoise.rehearsal import nature_from, rehearse, vault_contents
from equipoise.study.roles import UNBLINDED_ROLES, Role
from equipoise.study.study import Study
from equipoise.vault import Capability, VaultClient, create_vault, read_token

from ..progress import without_progress
from .conftest import AGREED, FOLDER
from .crawling import crawl, list_visits

RUN = [sys.executable, "-c", "import sys; from equipoise.cli import main; sys.exit(main())"]
ROLES = [r for r in Role if r not in UNBLINDED_ROLES]
N_PAGES = 60 if os.environ.get("EQUIPOISE_NIGHTLY") else 6
SEED = 29
START = dt.date(2026, 1, 5)
PRINTED_AT = dt.datetime(2030, 1, 5, tzinfo=dt.UTC)


class Twin(NamedTuple):
    """One of the two trials: its ledger, its vault, and the arm of each number."""

    store: Path
    vault: Path
    arms: dict[str, str]


@pytest.fixture(scope="module")
def twins(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Twin, Twin]]:
    root = tmp_path_factory.mktemp("swap")
    first = rehearsed(study, root / "first" / "trial.db")
    second = rehearsed(study, root / "second" / "trial.db", is_exchanged=True, bodies=first)
    yield first, second


def rehearsed(
    study: Study, store: Path, *, is_exchanged: bool = False, bodies: Twin | None = None
) -> Twin:
    """A whole trial. With `is_exchanged` the first arm has the places of the last one, and back;
    `bodies` names the trial after whose list the virtual bodies react."""
    made = vault_contents(study)
    specification = made.specification
    if is_exchanged:
        assert len(set(specification.ratio)) == 1, "arms of unequal size cannot be exchanged"
        specification = replace(specification, arms=tuple(reversed(specification.arms)))
    vault, name = vault_beside(store), study.identity.study
    store.parent.mkdir()
    create_vault(
        vault, specification, contents=made.contents, realm="rehearsal", seed=bytes([SEED] * 32)
    )
    with running_vault(vault) as process, ExitStack() as opened:

        def client(capability: Capability) -> VaultClient:
            return VaultClient(process.socket_path, read_token(vault, capability))

        nature = contents = nature_from(study, client("nature"))
        if bodies is not None:
            arms, theirs = study.identity.arms, bodies.arms
            nature = lambda number, at: arms[theirs[number]].gives.get(at, "")  # noqa: E731
        ledger = open_store(store, study=name, realm="rehearsal", create=True)
        opened.callback(ledger.close)
        beside = open_store(vault / "cells.db", study=name, realm="rehearsal", create=True)
        opened.callback(beside.close)
        rehearse(
            study,
            store=ledger,
            cells=beside,
            contents=contents,
            vault=client("assign"),
            nature=nature,
            seed=SEED,
            start=START,
        )
        client("packets").print_packets("01", n=9, by="test", reason="swap test")
        rows = [replace(r, at=PRINTED_AT) for r in client("packets").packets()]
        record_packets(RunningTrial(study, ledger), rows, at=PRINTED_AT)
        listed = client("unblind").open_list(by="test", reason="swap test", **AGREED)
    make_accounts(study, store)
    return Twin(store, vault, {a.number: a.arm for a in listed if a.participant})


def blurred(text: str) -> str:
    """Without what chance and the clock alone decide: identifiers, digests, tokens, times."""
    text = re.sub(r'(name="csrfmiddlewaretoken" value=")\w+', r"\1…", without_progress(text))
    text = re.sub(r"((?:csrf|sessionid|equipoise_\w+)=)[\w-]+", r"\1…", text)
    text = re.sub(r"\b[0-9a-f]{12,}\b", "…", text)
    text = re.sub(r"\b\d\d:\d\d(:\d\d)?( GMT)?\b|\d{4}-\d\d-\d\dT[\d:.]+Z", "…", text)
    return re.sub(r"(?i)(127\.0\.0\.1|localhost):\d+", "…", text)


def entries_of(twin: Twin, place: Path | None = None) -> list[tuple[object, ...]]:
    with closing(open_store(place or twin.store, read_only=True)) as ledger:
        return [
            (e.chain, e.seq, e.stream, e.version, e.type, e.at, e.by, e.role, e.reason, told(e))
            for e in ledger.read()
        ]


def told(entry: Entry) -> str:
    """The body but for digests. Its instants stay: until when a bag may be given told the arm."""
    return re.sub(r"\b[0-9a-f]{12,}\b", "…", (entry.body or b"").decode())


def test_the_arms_are_exchanged(twins: tuple[Twin, Twin]) -> None:
    """The test can fail: most participants have another arm in the second trial."""
    first, second = twins
    moved = [n for n in first.arms if first.arms[n] != second.arms[n]]

    assert first.arms.keys() == second.arms.keys()
    assert len(first.arms) == 18
    assert len(moved) == 12


@pytest.mark.requirement("F22", "F28")
def test_the_cell_units_did_other_work(twins: tuple[Twin, Twin]) -> None:
    """What is exchanged reaches the bags: other products, other numbers of bags were thawed."""
    first, second = (entries_of(t, t.vault / "cells.db") for t in twins)
    made = [[e for e in entries if e[4] == "PreparationMade"] for entries in (first, second)]

    assert len(made[0]) == len(made[1]) > 30
    assert made[0] != made[1]
    assert len(first) != len(second)


@pytest.mark.requirement("C65", "D16", "F20", "F26", "F28")
def test_the_ledgers_are_the_same(twins: tuple[Twin, Twin]) -> None:
    """Every entry of a whole trial, in its order, at its instant, with every word of its body."""
    first, second = (entries_of(t) for t in twins)

    assert len(first) > 1000
    assert first == second


@pytest.mark.requirement("C66", "F26", "F32")
def test_exports_archives_and_the_blinded_report_are_the_same(
    twins: tuple[Twin, Twin], tmp_path: Path
) -> None:
    """Tables, statistics, the archive's pieces with their lengths, the report, command output."""
    first, second = (everything_exported(t, tmp_path / f"{n}") for n, t in enumerate(twins))

    assert len(first) > 20
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def everything_exported(twin: Twin, out: Path) -> dict[str, str]:
    out.mkdir()
    folder, at = str(FOLDER), ["--store", str(twin.store)]
    commands = {
        "tables": ["export", folder, *at, "-o", str(out / "tables")],
        "report": ["report", folder, *at, "-o", str(out / "report.html")],
        "archive": ["ledger", "export", *at, "-o", str(out / "trial.zip")],
        "verify": ["ledger", "verify", *at],
        "late": ["ledger", "late", folder, *at],
    }
    found = {}
    for name, command in commands.items():
        ran = subprocess.run([*RUN, *command], capture_output=True, timeout=120, check=True)
        found[f"output of {name}"] = blurred(ran.stdout.decode() + ran.stderr.decode())
    with zipfile.ZipFile(out / "trial.zip") as archive:
        archive.extractall(out / "archive")
    (out / "trial.zip").unlink()
    for path in sorted(p for p in out.rglob("*") if p.is_file()):
        name = blurred(str(path.relative_to(out)))
        found[name] = blurred(path.read_bytes().decode("utf-8", "replace"))
    return {n: text.replace(str(out), "").replace(str(twin.store), "") for n, text in found.items()}


@pytest.mark.requirement("C07", "C65", "C66", "F14", "F26", "F27")
@pytest.mark.timeout(600)
def test_pages_headers_and_the_log_are_the_same(twins: tuple[Twin, Twin], tmp_path: Path) -> None:
    """Every address of the door, in French and in English, what links lead to, and the log."""
    first, second = (served(t, tmp_path / f"{n}.log") for n, t in enumerate(twins))

    visits = {(r.value, f"{said} {path}") for r in ROLES for path, said in list_visits(r)}
    assert {p for _, p in visits} >= {f"fr {a}" for a in ("/", "/participants/01-001/eligibility/")}
    assert len(visits) > 200 and visits <= first.keys()
    assert first.keys() == second.keys()
    assert [address for address in first if first[address] != second[address]] == []


def served(twin: Twin, log: Path) -> dict[tuple[str, str], str]:
    port = find_ports(34_000 + os.getpid() % 10_000)
    site = f"http://127.0.0.1:{port}"
    with running_vault(twin.vault) as process, log.open("wb") as written:
        command = ["serve", str(FOLDER), "--store", str(twin.store), "--port", str(port)]
        command += ["--vault", str(process.socket_path)]
        command += ["--token", str(twin.vault / "assign.token")]
        server = subprocess.Popen([*RUN, *command], stdout=written, stderr=subprocess.STDOUT)
        try:
            wait_until_ready(f"{site}/sign-in/", server)
            answers = {
                r: crawl(site, r.value, n_pages=N_PAGES, visits=list_visits(r)) for r in ROLES
            }
        finally:
            server.terminate()
            server.wait(timeout=30)
    pages = {
        (role.value, blurred(address)): blurred(answer.everything.decode(errors="replace"))
        for role, seen in answers.items()
        for address, answer in seen.items()
    }
    return pages | {("server", "log"): blurred(log.read_text())}
