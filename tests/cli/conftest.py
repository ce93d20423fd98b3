"""The commands as a person types them, and one rehearsed trial that they share."""

import datetime as dt
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner, Result

from equipoise.cli import main
from equipoise.cli.folders import load_checked
from equipoise.cli.rehearsing import rehearse_into
from equipoise.study import load
from equipoise.study.yaml_source import from_yaml, load_yaml

ROOT = Path(__file__).parents[2]
STUDY = ROOT / "studies" / "nct06722105"
RECORD = ROOT / "tests" / "data" / "NCT00000000.txt"
PROGRAM = Path(sys.executable).with_name("equipoise")

_from_yaml = cache(lambda content, name: from_yaml(content, name=name))


class Rehearsed(NamedTuple):
    """A whole virtual trial on disk, and what the command said of it."""

    store: Path
    vault: Path
    answer: dict[str, Any]


@pytest.fixture(autouse=True)
def _parse_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Study files that no test has changed are parsed once; each is still read from the disk."""

    def load_once(path: Path, *, name: str) -> object:
        if not path.is_file():
            return load_yaml(path, name=name)
        return _from_yaml(path.read_bytes(), name)

    monkeypatch.setattr(load, "load_yaml", load_once)


def run(*words: object) -> Result:
    """A command in this process. Whatever it is, it ends in an exit code and never in silence."""
    return CliRunner().invoke(main, [str(word) for word in words])


def answer_of(result: Result) -> dict[str, Any]:
    """The one JSON object of `--json`; nothing else may stand on standard output."""
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def codes(result: Result) -> list[str]:
    """The problem codes that a person was shown."""
    return re.findall(r"\bEQ-[A-Z]\d{3}\b", result.stderr)


def refused(*words: object) -> list[str]:
    """The codes of a command that is refused: exit code 2, and no traceback."""
    result = run(*words)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    return codes(result)


def command(*words: object, **more: Any) -> "subprocess.CompletedProcess[str]":
    """The installed program in a process of its own."""
    line = [str(PROGRAM), *map(str, words)]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False, **more)


@pytest.fixture(scope="session")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Rehearsed:
    """The first study rehearsed by the program itself, once for all tests; nobody changes it."""
    folder = tmp_path_factory.mktemp("rehearsed")
    store = folder / "trial.db"
    done = command("rehearse", STUDY, "--store", store, "--readings", "--json")
    assert done.returncode == 0, done.stderr
    return Rehearsed(store, folder / "trial.vault", json.loads(done.stdout))


@pytest.fixture
def own(rehearsed: Rehearsed, tmp_path: Path) -> Rehearsed:
    """A copy of the rehearsed trial that a test may change."""
    store, vault = tmp_path / "own.db", tmp_path / "own.vault"
    shutil.copy(rehearsed.store, store)
    shutil.copytree(rehearsed.vault, vault)
    return Rehearsed(store, vault, rehearsed.answer)


@pytest.fixture(scope="session")
def unlocked(tmp_path_factory: pytest.TempPathFactory) -> Rehearsed:
    """A trial in its first months: some are randomized, and nothing is locked."""
    folder = tmp_path_factory.mktemp("unlocked")
    study = load_checked(STUDY)
    start = dt.date(2026, 1, 5)
    done = rehearse_into(
        study, folder / "trial.db", seed=3, start=start, until=start + dt.timedelta(weeks=20)
    )
    assert done.randomized > 0
    return Rehearsed(folder / "trial.db", folder / "trial.vault", {})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the first study that a test may spoil."""
    return Path(shutil.copytree(STUDY, tmp_path / "study"))


@pytest.fixture
def edit(folder: Path) -> Callable[[str, str, str], int]:
    """Replace one passage of a study file, found once; the line where it begins."""

    def replace(file: str, old: str, new: str) -> int:
        path = folder / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{text.count(old)} times in {file}: {old}"
        path.write_text(text.replace(old, new), encoding="utf-8")
        return text[: text.index(old)].count("\n") + 1

    return replace


def a_body(store: Path) -> tuple[str, int, bytes]:
    """Chain, number and body of an entry in the middle of the ledger that stands in one page."""
    with sqlite3.connect(store) as connection:
        row = connection.execute(
            "SELECT chain, seq, body FROM ledger_entry WHERE length(body) > 60 "
            "AND type = 'FormSubmitted' ORDER BY position LIMIT 1 OFFSET 200"
        ).fetchone()
    connection.close()
    return row


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def start() -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Start the program in the background; it is gone when the test is over."""
    with ExitStack() as started:

        def launch(*words: object) -> "subprocess.Popen[str]":
            process = subprocess.Popen(
                [str(PROGRAM), *map(str, words)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
            started.callback(_end, process)
            return process

        yield launch


def _end(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise


def wait_for(condition: Callable[[], object], *, seconds: float = 30) -> None:
    """Return once it is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def answers(url: str) -> bool:
    """Whether a page comes back."""
    try:
        with urllib.request.urlopen(url, timeout=5) as page:
            return bool(page.status == 200)
    except urllib.error.HTTPError as error:
        error.close()
        return False
    except OSError:
        return False
