"""`equipoise serve` and `vault` as processes: they answer, they end when told, they refuse."""

import os
import re
import shutil
import signal
import socket
import stat
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from subprocess import Popen
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest

from equipoise.cli import demonstrating
from equipoise.cli.demonstrating import find_ports, wait_until_ready
from equipoise.cli.folders import Kept, load_checked
from equipoise.cli.rehearsing import running_vault
from equipoise.ledger import open_store
from equipoise.problems import Refused
from equipoise.rehearsal import prepare_rehearsal_vault
from equipoise.vault import VaultClient, read_token

from .conftest import STUDY, Rehearsed, answers, command, free_port, refused, run, wait_for

Start = Callable[..., "Popen[str]"]
DOORS = {"site": "assign", "sealed": "cells", "emergency": "emergency"}


def serve_words(trial: Rehearsed, at: Path, *, port: int, door: str = "site") -> list[object]:
    token = trial.vault / f"{DOORS[door]}.token"
    words = ["serve", STUDY, "--store", trial.store, "--vault", at, "--token", token]
    return [*words, "--door", door, "--port", port]


def await_door(process: "Popen[str]", port: int) -> None:
    """Return when the sign-in page is there; say why if the process ended instead."""
    url = f"http://127.0.0.1:{port}/sign-in/"
    wait_for(lambda: process.poll() is not None or answers(url), seconds=120)
    assert process.poll() is None, process.communicate()


