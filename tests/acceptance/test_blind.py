"""The blind, byte by byte: canary words in the place of arms and products, searched everywhere.

The study folder itself is not searched: that there is a placebo arm is public. Which participant
has it is not, and no file, page, log or backup of the blinded side holds a word of it.
"""

import base64
import contextlib
import io
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

import msgspec
import pytest

from equipoise.cli.demonstrating import find_ports, make_accounts, wait_until_ready
from equipoise.cli.folders import load_checked
from equipoise.cli.rehearsing import rehearse_into, running_vault
from equipoise.study.roles import UNBLINDED_ROLES, Role
from equipoise.study.study import Study
from equipoise.vault import VaultClient, read_token
from equipoise.vault.keeping.opening import open_files
from equipoise.vault.sealing import Slot

from .conftest import FOLDER
from .crawling import crawl, find_addresses, list_visits

ARMS = {"two_infusions": "zqxarmtwo", "one_infusion": "zqxarmone", "placebo": "zqxarmnone"}
PRODUCTS = {"cells": "zqxcellsinbags", "placebo": "zqxshaminbags"}
LABELS = {
    "Two infusions of cells": "zqxarmtwo label",
    "One infusion of cells": "zqxarmone label",
    "{en: Placebo, fr: Placebo}": "{en: zqxarmnone, fr: zqxarmnone}",
    "Allogeneic adipose mesenchymal": "zqxcellsinbags mesenchymal",
    "Placebo (the same": "zqxshaminbags (the same",
}
RUN = [sys.executable, "-c", "import sys; from equipoise.cli import main; sys.exit(main())"]
N_PAGES_A_ROLE = 12
COPIES = ("/ledger/copy/01/",)
"""What the investigator of a site takes out of the site door as a file."""


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
        listed = client.open_list(by="t", reason="test", agreed=("a", "b"), populations="d")
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
    """The real server, asked as every blinded role, every address that it has, in both languages,
    wrong addresses and nonsense among it."""
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
                role: crawl(
                    site,
                    role.value,
                    n_pages=N_PAGES_A_ROLE,
                    visits=list_visits(role),
                    posts=COPIES,
                )
                for role in Role
                if role not in UNBLINDED_ROLES
            }
        finally:
            server.terminate()
            server.wait(timeout=30)

    copies = [seen[Role.INVESTIGATOR][path] for path in COPIES]
    assert all(copy.body.startswith(b"PK") for copy in copies)
    members = [m for copy in copies for m in told_in(copy.body)]
    assert len(members) > 50 and [name for name, text in members if hits(text)] == []
    assert not any(hits(copy.head.encode()) for copy in copies)
    others = [seen[r][path] for r in seen if r != Role.INVESTIGATOR for path in COPIES]
    assert not any(answer.body[:2] == b"PK" for answer in others)
    answers = [(role, path, a) for role, pages in seen.items() for path, a in pages.items()]
    visited = {path.partition(" ")[2] for pages in seen.values() for path in pages}
    assert {address for address, _ in find_addresses().values()} <= visited
    answers = [x for x in answers if x[1] not in COPIES or x[0] != Role.INVESTIGATOR]
    assert len(answers) > 250
    assert [(role, path) for role, path, a in answers if hits(a.everything)] == []
    assert hits(log.read_bytes()) == set()


def told_in(archive: bytes) -> list[tuple[str, bytes]]:
    """The members of an archive, but for the study folder, in which anybody may read the arms."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        names = [n for n in opened.namelist() if not n.startswith("study/")]
        return [(name, opened.read(name)) for name in names]


def secrets_of(vault: Path) -> dict[str, bytes]:
    """What would open the blind: the key, the seed, each salt, and the tokens of others."""
    found = {f"{p.stem} token": p.read_bytes().strip() for p in vault.glob("*.token")}
    key = bytes.fromhex((vault / "vault.key").read_text())
    opened = open_files(vault)
    found |= {"key": key, "seed": opened.header.seed}
    rows = opened.store.connection.execute("SELECT number, sealed FROM vault_slot").fetchall()
    for number, sealed in rows:
        slot = msgspec.json.decode(opened.seals.open(number, sealed), type=Slot)
        found[f"salt of {number}"] = slot.salt
        found[f"sealed {number}"] = sealed
    opened.store.connection.close()
    return found


def forms_of(secret: bytes) -> set[bytes]:
    """A secret as it might stand in memory or a file."""
    return {secret, secret.hex().encode(), base64.b64encode(secret).rstrip(b"=")}


def memory_of(process: int) -> Iterator[bytes]:
    """All that a process and its children can read, as its administrator dumps it."""
    tree = [process]
    for pid in tree:
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):  # a thread that ended meanwhile
                tree += [int(c) for c in (task / "children").read_text().split()]
    for pid in tree:
        with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
            for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
                span, rights, *_, last = line.split()
                if "r" not in rights or last in ("[vvar]", "[vsyscall]"):
                    continue
                start, end = (int(x, 16) for x in span.split("-"))
                memory.seek(start)
                with contextlib.suppress(OSError):
                    yield memory.read(end - start)


@pytest.mark.requirement("C65", "F13")
@pytest.mark.timeout(600)
def test_the_blinded_server_s_disk_and_memory_open_nothing(canary: Canary, tmp_path: Path) -> None:
    """Its administrator at rest, with all of both: no key, seed, salt or list, no other's token.

    The search is no idle one: the token that this door does hold is found.
    """
    secrets = secrets_of(canary.vault)
    own = secrets.pop("assign token")
    log, port = tmp_path / "server.log", find_ports(35_000 + os.getpid() % 5_000)
    site = f"http://127.0.0.1:{port}"
    with running_vault(canary.vault) as process, log.open("wb") as written:
        command = ["serve", str(canary.folder), "--store", str(canary.blinded / "trial.db")]
        command += ["--vault", str(process.socket_path), "--port", str(port)]
        command += ["--token", str(canary.vault / "assign.token")]
        server = subprocess.Popen([*RUN, *command], stdout=written, stderr=subprocess.STDOUT)
        try:
            wait_until_ready(f"{site}/sign-in/", server)
            for role in (Role.INVESTIGATOR, Role.SAFETY_OFFICER):
                crawl(site, role.value, n_pages=15)
            dump = tmp_path / "dump"
            with dump.open("wb") as kept:
                for part in memory_of(server.pid):
                    kept.write(part)
        finally:
            server.terminate()
            server.wait(timeout=30)
    blobs = {"memory": dump.read_bytes()}
    blobs |= {p.name: p.read_bytes() for p in canary.blinded.rglob("*") if p.is_file()}

    assert len(blobs["memory"]) > 50_000_000
    assert own in blobs["memory"]
    assert len(secrets) > 40
    assert {
        (where, name)
        for name, secret in secrets.items()
        for form in forms_of(secret)
        for where, blob in blobs.items()
        if form in blob
    } == set()


@pytest.mark.requirement("C65", "F13", "F21")
def test_sealed_pieces_tell_nothing_by_themselves(canary: Canary) -> None:
    """Equal lengths, no nonce twice, no two alike, though many plaintexts differ by a digit."""
    with sqlite3.connect(canary.vault / "vault.db") as connection:
        pieces = [s for (s,) in connection.execute("SELECT sealed FROM vault_slot")]
    connection.close()

    assert len({len(p) for p in pieces}) == 1
    assert len({p[:12] for p in pieces}) == len({p[12:] for p in pieces}) == len(pieces) >= 18
