import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager

import msgspec
import pytest
from tests.refusing import refusal
from vault_examples import AGREED

import equipoise.vault.__main__
from equipoise.problems import Refused
from equipoise.vault import (
    LocalVault,
    SocketDoor,
    VaultClient,
    VaultProcess,
    read_token,
    serve_vault,
    start_vault,
)
from equipoise.vault.__main__ import main
from equipoise.vault.protocol import Commitment, Listed, Refusal, Word
from equipoise.vault.server import serving
from equipoise.vault.sockets import MAX_LINE_BYTES, connect_to


@pytest.fixture
def path(tmp_path):
    return tmp_path / "vault.sock"


@pytest.fixture
def served(vault, path):
    with serving(vault, path):
        yield path


@pytest.fixture
def token(directory):
    return read_token(directory, "assign")


def test_everything_can_be_asked_over_the_socket(served, directory):
    """Each question and each kind of answer, problems included, as in one process."""

    def client(capability):
        return VaultClient(served, read_token(directory, capability))

    assert client("assign").assign("p1", stratum="", proof="p") == "R-001"
    arm = client("nature").nature("R-001")
    assert client("emergency").reveal("R-001", "arm", by="dr", reason="x") == arm
    assert [a.arm for a in client("unblind").open_list(by="dr", reason="x", **AGREED)] == [arm]
    assert client("cells").contents("R-001", "M0").startswith("product-")
    assert VaultClient(served).verify().ok
    assert VaultClient(served).commitment() == VaultClient(str(served)).commitment()
    log = client("audit").read_log()
    assert [e.type for e in log][:2] == ["Assign", "Nature"]
    with pytest.raises(Refused, match=r"R-002 EQ-V002 .*R-002"):
        client("cells").contents("R-002", "M0")


def test_the_socket_is_its_owners_alone(served):
    """Nobody else on the machine may connect, and it goes when the vault goes."""
    assert served.stat().st_mode & 0o777 == 0o600


def test_lines_that_are_no_questions(served):
    """Refused, and the conversation goes on; a line without end is hung up on."""
    with closing(connect_to(served, timeout=5)) as connection:
        for line in (b"junk", b'{"type":"Other"}', b'{"type":"Assign","token":"x"}', b"\xff"):
            connection.sendall(line + b"\n")
            answer = msgspec.json.decode(connection.recv(1 << 16), type=Refusal)
            assert [p.code for p in answer.problems] == ["EQ-V019"]
    with closing(connect_to(served, timeout=5)) as connection:
        connection.sendall(b"x" * MAX_LINE_BYTES)
        assert connection.recv(10) == b""


def test_an_answer_of_another_kind_is_refused():
    """A client never takes a list for a word."""

    class Odd:
        def answer(self, _request):
            return Listed(())

    assert refusal(VaultClient(Odd()).commitment) == ["EQ-V019"]


def test_nobody_there(path):
    """The problem says where, and that trying again is safe."""
    assert refusal(VaultClient(path).commitment) == ["EQ-V017"]


def test_reconnecting(vault, path, token):
    """A client outlives its vault: after a restart the next question is answered."""
    client = VaultClient(path, token)
    for k in range(3):
        with serving(vault, path):
            assert client.assign(f"p{k}", stratum="", proof="p") == f"R-00{k + 1}"
        assert not path.exists()
    assert refusal(client.assign, "p9", stratum="", proof="p") == ["EQ-V017"]


def test_a_vault_that_dies_while_asked(path):
    """Hung up on before the answer: a problem, not an endless wait."""
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(path))
        listener.listen()

        def die():
            connection, _ = listener.accept()
            connection.recv(1 << 16)
            connection.close()

        thread = soon(die)
        assert refusal(VaultClient(path).commitment) == ["EQ-V017"]
        thread.join()


def test_hanging_up(served):
    """A closed door opens again by itself; closing twice is harmless."""
    door = SocketDoor(served)
    assert isinstance(door.answer(Commitment()), Word)
    door.close()
    door.close()
    assert isinstance(door.answer(Commitment()), Word)
    door.close()


def test_a_fork_gets_its_own_connection(served, monkeypatch):
    """Parent and child never share one conversation."""
    door = SocketDoor(served)
    door.answer(Commitment())
    first = door._connection
    monkeypatch.setattr("equipoise.vault.client.os.getpid", lambda: -1)
    assert isinstance(door.answer(Commitment()), Word)
    assert door._connection is not first
    door.close()
    first.close()


