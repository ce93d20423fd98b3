"""The process behind a door: the trial it opens, the files it keeps, the server it starts."""

import datetime as dt
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from msgspec.structs import replace

from equipoise.conduct import RunningTrial, open_trial
from equipoise.ledger import open_store
from equipoise.problems import Refused
from equipoise.study.roles import Role
from equipoise.study.study import Study
from equipoise.vault import VaultClient
from equipoise.web import settings as written
from equipoise.web.running import ThreadedStore, running_trial, use_trial
from equipoise.web.server import prepare_accounts, refuse_shut_door, start_server

from . import course
from .conftest import FOLDER, OPENED_AT, PASSWORD, PEOPLE, SECOND, SignIn, at_door, enter_as
from .reading import read


@pytest.fixture
def store_path(study: Study, tmp_path: Path) -> Path:
    """A store file with the trial opened in it."""
    path = tmp_path / "ledger.db"
    store = open_store(path, study=study.identity.study, realm="rehearsal", create=True)
    open_trial(RunningTrial(study, store), at=OPENED_AT, people=PEOPLE)
    store.close()
    return path


@pytest.fixture
def fresh(accounts: Path) -> Iterator[None]:
    use_trial(None)
    yield
    use_trial(None)


def test_the_trial_of_the_settings(store_path: Path, tmp_path: Path, fresh: None) -> None:
    """Folder, store, socket and token of the settings, opened once."""
    (tmp_path / "token").write_text("t\n")
    where = {"STUDY": str(FOLDER), "STORE": str(store_path)}
    vault = {"VAULT": str(tmp_path / "no.sock"), "TOKEN": str(tmp_path / "token")}
    with at_door("site", **where, **vault):
        client = enter_as(Role.COORDINATOR)
        assert client.get("/").status_code == 200
        assert running_trial() is running_trial()
        assert isinstance(running_trial().vault, VaultClient)
        use_trial(None)
    with at_door("site", **where, VAULT="", TOKEN=""):
        assert running_trial().vault is None


@pytest.mark.parametrize(("folder", "code"), [(FOLDER, "EQ-W010"), (Path("/nonexistent"), "")])
def test_a_store_and_a_folder_that_do_not_belong_together(
    folder: Path, code: str, tmp_path: Path, fresh: None
) -> None:
    """Nothing is served: a bare page says what is wrong."""
    path = tmp_path / "other.db"
    open_store(path, study="another", realm="rehearsal", create=True).close()
    with at_door("site", STUDY=str(folder), STORE=str(path)):
        response = Client().get("/")
    page = read(response)
    assert response.status_code == 503
    assert page.codes == ({code} if code else page.codes) and page.codes
    assert "another" in page.text or not code


