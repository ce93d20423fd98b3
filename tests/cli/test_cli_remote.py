"""A vault on another machine, as commands: doors that reach it over TLS, and what is refused."""

import signal
from pathlib import Path

import pytest

from equipoise.vault import VaultClient, read_token
from tests.certificates import Authority
from tests.cli.test_cli_serving import DOORS, Start, await_door, serve_words
from tests.postgres import Server

from .conftest import STUDY, Rehearsed, free_port, refused, run, wait_for


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority(tmp_path / "certificates")
    made.issue("vault", is_server=True)
    for door in DOORS:
        made.issue(door)
    return made


def listen_words(authority: Authority, port: int) -> list[object]:
    folder = authority.folder
    files = ["--certificate", folder / "vault.pem", "--key", folder / "vault.key"]
    admitted = [w for d, c in DOORS.items() for w in ("--admit", f"{c}={folder / d}.pem")]
    return ["--listen", f"127.0.0.1:{port}", *files, "--clients-ca", authority.file, *admitted]


def address(authority: Authority, port: int, door: str) -> str:
    own = f"{authority.folder}/{door}"
    return f"tls://localhost:{port}?certificate={own}.pem&key={own}.key&ca={authority.file}"


@pytest.mark.requirement("C65")
def test_every_door_reaches_a_vault_on_another_machine(
    own: Rehearsed, authority: Authority, start: Start
) -> None:
    """Each with its own certificate and token; a door that was given another's does not start."""
    port = free_port()
    vault = start("vault", own.vault, *listen_words(authority, port))
    at = {door: address(authority, port, door) for door in DOORS}

    def is_there() -> bool:
        return run("vault", "status", at["site"]).exit_code == 0

    wait_for(is_there, seconds=60)
    ports = {door: free_port() for door in DOORS}
    doors = {d: start(*serve_words(own, at[d], port=ports[d], door=d)) for d in DOORS}  # type: ignore[arg-type]
    for door, process in doors.items():
        await_door(process, ports[door])
    token = ("--token", own.vault / "assign.token")
    compared = run("vault", "compare", at["site"], "--store", own.store, *token)
    assert compared.stdout.startswith("18 numbers of the ledger are the vault's"), compared.output
    mixed = serve_words(own, at["sealed"], port=free_port())  # type: ignore[arg-type]
    assert refused(*mixed) == ["EQ-X904"]
    log = run("vault", "log", at["site"], "--token", own.vault / "audit.token")
    assert log.exit_code == 2 and "EQ-V187" in log.stderr
    for process in (*doors.values(), vault):
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=20)
        assert (process.returncode, "Traceback" in output + errors) == (0, False), errors


@pytest.mark.requirement("C65")
def test_a_vault_answers_at_a_socket_and_over_tls(
    own: Rehearsed, authority: Authority, tmp_path: Path, start: Start
) -> None:
    """The statistician beside it at the socket, the doors from elsewhere; one vault."""
    port, at = free_port(), tmp_path / "v.sock"
    start("vault", own.vault, "--socket", at, *listen_words(authority, port))
    wait_for(at.is_socket)
    there = VaultClient(address(authority, port, "sealed"), read_token(own.vault, "cells"))
    here = VaultClient(at, read_token(own.vault, "cells"))
    assert there.commitment() == here.commitment()
    assert there.contents("R-001", "M0") == here.contents("R-001", "M0")


def test_what_is_missing_to_answer_over_tls(
    own: Rehearsed, authority: Authority, tmp_path: Path
) -> None:
    """Each missing option is named; nothing listens meanwhile."""
    words = listen_words(authority, free_port())
    half = run("vault", own.vault, *words[:4])
    assert half.exit_code == 2
    assert "EQ-V197" in half.stderr and "--key, --clients-ca, --admit" in half.stderr
    for wrong in ("9443", "host:", "host:99999", ":9443"):
        assert refused("vault", own.vault, "--listen", wrong, *words[2:]) == ["EQ-V193"]
    for wrong in ("site=x.pem", "assign", "assign="):
        used = run("vault", own.vault, *words, "--admit", wrong)
        assert used.exit_code == 2 and "assign" in used.stderr
    absent = run("vault", own.vault, *words, "--admit", f"audit={tmp_path}/absent.pem")
    assert absent.exit_code == 2 and "absent.pem" in absent.stderr
    assert refused("vault", "status", "tls://localhost:9443") == ["EQ-V185"]


# In a database


@pytest.mark.requirement("F13")
def test_a_vault_in_a_database_from_its_making_to_a_new_key(
    tmp_path: Path, postgres_server: Server, start: Start
) -> None:
    """Made by the owner, answering by a role that only adds; a new key, and no backup of ours."""
    made, folder, at = postgres_server.create_schema(), tmp_path / "vault", tmp_path / "v.sock"
    words = ["vault", folder, "--create", STUDY, "--realm", "live", "--store", made.app]
    assert refused(*words) == ["EQ-V204"]
    created = run(*words, "--owner", made.owner)
    assert created.exit_code == 0, created.output
    process = start("vault", folder, "--socket", at)
    wait_for(at.is_socket)
    client = VaultClient(at, read_token(folder, "assign"))
    assert created.stdout == f"Commitment to the allocation: {client.commitment()}\n"
    assert client.assign("01-001", stratum="", proof="p") == "R-001"
    status = run("vault", "status", at)
    assert status.exit_code == 0 and "1 numbers given." in status.stdout
    said = ("--by", "keeper", "--reason", "yearly")
    assert refused("vault", "rotate", folder, *said, "--owner", made.owner) == ["EQ-V018"]
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    assert refused("vault", "rotate", folder, *said) == ["EQ-V199"]
    turned = run("vault", "rotate", folder, *said, "--owner", made.owner)
    assert turned.exit_code == 0, turned.output
    assert refused("vault", "backup", folder, "-o", tmp_path / "copy.db") == ["EQ-V198"]


def test_an_address_shows_no_password(tmp_path: Path) -> None:
    """Nor is a file taken for a database."""
    words = ["vault", tmp_path / "v", "--create", STUDY, "--realm", "live", "--store"]
    assert refused(*words, "postgresql://a:word@h/d") == ["EQ-X926"]
    assert refused(*words, "postgresql://a@h/d", "--owner", "postgresql://a:b@h/d") == ["EQ-X926"]
    path = run(*words, "vault.db")
    assert path.exit_code == 2 and "no postgresql:// address" in path.stderr
