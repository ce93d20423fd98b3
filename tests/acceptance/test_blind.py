"""The blind, byte by byte: canary words in the place of arms and products, searched everywhere.

The study folder itself is not searched: that there is a placebo arm is public. Which participant
has it is not, and no file, page, log or backup of the blinded side holds a word of it.
"""

import base64
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from equipoise.cli.demonstrating import find_ports, make_accounts, wait_until_ready
from equipoise.cli.folders import load_checked
from equipoise.cli.rehearsing import rehearse_into, running_vault
from equipoise.study.roles import UNBLINDED_ROLES, Role
from equipoise.study.study import Study
from equipoise.vault import VaultClient, read_token

from .conftest import FOLDER
from .crawling import crawl

ARMS = {"two_infusions": "zqxarmtwo", "one_infusion": "zqxarmone", "placebo": "zqxarmnone"}
PRODUCTS = {"cells": "zqxcells", "placebo": "zqxsham"}
LABELS = {
    "Two infusions of cells": "zqxarmtwo label",
    "One infusion of cells": "zqxarmone label",
    "{en: Placebo, fr: Placebo}": "{en: zqxarmnone, fr: zqxarmnone}",
    "Allogeneic adipose mesenchymal": "zqxcells mesenchymal",
    "Placebo (the same": "zqxsham (the same",
}
RUN = [sys.executable, "-c", "import sys; from equipoise.cli import main; sys.exit(main())"]
N_PAGES_A_ROLE = 30


class Canary(NamedTuple):
    """A rehearsed trial whose arms have other names."""

    folder: Path
    study: Study
    blinded: Path
    vault: Path


def hidden(word: str) -> set[bytes]:
    """A word as it might hide: plain, reversed, hex, base64 in each alignment, UTF-16."""
    raw = word.encode()
    shifted = (base64.b64encode(b"." * k + raw)[4 * (k > 0) : -4] for k in range(3))
    wide = (word.encode("utf-16-le"), word.encode("utf-16-be"))
    return {raw, raw[::-1], raw.hex().encode(), *shifted, *wide}


WORDS = {w for name in (*ARMS.values(), *PRODUCTS.values()) for w in hidden(name)}


def hits(data: bytes) -> set[bytes]:
    low = data.lower()
    return {w for w in WORDS if w in data or w in low}


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canary]:
    root = tmp_path_factory.mktemp("canary")
    folder, blinded = root / "study", root / "blinded"
    shutil.copytree(FOLDER, folder)
    for name in ("study.yaml", "treatments.yaml", "rehearsal.yaml"):
        text = (folder / name).read_text()
        for old, new in LABELS.items():
            text = text.replace(old, new)
        for old, new in (ARMS if name == "study.yaml" else PRODUCTS).items():
            text = text.replace(f"  {old}:\n", f"  {new}:\n")
        for old, new in PRODUCTS.items():
            text = re.sub(rf"(M\d: ){old}\b", rf"\g<1>{new}", text)
            text = re.sub(rf"\b{old}: (?=[-0-9])", f"{new}: ", text)
        (folder / name).write_text(text)
    study = load_checked(folder)
    assert set(study.identity.arms) == set(ARMS.values())
    assert set(study.treatments.products) == set(PRODUCTS.values())
    rehearse_into(study, blinded / "trial.db", seed=11)
    make_accounts(study, blinded / "trial.db")
    vault = root / "vault"
    (blinded / "trial.vault").rename(vault)
    yield Canary(folder, study, blinded, vault)


@pytest.mark.requirement("C65", "F13")
def test_the_vault_tells_the_words_to_whom_it_may(canary: Canary) -> None:
    """The words are real, six of each: a leak would be found."""
    with running_vault(canary.vault) as process:
        client = VaultClient(process.socket_path, read_token(canary.vault, "unblind"))
        listed = client.open_list(by="t", reason="test")
    given = [a.arm for a in listed if a.participant]

    assert sorted(given) == sorted([*ARMS.values()] * 6)
    assert len(hits(" ".join(given).encode())) == 3


@pytest.mark.requirement("C65", "C66", "F13", "F26", "F39")
def test_no_file_of_the_blinded_side_holds_a_word(canary: Canary) -> None:
    """The store and its journal, accounts, keys; an online backup; tables, archive, statistics."""
    store = canary.blinded / "trial.db"
    backup = canary.blinded / "backup.db"
    with sqlite3.connect(store) as source, sqlite3.connect(backup) as target:
        source.backup(target)
    at = ["--store", str(store)]
    archive, tables = canary.blinded / "trial.zip", canary.blinded / "tables"
    for command in (
        ["ledger", "export", *at, "-o", str(archive)],
        ["ledger", "export", *at, "-o", str(canary.blinded / "site.zip"), "--site", "01"],
        ["ledger", "backup", *at, "-o", str(canary.blinded / "copy.db")],
        ["export", str(canary.folder), *at, "-o", str(tables)],
    ):
        subprocess.run([*RUN, *command], check=True, capture_output=True, timeout=120)
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(canary.blinded / "unpacked")
    files = [p for p in canary.blinded.rglob("*") if p.is_file()]

    assert len(files) > 20
    assert {p.name: found for p in files if (found := hits(p.read_bytes()))} == {}


@pytest.mark.requirement("C07", "C65", "C66", "F13", "F14", "F26", "F27")
@pytest.mark.timeout(600)
def test_no_page_header_address_or_log_of_the_site_door_holds_a_word(
    canary: Canary, tmp_path: Path
) -> None:
    """The real server, asked as every blinded role, wrong addresses and nonsense among it."""
    log, port = tmp_path / "server.log", find_ports(24_000 + os.getpid() % 10_000)
    site = f"http://127.0.0.1:{port}"
    with running_vault(canary.vault) as process, log.open("wb") as written:
        command = ["serve", str(canary.folder), "--store", str(canary.blinded / "trial.db")]
        command += ["--vault", str(process.socket_path), "--port", str(port)]
        command += ["--token", str(canary.vault / "assign.token")]
        server = subprocess.Popen([*RUN, *command], stdout=written, stderr=subprocess.STDOUT)
        try:
            wait_until_ready(f"{site}/sign-in/", server)
            seen = {
                role: crawl(site, role.value, n_pages=N_PAGES_A_ROLE)
                for role in Role
                if role not in UNBLINDED_ROLES
            }
        finally:
            server.terminate()
            server.wait(timeout=30)

    answers = [(role, path, a) for role, pages in seen.items() for path, a in pages.items()]
    assert min(map(len, seen.values())) >= 5
    assert len(answers) > 150
    assert [(role, path) for role, path, a in answers if hits(a.everything)] == []
    assert hits(log.read_bytes()) == set()
