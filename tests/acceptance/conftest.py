"""A rehearsed trial on disk, with its vault and both doors running as in `equipoise demo`."""

import datetime as dt
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import expect

from equipoise.cli.demonstrating import PASSWORD, find_ports, make_accounts, serve_doors
from equipoise.cli.folders import load_checked
from equipoise.cli.rehearsing import rehearse_into, vault_beside
from equipoise.cli.trials import running_trial
from equipoise.study.study import Study

from ..requiring import do_without

AGREED: dict[str, Any] = {"agreed": ("statistician", "safety_officer"), "populations": "d" * 64}
"""What the vault is told before it opens its list; the acts behind it have tests of their own."""
# The browser's library runs a loop in this thread, in which Django would not ask its database; here
# accounts are made while a browser is open, and nothing else asks.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

expect.set_options(timeout=30_000)  # a door hashes passwords and replays a trial before it answers

FOLDER = Path(__file__).parents[2] / "studies" / "nct06722105"


class Served(NamedTuple):
    """Where a served trial is."""

    directory: Path
    store: Path
    vault: Path
    site: str
    sealed: str
    emergency: str
    password: str


@pytest.fixture(scope="session")
def study() -> Study:
    return load_checked(FOLDER)


@pytest.fixture(scope="session")
def young_trial(study: Study) -> Iterator[Path]:
    """A trial in its first half: some randomized, places left, somebody in screening."""
    directory = Path(tempfile.mkdtemp(prefix="eq-trial-"))
    today = dt.datetime.now(dt.UTC).date()
    rehearse_into(
        study,
        directory / "trial.db",
        seed=3,
        start=today - dt.timedelta(weeks=36),
        until=today,
    )
    state = running_trial(directory / "trial.db", study=study).state
    assert 2 <= len(state.randomized) <= 15, "the rehearsal should be under way"
    make_accounts(study, directory / "trial.db")
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def whole_trial(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trial from its opening to the lock."""
    store = tmp_path_factory.mktemp("whole") / "trial.db"
    rehearse_into(study, store, seed=1)
    return store


@pytest.fixture
def served(young_trial: Path, tmp_path: Path) -> Iterator[Served]:
    """A copy of the young trial, served by both doors."""
    directory = tmp_path / "served"
    shutil.copytree(young_trial, directory)
    with ExitStack() as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("EQUIPOISE_TIME_ZONE", "UTC")  # the day of these tests, at whatever hour
        port = find_ports(20_000 + os.getpid() % 20_000)
        urls = serve_doors(running, FOLDER, directory / "trial.db", port=port)
        yield Served(
            directory,
            directory / "trial.db",
            vault_beside(directory / "trial.db"),
            *urls,
            PASSWORD,
        )


@pytest.fixture(scope="session")
def chromium() -> str:
    """The system's Chromium; absent, browser tests are skipped with the reason, but not in CI."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        do_without("no Chromium on this machine; on Debian: apt-get install chromium")
    return found