def test_all_doors_and_the_vault_answer_and_end_when_told(
    own: Rehearsed, tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four processes as in a hospital; SIGTERM ends each with exit code 0 and frees its port.

    They know the hospital's log-in from the environment, which takes passwords away but at the
    code-break.
    """
    monkeypatch.setenv("EQUIPOISE_OIDC_ISSUER", "https://login.example")
    monkeypatch.setenv("EQUIPOISE_OIDC_NAME", "the hospital")
    monkeypatch.setenv("EQUIPOISE_PASSWORDS", "off")
    at = tmp_path / "v.sock"
    ports = {door: free_port() for door in DOORS}
    vault = start("vault", own.vault, "--socket", at)
    wait_for(at.is_socket)
    doors = {
        door: start(*serve_words(own, at, port=port, door=door)) for door, port in ports.items()
    }
    for door, port in ports.items():
        await_door(doors[door], port)
        with build_opener().open(f"http://127.0.0.1:{port}/sign-in/") as answer:
            page = answer.read()
        assert b"Log in at the hospital" in page
        # Where the code is broken, the provider may be away.
        assert (b'type="password"' in page) == (door == "emergency")
    for process in (*doors.values(), vault):
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=20)
        assert process.returncode == 0, errors
        assert "Traceback" not in output + errors
    assert not at.exists()
    for port in ports.values():
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5).close()


def test_a_vault_is_made_once_and_keeps_its_list(tmp_path: Path, start: Start) -> None:
    """What it printed is what it says later; its files are for its user alone."""
    made = run("vault", tmp_path / "vault", "--create", STUDY, "--realm", "live")
    at = tmp_path / "v.sock"
    process = start("vault", tmp_path / "vault", "--socket", at)
    wait_for(at.is_socket)
    client = VaultClient(at, read_token(tmp_path / "vault", "assign"))

    assert made.exit_code == 0, made.output
    assert made.stdout == f"Commitment to the allocation: {client.commitment()}\n"
    assert client.assign("01-001", stratum="", proof="p") == "R-001"
    private = stat.S_IRWXG | stat.S_IRWXO
    assert not any(p.stat().st_mode & private for p in (tmp_path / "vault").iterdir())
    assert not at.stat().st_mode & private
    assert refused("vault", tmp_path / "vault", "--create", STUDY, "--realm", "live") == ["EQ-V010"]
    assert process.poll() is None


def open_words(tmp_path: Path, **given: str) -> list[object]:
    words = {"administrator": "ada", "name": "Ada Admin", "realm": "rehearsal", **given}
    options = [word for name, value in words.items() for word in (f"--{name}", value)]
    place = ("--store", tmp_path / "trial.db", "--vault", tmp_path / "v.sock")
    return ["open", STUDY, *place, *options]


@pytest.mark.requirement("C26", "C29", "C35")
def test_a_trial_is_opened_and_its_administrator_comes_in(tmp_path: Path, start: Start) -> None:
    """From an empty folder: a vault, the ledger, a door, an own password, the page of people."""
    run("vault", tmp_path / "vault", "--create", STUDY, "--realm", "rehearsal")
    vault = start("vault", tmp_path / "vault", "--socket", tmp_path / "v.sock")
    wait_for((tmp_path / "v.sock").is_socket)
    opened = command(*open_words(tmp_path))
    assert opened.returncode == 0, opened.stderr
    code = opened.stdout.splitlines()[-1]
    own = Rehearsed(tmp_path / "trial.db", tmp_path / "vault", {})
    port = free_port()
    door = start(*serve_words(own, tmp_path / "v.sock", port=port))
    await_door(door, port)
    browser = build_opener(HTTPCookieProcessor())

    def post(path: str, **data: str) -> str:
        url = f"http://127.0.0.1:{port}{path}"
        found = re.search(r'csrfmiddlewaretoken" value="(\w+)"', browser.open(url).read().decode())
        assert found
        body = urlencode({**data, "csrfmiddlewaretoken": found[1]}).encode()
        headers = {"Origin": f"http://127.0.0.1:{port}"}
        return str(browser.open(Request(url, body, headers)).read().decode())

    words = {"password": "three words in a row", "again": "three words in a row"}
    post("/welcome/", username="ada", code=code, **words)
    assert "ada" in post("/sign-in/", username="ada", password=words["password"])
    people = browser.open(f"http://127.0.0.1:{port}/people/").read().decode()
    assert "Ada Admin" in people and "/people/add/" in people
    assert vault.poll() is None
    with closing(open_store(own.store, read_only=True)) as store:
        assert {e.type for e in store.read()} == {
            "StudyOpened",
            "SiteOpened",
            "PersonAdded",
            "AllocationCommitted",
            "InvitationMade",
            "PasswordChosen",
            "SignedIn",
        }
    assert refused(*invite_words(tmp_path, person="bob")) == ["EQ-C001"]
    invited = run(*invite_words(tmp_path, person="ada"))
    assert invited.exit_code == 0, invited.output
    words = dict.fromkeys(words, "four words in a row")
    post("/welcome/", username="ada", code=invited.stdout.splitlines()[-1], **words)
    with closing(open_store(own.store, read_only=True)) as store:
        told = [(e.type, e.by) for e in store.read() if e.stream == "person/ada"]
    assert told[-2:] == [("InvitationMade", "system"), ("PasswordChosen", "ada")]


def invite_words(tmp_path: Path, *, person: str) -> list[object]:
    return ["invite", STUDY, "--store", tmp_path / "trial.db", "--person", person]


@pytest.mark.requirement("C26")
def test_a_trial_is_not_opened_on_accounts_that_have_people_in_them(
    tmp_path: Path, start: Start
) -> None:
    """Who could come in at a rehearsal does not come in where people are treated."""
    run("vault", tmp_path / "vault", "--create", STUDY, "--realm", "rehearsal")
    start("vault", tmp_path / "vault", "--socket", tmp_path / "v.sock")
    wait_for((tmp_path / "v.sock").is_socket)
    assert command(*open_words(tmp_path)).returncode == 0
    for path in tmp_path.glob("trial.db*"):
        path.unlink()
    again = command(*open_words(tmp_path))
    assert (again.returncode, "EQ-X930" in again.stderr) == (2, True), again.stderr
    assert not (tmp_path / "trial.db").exists()
    (tmp_path / "trial.accounts.db").unlink()
    assert command(*open_words(tmp_path)).returncode == 0


def test_a_trial_that_is_not_ready_is_not_opened(tmp_path: Path, start: Start) -> None:
    """Live with open decisions, a name that cannot be one, no vault, a file in the way: no file."""
    run("vault", tmp_path / "vault", "--create", STUDY, "--realm", "rehearsal")
    assert refused(*open_words(tmp_path)) == ["EQ-V017"]
    start("vault", tmp_path / "vault", "--socket", tmp_path / "v.sock")
    wait_for((tmp_path / "v.sock").is_socket)
    assert refused(*open_words(tmp_path, realm="live")) == ["EQ-C011", "EQ-V145"]
    assert refused(*open_words(tmp_path, administrator="Ada")) == ["EQ-C102"]
    assert not (tmp_path / "trial.db").exists()
    (tmp_path / "trial.db").write_bytes(b"mine")
    assert refused(*open_words(tmp_path)) == ["EQ-X901"]
    assert (tmp_path / "trial.db").read_bytes() == b"mine"


def test_a_live_vault_has_no_token_that_tells_a_body_what_it_received(tmp_path: Path) -> None:
    """`nature` is a rehearsal's capability; a live list takes no seed."""
    made = run("vault", tmp_path / "vault", "--create", STUDY, "--realm", "live")

    assert made.exit_code == 0, made.output
    names = {p.stem for p in (tmp_path / "vault").glob("*.token")}
    assert names == {"assign", "cells", "emergency", "packets", "unblind", "audit"}


def test_a_vault_is_not_made_without_saying_of_which_realm(tmp_path: Path) -> None:
    """A list made for a rehearsal by a word left out would serve real participants."""
    unsaid = run("vault", tmp_path / "vault", "--create", STUDY)

    assert unsaid.exit_code == 2
    assert "--realm" in unsaid.stderr
    assert not (tmp_path / "vault").exists()


def test_a_vault_that_cannot_be_kept_is_a_problem(own: Rehearsed, tmp_path: Path) -> None:
    """No vault there, another process at work, no place for the socket, nothing asked for."""
    at = tmp_path / "v.sock"

    assert refused("vault", tmp_path / "absent", "--socket", at) == ["EQ-V012"]
    with running_vault(own.vault):
        assert refused("vault", own.vault, "--socket", at) == ["EQ-V018"]
    assert refused("vault", own.vault, "--socket", tmp_path / "no" / "v.sock") == ["EQ-X003"]
    nothing = run("vault", own.vault)
    assert nothing.exit_code == 2
    assert "--socket" in nothing.stderr


def test_a_door_is_not_served_without_its_own_vault_and_store(
    own: Rehearsed, tmp_path: Path
) -> None:
    """A socket that nobody answers, another trial's vault, a file that is no ledger."""
    words = serve_words(own, tmp_path / "v.sock", port=1)
    assert refused(*words) == ["EQ-V017"]
    run("vault", tmp_path / "other", "--create", STUDY, "--realm", "live")
    with running_vault(tmp_path / "other") as process:
        for door, name in DOORS.items():
            words = serve_words(own, process.socket_path, port=1, door=door)
            words[words.index("--token") + 1] = tmp_path / "other" / f"{name}.token"
            assert refused(*words) == ["EQ-V145", "EQ-V015"]
    prepare_rehearsal_vault(load_checked(STUDY), tmp_path / "twin", seed=99)
    with running_vault(tmp_path / "twin") as process:
        for door, name in DOORS.items():
            words = serve_words(own, process.socket_path, port=1, door=door)
            words[words.index("--token") + 1] = tmp_path / "twin" / f"{name}.token"
            assert refused(*words) == ["EQ-V015"]
    (tmp_path / "notes.db").write_text("not a database")
    with running_vault(own.vault) as process:
        no_ledger = Rehearsed(tmp_path / "notes.db", own.vault, {})
        assert refused(*serve_words(no_ledger, process.socket_path, port=1)) == ["EQ-G008"]
        vault_as_store = Rehearsed(own.vault / "vault.db", own.vault, {})
        assert refused(*serve_words(vault_as_store, process.socket_path, port=1)) == ["EQ-G008"]


def test_a_door_is_not_served_on_another_text_of_the_study(
    own: Rehearsed, tmp_path: Path, folder: Path, edit: Callable[[str, str, str], int]
) -> None:
    """Pages and ledger would speak of two protocols."""
    edit("schedule.yaml", "{en: M6, fr: M6}", "{en: Month 6, fr: M6}")
    with running_vault(own.vault) as process:
        words = serve_words(own, process.socket_path, port=1)
        words[1] = folder
        assert refused(*words) == ["EQ-C019"]


@pytest.mark.requirement("C65", "F13")
def test_a_door_holds_its_own_token_alone(own: Rehearsed) -> None:
    """The blinded process never starts with the cell unit's capability, nor with any other."""
    with running_vault(own.vault) as process:
        for door, tokens in (
            ("site", ("cells", "unblind", "nature")),
            ("sealed", ("assign", "audit", "emergency")),
            ("emergency", ("assign", "cells", "unblind")),
        ):
            words = serve_words(own, process.socket_path, port=1, door=door)
            for token in tokens:
                words[words.index("--token") + 1] = own.vault / f"{token}.token"
                assert refused(*words) == ["EQ-X904"]


def test_a_port_in_use_is_a_problem(own: Rehearsed, start: Start) -> None:
    """Exit code 2, and the address that could not be served."""
    with socket.socket() as taken, running_vault(own.vault) as vault:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = start(*serve_words(own, vault.socket_path, port=port))
        _, errors = process.communicate(timeout=40)

    assert process.returncode == 2
    assert "EQ-X902" in errors and f"http://127.0.0.1:{port}" in errors


def test_a_demo_waits_for_a_server_only_while_it_lives(start: Start) -> None:
    """A process that has ended will not answer, whatever the time."""
    ended = Popen(["/bin/false"])
    ended.wait()
    with pytest.raises(Refused) as caught:
        wait_until_ready(f"http://127.0.0.1:{free_port()}/sign-in/", ended)  # type: ignore[arg-type]

    assert [p.code for p in caught.value.problems] == ["EQ-X902"]


def test_a_demo_takes_the_first_three_ports_that_are_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """A taken one is passed over with its neighbors; where every one is taken it says so."""
    with socket.socket() as taken:
        first = _pair(taken)
        assert find_ports(first) == first + 3
    assert find_ports(first) == first
    monkeypatch.setattr(demonstrating, "_is_free", lambda _: False)
    with pytest.raises(Refused) as caught:
        find_ports(first)

    assert [p.code for p in caught.value.problems] == ["EQ-X903"]


def _pair(taken: socket.socket) -> int:
    """Take a port whose neighbors above are free."""
    for first in range(30_000, 60_000, 10):
        try:
            taken.bind(("127.0.0.1", first))
        except OSError:
            continue
        if all(_is_free(first + n) for n in range(1, 6)):
            taken.listen()
            return first
        break
    raise AssertionError("no free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.requirement("F39")
def test_an_empty_ledger_proves_nothing_to_a_restored_vault(
    own: Rehearsed, tmp_path: Path, start: Start
) -> None:
    """A door on a ledger in which no trial was opened serves; the vault still assigns nothing."""
    new = Path(shutil.copytree(own.vault, tmp_path / "restored"))
    for file in new.glob("vault.db*"):
        file.unlink()
    assert run("vault", "backup", own.vault, "-o", tmp_path / "copy.db").exit_code == 0
    said = ("--by", "keeper", "--reason", "disk")
    restored = run("vault", "restore", tmp_path / "copy.db", new, *said)
    assert restored.exit_code == 0 and "Not there" not in restored.stdout
    empty = own._replace(store=tmp_path / "empty.db", vault=new)
    study = load_checked(STUDY).identity.study
    open_store(empty.store, study=study, realm="rehearsal", create=True).close()
    port = free_port()
    with running_vault(new) as vault:
        door = start(*serve_words(empty, vault.socket_path, port=port))
        await_door(door, port)
        client = VaultClient(vault.socket_path, read_token(new, "assign"))
        with pytest.raises(Refused) as refused_by:
            client.assign("01-099", stratum="", proof="p")
    assert [p.code for p in refused_by.value.problems] == ["EQ-V044"]


def test_a_key_that_was_cut_short_is_made_anew(tmp_path: Path) -> None:
    """An empty file signs nothing: whoever knows that could make sessions and codes."""
    kept = Kept(tmp_path, "trial")
    (tmp_path / "trial.site.secret").touch()
    secret = kept.secret("site")
    key = secret.read_text()
    assert len(key) > 60 and stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert kept.secret("site").read_text() == key
    assert kept.secret("sealed").read_text() != key
    assert {p.name for p in tmp_path.iterdir()} == {"trial.site.secret", "trial.sealed.secret"}


@pytest.mark.parametrize("fails", ["open", "fsync", "replace"])
def test_a_key_appears_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    """Wherever the machine stops on the way, there is no key or the whole one."""

    def stop(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, fails, stop)
    with suppress(Refused, OSError):
        Kept(tmp_path, "trial").secret("site")
    monkeypatch.undo()
    secret = tmp_path / "trial.site.secret"
    assert not secret.exists() or len(secret.read_text()) > 60
    assert len(Kept(tmp_path, "trial").secret("site").read_text()) > 60
