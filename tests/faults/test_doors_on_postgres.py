"""Two site doors on one ledger in PostgreSQL: side by side, and while the server comes and goes."""

import datetime as dt
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import pytest

from equipoise.cli.folders import load_checked
from equipoise.conduct import (
    SIGNERS,
    RunningTrial,
    accept_accountability,
    declare_supply,
    open_trial,
)
from equipoise.ledger import open_store, verify
from equipoise.rehearsal import prepare_rehearsal_vault
from equipoise.study.roles import Role
from equipoise.vault import VaultClient, read_token, start_vault
from tests.acceptance.conftest import AGREED
from tests.postgres import Place, Server, running_server
from tests.web import course
from tests.web.conftest import FOLDER, OPENED_AT, PASSWORD, PEOPLE, name_of

PROGRAM = Path(sys.executable).with_name("equipoise")
PREPARE = (
    "import json, sys; from equipoise.web.server import prepare_accounts as prepare; "
    "prepare(sys.argv[1], json.loads(sys.argv[2]))"
)
TABLES = (
    "import sys; from equipoise.web.server import use_django; use_django(); "
    "from equipoise.web.tables.opening import make_as_owner; make_as_owner(sys.argv[1])"
)
N_ELIGIBLE = 12
COORDINATOR = name_of(Role.COORDINATOR)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server of its own, for it is stopped."""
    with running_server() as server:
        yield server


class Answer(NamedTuple):
    status: int
    location: str
    text: str


class Browser:
    """What a person's browser does at one door; copies of it share the person's session."""

    def __init__(self, port: int, cookies: dict[str, str] | None = None) -> None:
        self.port = port
        self.cookies = dict(cookies or {})

    def at(self, port: int) -> "Browser":
        return Browser(port, self.cookies)

    def get(self, path: str) -> Answer:
        return self._ask("GET", path, "")

    def post(self, path: str, **data: str) -> Answer:
        token = {"csrfmiddlewaretoken": self.cookies.get("equipoise_site_csrf", "")}
        return self._ask("POST", path, urlencode({**data, **token}))

    def sign_in(self) -> None:
        self.get("/sign-in/")
        assert self.post("/sign-in/", username=COORDINATOR, password=PASSWORD).location == "/"

    def screen(self) -> Answer:
        today = dt.datetime.now(dt.UTC).date()
        on = {"on.year": f"{today.year}", "on.month": f"{today.month}", "on.day": f"{today.day}"}
        return self.post("/screen/", site="01", **on)

    def _ask(self, method: str, path: str, body: str) -> Answer:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"Cookie": cookies, "Origin": f"http://127.0.0.1:{self.port}"}
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            for cookie in answer.msg.get_all("Set-Cookie") or []:
                name, _, value = cookie.partition(";")[0].partition("=")
                self.cookies[name] = value
            text = answer.read().decode()
        return Answer(answer.status, answer.headers.get("Location", ""), text)


class Doors(NamedTuple):
    """Two doors of one trial, and those who are ready to be randomized in it."""

    place: Place
    trial: RunningTrial
    codes: list[str]
    ports: tuple[int, int]
    log: Path
    vault: Path

    def browsers(self) -> tuple[Browser, Browser]:
        """Somebody who signed in at the first door is in at the second one, too."""
        one = Browser(self.ports[0])
        one.sign_in()
        return one, one.at(self.ports[1])


@contextmanager
def opened(
    server: Server, folder: Path, *, accounts: str = "", n_eligible: int = 0
) -> Iterator[Doors]:
    """The first study in a rehearsal, with people in it and two processes that serve it."""
    study, vault, log = load_checked(FOLDER), folder / "vault", folder / "log"
    place = server.create(study=study.identity.study)
    subprocess.run([sys.executable, "-c", TABLES, place.owner], check=True)
    prepare_rehearsal_vault(study, vault, seed=5)
    passwords = json.dumps({person.person: PASSWORD for person in PEOPLE})
    kept = accounts or str(folder / f"{study.identity.study}.accounts.db")
    subprocess.run([sys.executable, "-c", PREPARE, kept, passwords], check=True)
    with ExitStack() as stack:
        started = stack.enter_context(start_vault(vault, socket_path=folder / "v.sock"))
        assigning = VaultClient(started.socket_path, read_token(vault, "assign"))
        store = stack.enter_context(closing(open_store(place.app)))
        trial = RunningTrial(study, store, assigning)
        with store.batch():
            open_trial(trial, at=OPENED_AT, people=PEOPLE)
            for role in SIGNERS:
                at = {"at": OPENED_AT, "statement": "It binds me"}
                accept_accountability(trial, by=name_of(role), **at)
            supply = {"places": 18, "until_on": OPENED_AT.date() + dt.timedelta(days=3650)}
            declare_supply(trial, by=name_of(Role.CELL_UNIT), at=OPENED_AT, **supply)
            codes = [course.eligible(trial) for _ in range(n_eligible)]
        ports = (free_port(), free_port())
        said = stack.enter_context(log.open("w"))
        for port in ports:
            words = ["serve", FOLDER, "--store", place.app, "--keep", folder, "--port", port]
            words += ["--vault", started.socket_path, "--token", vault / "assign.token"]
            words += ["--accounts", accounts] if accounts else []
            process = subprocess.Popen([PROGRAM, *map(str, words)], stderr=said)
            stack.callback(end, process)
        for port in ports:
            wait_for(lambda p=port: answers(p))
        yield Doors(place, trial, codes, ports, log, vault)


def end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    assert process.wait(timeout=30) == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    try:
        return Browser(port).get("/sign-in/").status == 200
    except OSError:
        return False


def wait_for(is_so: Callable[[], object]) -> None:
    for _ in range(2400):
        if is_so():
            return
        time.sleep(0.05)
    raise AssertionError("waited in vain")


@pytest.mark.requirement("F02", "F03", "F04", "D09")
def test_two_doors_see_each_other_and_give_no_number_twice(server: Server, tmp_path: Path) -> None:
    """Who is screened at one is at once at the other; both randomize the same twelve at once."""
    with opened(server, tmp_path, n_eligible=N_ELIGIBLE) as doors:
        one, other = doors.browsers()
        for here, there in ((one, other), (other, one)):
            code = here.screen().location.split("/")[2]
            page = there.get(f"/participants/{code}/")
            assert (page.status, code in page.text) == (200, True)

        def randomize(asked: tuple[int, str]) -> tuple[str, int]:
            port, code = asked
            return code, one.at(port).post(f"/participants/{code}/randomize/").status

        asked = [(port, code) for code in doors.codes for port in doors.ports]
        with ThreadPoolExecutor(8) as pool:
            said = list(pool.map(randomize, asked))
        unblind = VaultClient(tmp_path / "v.sock", read_token(doors.vault, "unblind"))
        listed = unblind.open_list(by="t", reason="test", **AGREED)
        people = doors.trial.state.participants
        numbers = {code: people[code].number for code in doors.codes}

        assert {code for code, status in said if status == 302} == set(doors.codes)
        assert {status for _, status in said} <= {302, 422}
        assert sorted(numbers.values()) == [f"R-{k:03}" for k in range(1, N_ELIGIBLE + 1)]
        assert {a.participant: a.number for a in listed if a.participant} == numbers
        kinds = Counter(entry.type for entry in doors.trial.store.read())
        assert kinds["ParticipantRandomized"] == kinds["RandomizationRequested"] == N_ELIGIBLE
        assert verify(doors.place.app).problems == ()


class Screening(threading.Thread):
    """Somebody who takes people into screening, one after another, and keeps what was answered."""

    def __init__(self, browser: Browser) -> None:
        super().__init__()
        self.browser = browser
        self.answers: list[Answer] = []
        self.is_over = False

    def run(self) -> None:
        while not self.is_over:
            self.answers.append(self.browser.screen())
            time.sleep(0.02)

    @property
    def codes(self) -> list[str]:
        return [a.location.split("/")[2] for a in self.answers if a.status == 302]


@pytest.mark.requirement("D01", "D28")
@pytest.mark.parametrize("accounts_in", ["a file", "the database"])
def test_doors_outlive_their_database(server: Server, tmp_path: Path, accounts_in: str) -> None:
    """It is restarted, it crashes, it is away for a while; six people go on screening at two doors.

    Whoever was told a code is in the ledger; everybody else was told to wait, in words. Once it is
    back the very next requests are answered, whichever thread gets them.
    """
    accounts = "" if accounts_in == "a file" else server.create_schema().owner
    with opened(server, tmp_path, accounts=accounts) as doors:
        one, other = doors.browsers()
        busy = [Screening(one.at(port)) for port in doors.ports for _ in range(3)]
        for person in busy:
            person.start()
        try:
            for happens in (server.restart, server.crash, server.restart):
                go_on(busy)
                happens()
            with server.away():
                go_on(busy, is_in_vain=True)
                for page in (one.get("/"), other.get("/participants/"), one.get("/sign-in/")):
                    assert page.status == 503
                    assert "EQ-G052" in page.text
                    assert str(server.folder) not in page.text and "Traceback" not in page.text
            go_on(busy)
        finally:
            for person in busy:
                person.is_over = True
            for person in busy:
                person.join()
        server.restart()
        with ThreadPoolExecutor(8) as pool:
            pages = list(pool.map(lambda k: doors_page(one, doors, k), range(32)))
        log = doors.log.read_text()

        codes = [code for person in busy for code in person.codes]
        refused = [a for person in busy for a in person.answers if a.status != 302]
        assert pages == [200] * 32
        assert {a.status for a in refused} == {503}
        assert all(re.search("EQ-G05[23]", a.text) for a in refused)
        assert len(set(codes)) == len(codes) > 6 * 4
        with closing(open_store(doors.place.app, read_only=True)) as store:
            recorded = {e.stream for e in store.read() if e.type == "ParticipantScreened"}
        assert set(codes) <= recorded
        assert "EQ-G021" in log and "EQ-G028" in log
        assert "Traceback" not in log and "Internal Server Error" not in log
        assert verify(doors.place.app).problems == ()


@pytest.mark.requirement("D01", "F03")
def test_doors_stop_where_the_server_lost_what_it_had_confirmed(
    server: Server, tmp_path: Path
) -> None:
    """It is put back to an earlier state; else the next one screened would get a code in use.

    Nobody records at a door that had read more, whatever is recorded elsewhere; a door that had
    read no more goes on.
    """
    with opened(server, tmp_path) as doors:
        one, other = doors.browsers()
        assert one.screen().status == 302
        assert other.get("/participants/").status == 200
        with server.going_back():
            lost = one.screen().location.split("/")[2]
        for _ in range(2):
            for answer in (one.screen(), one.get("/participants/"), one.get("/sign-in/")):
                assert (answer.status, "EQ-G055" in answer.text) == (503, True)
            # The second door had not looked since: it records, under the code that was lost.
            assert other.screen().status == 302
        with closing(open_store(doors.place.app, read_only=True)) as store:
            recorded = [e.stream for e in store.read() if e.type == "ParticipantScreened"]
        assert (len(recorded), recorded[1]) == (3, lost)
        assert "Traceback" not in doors.log.read_text()


@pytest.mark.requirement("D28")
def test_accounts_that_are_away_are_told_apart(server: Server, tmp_path: Path) -> None:
    """Nobody comes in and nobody is signed out; then the same session goes on."""
    with running_server() as people:
        accounts = people.create_schema().owner
        with opened(server, tmp_path, accounts=accounts) as doors:
            one, _ = doors.browsers()
            n_before = len(list(doors.trial.store.read()))
            with people.away():
                stranger = Browser(one.port)
                assert stranger.get("/sign-in/").status == 200
                for answer in (
                    one.get("/participants/"),
                    one.screen(),
                    stranger.post("/sign-in/", username=COORDINATOR, password=PASSWORD),
                ):
                    assert (answer.status, "EQ-G053" in answer.text) == (503, True)
                    assert str(people.folder) not in answer.text
                assert len(list(doors.trial.store.read())) == n_before
            assert one.get("/participants/").status == 200
            assert one.screen().status == 302
            assert "Traceback" not in doors.log.read_text()


def doors_page(browser: Browser, doors: Doors, k: int) -> int:
    return browser.at(doors.ports[k % 2]).get("/participants/").status


def go_on(busy: list[Screening], *, is_in_vain: bool = False) -> None:
    """Until each of them was answered again: with a code, or that nothing can be done."""
    n_before = [len(person.answers) for person in busy]
    wanted = 503 if is_in_vain else 302
    wait_for(
        lambda: all(
            any(a.status == wanted for a in person.answers[n:])
            for person, n in zip(busy, n_before, strict=True)
        )
    )