@pytest.mark.requirement("F02")
def test_threads_share_a_client(served, token):
    """Twenty threads, one client: everyone gets a number, none twice."""
    client, given = VaultClient(served, token), []

    def ask(k):
        given.append(client.assign(f"p{k % 18}", stratum="", proof="p"))

    threads = [threading.Thread(target=ask, args=(k,)) for k in range(36)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert sorted(given) == sorted(2 * [f"R-{k:03}" for k in range(1, 19)])


def test_long_addresses_work(vault, tmp_path):
    """Deeper than a socket's address can say, through a link that is gone afterwards."""
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    with serving(vault, deep / "vault.sock"):
        assert VaultClient(deep / "vault.sock").commitment()


def test_an_address_that_cannot_be_shortened(vault, tmp_path):
    """A file name of its own length is refused with the number of bytes."""
    with pytest.raises(Refused) as caught, serving(vault, tmp_path / ("s" * 120)):
        pass
    assert [p.code for p in caught.value.problems] == ["EQ-V022"]


def test_a_stale_socket_is_removed_and_a_live_one_is_not(vault, path):
    """What a killed vault left is no obstacle; a vault at work is."""
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()
    with serving(vault, path):
        with pytest.raises(Refused) as caught, serving(vault, path):
            pass
        assert [p.code for p in caught.value.problems] == ["EQ-V018"]
        assert VaultClient(path).commitment()


def test_a_socket_has_its_name_once_it_answers(vault, path, monkeypatch):
    """Who waits for the name is never refused for having come too early."""
    listen, seen = socket.socket.listen, []

    def looking(listener, *words):
        seen.append(path.exists())
        listen(listener, *words)

    monkeypatch.setattr(socket.socket, "listen", looking)
    with serving(vault, path):
        assert seen == [False]
        assert path.is_socket() and path.stat().st_mode & 0o777 == 0o600
        assert [found.name for found in path.parent.glob(".*")] == []
        assert VaultClient(path).commitment()


def test_a_file_in_the_sockets_place_is_kept(vault, path):
    """Somebody else's file is not written over."""
    path.write_text("theirs")
    with pytest.raises(Refused) as caught, serving(vault, path):
        pass
    assert [p.code for p in caught.value.problems] == ["EQ-V042"]
    assert path.read_text() == "theirs"


@pytest.mark.requirement("D07")
def test_running_out_of_file_descriptors_is_survived(vault, path, monkeypatch):
    """An accept that fails is tried again."""
    accept, n_failed = socket.socket.accept, []

    def failing(listener):
        if len(n_failed) < 3:
            n_failed.append(1)
            raise OSError(24, "Too many open files")
        return accept(listener)

    monkeypatch.setattr(socket.socket, "accept", failing)
    with serving(vault, path):
        assert VaultClient(path).commitment()


# The process


def soon(act):
    """Do it in another thread once the main one is serving."""
    thread = threading.Thread(target=act)
    thread.start()
    return thread


def ask_until_answered(path):
    while True:
        try:
            return VaultClient(path).commitment()
        except Refused:
            time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it(directory, path, number):
    """Cleanly: socket gone, vault closed, the caller's handlers back."""
    before = signal.getsignal(number)

    def stop():
        ask_until_answered(path)
        os.kill(os.getpid(), number)

    thread = soon(stop)
    serve_vault(directory, path)
    thread.join()
    assert not path.exists()
    assert signal.getsignal(number) is before
    LocalVault(directory).close()


def test_its_name_appears_once_every_way_is_open(directory, path):
    """Who waits for the socket may call over the other way at once."""
    seen = []

    @contextmanager
    def beside(_vault):
        seen.append(path.exists())
        yield

    def stop():
        ask_until_answered(path)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = soon(stop)
    serve_vault(directory, path, beside=beside)
    thread.join()
    assert seen == [False]


def test_the_end_of_its_input_stops_it(directory, path, monkeypatch):
    """A vault started by a program that is gone does not stay behind."""
    reader, writer = os.pipe()
    with os.fdopen(reader) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)

        def stop():
            ask_until_answered(path)
            os.write(writer, b"noise")
            os.close(writer)

        thread = soon(stop)
        assert main([str(directory), "--socket", str(path), "--while-stdin"]) == 0
        thread.join()


def test_no_vault_to_serve(tmp_path, path, capsys, monkeypatch):
    """Said on standard error, exit 2; the module run as a program does the same."""
    assert main([str(tmp_path), "--socket", str(path)]) == 2
    assert "EQ-V012" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["vault", str(tmp_path), "--socket", str(path)])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(equipoise.vault.__main__.__file__, run_name="__main__")
    assert ended.value.code == 2


def test_a_process_of_its_own(directory, token):
    """Started, asked, stopped, started again: the list goes on."""
    for k in (1, 2):
        with start_vault(directory) as process:
            client = VaultClient(process.socket_path, token)
            assert client.assign(f"p{k}", stratum="", proof="p") == f"R-00{k}"
        assert process.process.returncode == 0
        assert not process.socket_path.exists()


def test_a_process_that_does_not_start(tmp_path, directory, vault, monkeypatch):
    """Its own words come back; one that stays silent is given up."""
    with pytest.raises(Refused, match="EQ-V012"):
        start_vault(tmp_path / "none")
    assert vault
    with pytest.raises(Refused, match="EQ-V018"):
        start_vault(directory)
    monkeypatch.setattr("equipoise.vault.process.START_SECONDS", 0.0)
    with pytest.raises(Refused, match="silence"):
        start_vault(directory)


def test_a_process_that_does_not_stop_is_killed(path, monkeypatch):
    """Asked first, then forced."""
    monkeypatch.setattr("equipoise.vault.process._STOP_SECONDS", 0.05)
    deaf = (
        "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE)
    process.stdout.readline()
    VaultProcess(process, path).stop()
    assert process.returncode == -signal.SIGKILL
    process.stdout.close()


def test_the_socket_may_lie_elsewhere(directory, path, tmp_path):
    """Another path than the vault's own folder."""
    with start_vault(directory, socket_path=path) as process:
        assert process.socket_path == path
        assert VaultClient(path).commitment()
    assert not (tmp_path / "vault" / "vault.sock").exists()
