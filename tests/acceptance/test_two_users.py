"""Two users of one machine: the vault's, and the blinded application's, who cannot read it."""

import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from equipoise.cli.rehearsing import cells_beside
from equipoise.ledger import open_store
from equipoise.randomization import Specification
from equipoise.vault import VaultClient, create_vault, read_token, serve_vault

VAULT_USER, SITE_USER, SHARED_GROUP = 51_001, 51_002, 51_003
pytestmark = [
    pytest.mark.skipif(
        os.geteuid() != 0, reason="only root can become two other users; CI runs this as root"
    ),
    # The test's own process has threads; the children that it makes use none of their locks.
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]


def as_user(user: int, work: Callable[[], object]) -> int:
    """Do something in a process of another user, who keeps no privilege; gives its number."""
    child = os.fork()
    if child:
        return child
    status = 1
    with suppress(BaseException):
        os.setgroups([SHARED_GROUP])
        os.setgid(user)
        os.setuid(user)
        work()
        status = 0
    os._exit(status)


def told_by(user: int, work: Callable[[], object]) -> object:
    """What a piece of work says as another user."""
    reader, writer = os.pipe()
    child = as_user(user, lambda: os.write(writer, json.dumps(work()).encode()))
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        said = answer.read()
    assert os.waitpid(child, 0)[1] == 0
    return json.loads(said)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that everybody may enter."""
    place = Path(tempfile.mkdtemp(prefix="eq-"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


@pytest.mark.requirement("C65", "F13")
def test_the_site_s_user_asks_the_vault_and_reads_nothing_of_it(place: Path) -> None:
    """Through the socket it gets a number; each file, the cell unit's ledger among them, and the
    process's memory stay shut."""
    vault, run = place / "vault", place / "run"
    specification = Specification(
        study="S1", arms=("A", "B"), ratio=(1, 1), blocks=(4,), n_planned=8
    )
    create_vault(vault, specification, contents={"A": {}, "B": {}}, realm="live")
    token = read_token(vault, "assign")
    open_store(cells_beside(vault), study="S1", realm="live", create=True).close()
    run.mkdir()
    for path in (run, vault, *vault.iterdir()):
        os.chown(path, VAULT_USER, SHARED_GROUP if path == run else VAULT_USER)
    run.chmod(0o750)
    socket_path = run / "vault.sock"
    serving = as_user(VAULT_USER, lambda: serve_vault(vault, socket_path))
    try:
        while not socket_path.exists():
            time.sleep(0.02)
        # What the operator does to let the site's user ask: a group, for the socket alone.
        while (socket_path.stat().st_mode & 0o777) != 0o600:
            time.sleep(0.02)
        os.chown(socket_path, VAULT_USER, SHARED_GROUP)
        socket_path.chmod(0o660)
        files = [str(vault), *map(str, sorted(vault.iterdir()))]
        looked_at = (*files, f"/proc/{serving}/mem", f"/proc/{serving}/environ")

        def look() -> dict[str, str]:
            client = VaultClient(socket_path, token)
            found = {"number": client.assign("01-001", stratum="", proof="p")}
            for path in looked_at:
                try:
                    descriptor = os.open(path, os.O_RDONLY)
                    os.close(descriptor)
                    found[path] = "open"
                except OSError as error:
                    found[path] = type(error).__name__
            return found

        found = told_by(SITE_USER, look)
        stranger = told_by(VAULT_USER, lambda: [os.access(f, os.R_OK) for f in files])
    finally:
        os.kill(serving, signal.SIGTERM)
        assert os.waitpid(serving, 0)[1] == 0
    assert isinstance(found, dict)
    assert found.pop("number") == "R-001"
    assert len(found) >= 10 and str(cells_beside(vault)) in found
    assert set(found.values()) == {"PermissionError"}
    assert stranger == [True] * len(files), "the vault's own user reads all of it"