@pytest.mark.requirement("F02")
def test_each_thread_has_its_own_connection(study: Study, store_path: Path) -> None:
    """Eight threads screen at once: eight codes, no gap, none twice."""
    trial = RunningTrial(study, ThreadedStore(store_path))
    threads = [threading.Thread(target=course.screened, args=[trial]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(trial.state.participants) == [f"01-00{i}" for i in range(1, 9)]
    assert len(list(trial.store.read(stream="01-003"))) == 1
    assert trial.store.heads()["site-01"].seq == len(list(trial.store.read(chain="site-01")))
    with trial.store.batch():
        course.screened(trial)
    assert trial.realm == "rehearsal"


def test_accounts_keep_their_password(accounts: Path) -> None:
    """Bringing the accounts up to date resets nobody's password, and adds who is new."""
    from django.contrib.auth import get_user_model

    def opens(name: str, password: str) -> bool:
        return bool(get_user_model().objects.get(username=name).check_password(password))

    prepare_accounts(accounts, {"the-monitor": "another", "newcomer": "welcome in here"})
    assert opens("the-monitor", PASSWORD)
    assert not opens("the-monitor", "another")
    assert opens("newcomer", "welcome in here")


def test_the_key_of_the_sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From its file if there is one; else drawn, so that no two processes share one by default."""
    monkeypatch.setenv("EQUIPOISE_SECRET", str(tmp_path / "key"))
    (tmp_path / "key").write_text("k" * 64 + "\n")
    assert written._secret() == "k" * 64
    monkeypatch.delenv("EQUIPOISE_SECRET")
    assert written._secret() != written._secret()
    assert not written.DEBUG


def fetch(address: str) -> tuple[int, str]:
    for _ in range(600):
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"nobody answers at {address}")


def test_a_server_is_started_and_stopped(store_path: Path, tmp_path: Path) -> None:
    """The real server serves the door that its settings name, and ends with its context."""
    accounts = tmp_path / "none.db"
    settings = {
        "EQUIPOISE_STUDY": str(FOLDER),
        "EQUIPOISE_STORE": str(store_path),
        "EQUIPOISE_ACCOUNTS": str(accounts),
        "EQUIPOISE_DOOR": "sealed",
    }
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with start_server(settings, host="127.0.0.1", port=port, n_threads=2) as process:
        status, body = fetch(f"http://127.0.0.1:{port}/sign-in/")
        assert (status, "sealed door" in body) == (200, True)
        assert fetch(f"http://127.0.0.1:{port}/ledger/")[0] == 404
    assert process.wait(timeout=20) is not None


def test_day_zero_is_what_the_schedule_counts_from(trial: RunningTrial) -> None:
    """Consent, randomization or the first infusion, as the folder says."""
    from equipoise.web.outlook import day_zero

    consented, randomized = course.consented(trial), course.randomized(trial)
    people = trial.state.participants
    for zero, code, expected in (
        ("consent", consented, course.TODAY),
        ("randomization", consented, None),
        ("randomization", randomized, course.TODAY),
        ("first_infusion", randomized, None),
    ):
        schedule = replace(trial.study.schedule, day_zero=zero)
        study = replace(trial.study, schedule=schedule)
        assert day_zero(study, people[code]) == expected


@pytest.mark.requirement("C65", "F26")
@pytest.mark.parametrize(
    ("door", "folder", "engine"),
    [("site", "", "db"), ("sealed", "", "signed_cookies"), ("sealed", "own", "file")],
)
def test_the_sealed_door_leaves_its_sessions_out_of_the_shared_accounts(
    door: str, folder: str, engine: str
) -> None:
    words = "from equipoise.web import settings as s; print(getattr(s, 'SESSION_ENGINE', '.db'))"
    told = subprocess.run(
        [sys.executable, "-c", words],
        env={**os.environ, "EQUIPOISE_DOOR": door, "EQUIPOISE_SESSIONS": folder},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip().rpartition(".")[2] == engine


@pytest.mark.requirement("C65")
def test_who_comes_in_at_the_sealed_door_is_in_no_other_session_table(
    sign_in: SignIn, behind: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the folder of its own: a file there, and no row beside the accounts."""
    from django.contrib.sessions.backends import file
    from django.contrib.sessions.models import Session

    engine = "django.contrib.sessions.backends.file"
    monkeypatch.delattr(file.SessionStore, "_storage_path", raising=False)
    behind("sealed", SESSION_ENGINE=engine, SESSION_FILE_PATH=str(tmp_path / "own"))
    (tmp_path / "own").mkdir()
    before = Session.objects.count()
    client = sign_in(Role.CELL_UNIT)
    assert client.get("/work-list/").status_code == 200
    assert Session.objects.count() == before
    assert len(list((tmp_path / "own").iterdir())) == 1
    client.post("/sign-out/")
    assert client.get("/work-list/").status_code == 302


@pytest.mark.requirement("C35")
def test_a_session_that_ran_out_is_gone_once_somebody_comes_in(
    sign_in: SignIn, behind: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files at the sealed door, rows at the others; one that still counts stays."""
    from django.contrib.sessions.backends import file
    from django.contrib.sessions.models import Session

    engine, own = "django.contrib.sessions.backends.file", tmp_path / "own"
    own.mkdir()
    monkeypatch.delattr(file.SessionStore, "_storage_path", raising=False)
    behind("sealed", SESSION_ENGINE=engine, SESSION_FILE_PATH=str(own))
    away, open_still = sign_in(Role.CELL_UNIT), sign_in(Role.CELL_UNIT)
    (left,) = {p for p in own.iterdir() if away.session.session_key in p.name}  # type: ignore[union-attr]
    os.utime(left, (time.time() - 4000,) * 2)
    sign_in(SECOND)
    assert not left.exists()
    assert len(list(own.iterdir())) == 2
    assert open_still.get("/work-list/").status_code == 200

    behind("site")
    kept = sign_in(Role.MONITOR)
    gone = sign_in(Role.MONITOR).session.session_key
    Session.objects.filter(pk=gone).update(expire_date=timezone.now() - dt.timedelta(seconds=1))
    sign_in(Role.MONITOR)
    assert not Session.objects.filter(pk=gone).exists()
    assert kept.get("/").status_code == 200


@pytest.mark.requirement("C35")
@pytest.mark.parametrize("door", ["site", "sealed", "emergency"])
def test_no_door_starts_through_which_nobody_could_come_in(door: str) -> None:
    """Without passwords somebody must come in elsewhere before there is a passkey."""
    given = {"EQUIPOISE_DOOR": door, "EQUIPOISE_PASSWORDS": "off"}
    with pytest.raises(Refused) as refused, start_server(given, host="127.0.0.1", port=1):
        raise AssertionError("it started")
    (told,) = refused.value.problems
    assert told.code == "EQ-W098" and "EQUIPOISE_OIDC_ISSUER" in told.hint
    refuse_shut_door({**given, "EQUIPOISE_OIDC_ISSUER": "https://login.example"})
    refuse_shut_door({"EQUIPOISE_DOOR": door, "EQUIPOISE_PASSWORDS": ""})
