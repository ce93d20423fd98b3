"""The vault over TLS: real sockets, real certificates, and what an eavesdropper sees of it."""

import datetime as dt
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import msgspec
import pytest
from tests.certificates import Authority, Relay, relaying
from tests.refusing import refusal
from vault_examples import CONTENTS, SEED, SPECIFICATION

from equipoise.problems import Refused
from equipoise.vault import LocalVault, SocketDoor, VaultClient, create_vault, read_token
from equipoise.vault.packets.messages import OpenedPacket
from equipoise.vault.protocol import Commitment, Refusal, Word
from equipoise.vault.remote import frames
from equipoise.vault.remote.calling import call, read_remote
from equipoise.vault.remote.listening import Listening, listening
from equipoise.vault.server import serving
from equipoise.vault.sockets import MAX_LINE_BYTES

CAPABILITIES = ("assign", "cells", "emergency", "audit", "packets")


def told_the_keeper(capfd, words: str) -> str:
    """What the vault said of callers that it did not let in, once it says these words."""
    said, deadline = "", time.monotonic() + 10
    while words not in said:
        assert time.monotonic() < deadline, said
        time.sleep(0.02)
        said += capfd.readouterr().err
    return said


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """In a file: what passes is the same whatever keeps the list."""
    create_vault(tmp_path / "v", SPECIFICATION, contents=CONTENTS, realm="rehearsal", seed=SEED)
    return tmp_path / "v"


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("certificates"))
    made.issue("vault", is_server=True)
    for name in (*CAPABILITIES, "stranger"):
        made.issue(name)
    return made


def told(authority: Authority, **other) -> Listening:
    folder = authority.folder
    return Listening(
        **{
            "host": "127.0.0.1",
            "port": 0,
            "certificate": folder / "vault.pem",
            "key": folder / "vault.key",
            "clients_ca": authority.file,
            "admitted": tuple((c, folder / f"{c}.pem") for c in CAPABILITIES),
            **other,
        }
    )


@pytest.fixture
def port(vault: LocalVault, authority: Authority) -> Iterator[int]:
    with listening(vault, told(authority)) as port:
        yield port


def address(
    authority: Authority,
    port: int,
    name: str,
    *,
    host: str = "localhost",
    ca: Path | None = None,
) -> str:
    files = f"certificate={authority.folder}/{name}.pem&key={authority.folder}/{name}.key"
    return f"tls://{host}:{port}?{files}&ca={ca or authority.file}"


def client(authority, port, directory, capability, *, shown="", **other) -> VaultClient:
    at = address(authority, port, shown or capability, **other)
    return VaultClient(at, read_token(directory, capability))


# What is answered


@pytest.mark.requirement("C65", "F02")
def test_each_door_asks_its_own_over_tls(authority, port, directory, vault):
    """The same questions and answers as at the socket, each with its certificate and token."""
    assigning = client(authority, port, directory, "assign")
    assert assigning.assign("p1", stratum="", proof="p") == "R-001"
    assert assigning.assign("p1", stratum="", proof="p") == "R-001"
    product = client(authority, port, directory, "cells").contents("R-001", "M0")
    assert product == VaultClient(vault, read_token(directory, "cells")).contents("R-001", "M0")
    emergency = client(authority, port, directory, "emergency")
    assert emergency.reveal("p1", "infusion:M0", by="dr", reason="x") == product
    assert [b.participant for b in assigning.breaks()] == ["p1"]
    assert assigning.verify().ok
    log = client(authority, port, directory, "audit").read_log()
    assert [e.type for e in log][:3] == ["Assign", "Assign", "Contents"]
    with pytest.raises(Refused, match=r"R-002 EQ-V002 .*R-002"):
        client(authority, port, directory, "cells").contents("R-002", "M0")


@pytest.mark.requirement("C65", "F30")
def test_a_token_without_its_certificate_opens_nothing(authority, port, directory):
    """A token that leaked opens nothing behind another door's certificate; it is on record."""
    pairs = [("cells", "assign"), ("emergency", "assign"), ("assign", "cells")]
    for capability, shown in (*pairs, ("packets", "assign"), ("assign", "packets")):
        asking = client(authority, port, directory, capability, shown=shown)
        ask = {
            "cells": lambda: asking.contents("R-001", "M0"),  # noqa: B023
            "emergency": lambda: asking.reveal("R-001", "arm", by="dr", reason="x"),  # noqa: B023
            "assign": lambda: asking.assign("p1", stratum="", proof="p"),  # noqa: B023
            "packets": lambda: asking.print_packets("01", n=1, by="s", reason="x"),  # noqa: B023
        }[capability]
        assert refusal(ask) == ["EQ-V187"]
    # Breaks may be read by three: the certificate must be of the one whose token it is.
    asking = client(authority, port, directory, "emergency", shown="audit")
    assert refusal(asking.breaks) == ["EQ-V001"]
    # And a certificate alone opens nothing either.
    nobody = VaultClient(address(authority, port, "assign"), "0" * 64)
    assert refusal(lambda: nobody.assign("p1", stratum="", proof="p")) == ["EQ-V001"]
    log = client(authority, port, directory, "audit").read_log()
    refused = [msgspec.json.decode(e.body)["refused"] for e in log]
    assert refused[:7] == [["EQ-V187"]] * 5 + [["EQ-V001"]] * 2


def test_who_is_known_to_nobody_is_answered_nothing(authority, port, directory):
    """Signed by the right authority and not admitted: not even what anybody may ask."""
    stranger = client(authority, port, directory, "assign", shown="stranger")
    assert refusal(stranger.commitment) == ["EQ-V188"]
    assert refusal(lambda: stranger.assign("p1", stratum="", proof="p")) == ["EQ-V188"]


def test_it_answers_at_both_ways_at_once(authority, port, vault, directory):
    """One vault, one list: the socket and the network give numbers of the same."""
    with serving(vault, directory / "vault.sock"):
        here = VaultClient(directory / "vault.sock", read_token(directory, "assign"))
        there = client(authority, port, directory, "assign")
        assert here.assign("p1", stratum="", proof="p") == "R-001"
        assert there.assign("p2", stratum="", proof="p") == "R-002"
        assert here.assign("p3", stratum="", proof="p") == "R-003"


def test_a_client_outlives_its_vault(authority, vault, directory):
    """After a restart the next question is answered, and hanging up is harmless."""
    with listening(vault, told(authority)) as port:
        door = SocketDoor(address(authority, port, "assign"))
        assert isinstance(door.answer(Commitment()), Word)
    assert refusal(door.answer, Commitment()) == ["EQ-V017"]
    with listening(vault, told(authority, port=port)):
        assert isinstance(door.answer(Commitment()), Word)
        door.close()
        assert isinstance(door.answer(Commitment()), Word)
    door.close()


# Who is not let in


def test_without_a_certificate(authority, port, capfd):
    """Nobody is answered; the keeper of the vault is told who came."""
    context = ssl.create_default_context(cafile=authority.file)
    with (
        closing(socket.create_connection(("127.0.0.1", port), timeout=5)) as plain,
        closing(context.wrap_socket(plain, server_hostname="localhost")) as connection,
        pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"),
    ):
        connection.recv(10)
    said = told_the_keeper(capfd, "peer did not return a certificate")
    assert "EQ-V195 127.0.0.1:" in said


def test_of_another_authority(authority, port, tmp_path, capfd):
    """A certificate that anybody could make for themselves opens nothing."""
    other = Authority(tmp_path / "other")
    other.issue("assign")
    asking = VaultClient(address(other, port, "assign", ca=authority.file))
    assert refusal(asking.commitment) == ["EQ-V190"]
    told_the_keeper(capfd, "EQ-V195")


def test_a_certificate_that_has_ended(authority, port, directory):
    """Of the caller and of the vault: the one who notices says so."""
    authority.issue("old", until=dt.datetime.now(dt.UTC) - dt.timedelta(hours=1))
    with pytest.raises(Refused, match=r"EQ-V190 .*certificate expired"):
        client(authority, port, directory, "assign", shown="old").commitment()


def test_a_certificate_that_ends_meanwhile(authority, vault, directory):
    """A conversation is not longer than the certificate that it was begun with."""
    until = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=5)
    authority.issue("brief", until=until)
    admitted = (("assign", authority.folder / "brief.pem"),)
    with listening(vault, told(authority, admitted=admitted)) as port:
        asking = client(authority, port, directory, "assign", shown="brief")
        assert asking.commitment()
        time.sleep((until - dt.datetime.now(dt.UTC)).total_seconds() + 0.5)
        assert refusal(asking.commitment) == ["EQ-V190"]


def test_a_vault_that_is_another(authority, vault, directory, tmp_path):
    """Another name, authority or an old certificate: not asked at all."""
    elsewhere = authority.issue("elsewhere", is_server=True, host="other.example")
    ended = authority.issue(
        "ended", is_server=True, until=dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    )
    for path, words in ((elsewhere, "match"), (ended, "expired")):
        served = told(authority, certificate=path, key=path.with_suffix(".key"))
        with listening(vault, served) as port, pytest.raises(Refused, match=f"EQ-V189 .*{words}"):
            client(authority, port, directory, "assign").commitment()
    other = Authority(tmp_path / "other")
    with listening(vault, told(authority)) as port:
        asking = client(authority, port, directory, "assign", ca=other.file)
        assert refusal(asking.commitment) == ["EQ-V189"]
    assert [e.type for e in vault._store.read()] == []


def test_a_callers_certificate_is_no_vaults(authority, vault, directory):
    """A door that was taken over cannot pose as the vault to the others."""
    posing = told(
        authority,
        certificate=authority.folder / "assign.pem",
        key=authority.folder / "assign.key",
    )
    with listening(vault, posing) as port:
        assert refusal(client(authority, port, directory, "cells").commitment) == ["EQ-V189"]


def test_in_clear(authority, port, capfd):
    """Who speaks without TLS gets no answer, and the conversation of others goes on."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=5)) as connection:
        connection.sendall(msgspec.json.encode(Commitment()) + b"\n" + b" " * 200)
        answer = connection.recv(1000)
    assert b"{" not in answer
    told_the_keeper(capfd, "EQ-V195")
    assert VaultClient(address(authority, port, "assign")).commitment()


def test_an_older_tls(authority, port):
    """TLS 1.2 is not spoken, with the right certificate either."""
    context = ssl.create_default_context(cafile=authority.file)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(authority.folder / "assign.pem", authority.folder / "assign.key")
    with (
        closing(socket.create_connection(("127.0.0.1", port), timeout=5)) as plain,
        pytest.raises(ssl.SSLError, match="VERSION"),
    ):
        context.wrap_socket(plain, server_hostname="localhost")


def test_what_answers_speaks_no_tls(authority):
    """A port of something else is told apart from a vault that is away."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def answer():
            connection, _ = listener.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        port = listener.getsockname()[1]
        assert refusal(VaultClient(address(authority, port, "assign")).commitment) == ["EQ-V191"]
        thread.join()
    assert refusal(VaultClient(address(authority, port, "assign")).commitment) == ["EQ-V017"]


def test_a_vault_that_answers_only_older_tls(authority):
    """Refused by the caller as well."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.folder / "vault.pem", authority.folder / "vault.key")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def answer():
            connection, _ = listener.accept()
            with pytest.raises(ssl.SSLError):
                context.wrap_socket(connection, server_side=True)
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        at = address(authority, listener.getsockname()[1], "assign")
        assert refusal(VaultClient(at).commitment) == ["EQ-V191"]
        thread.join()


# Who is slow, silent or endless


def test_a_vault_that_hangs(authority):
    """A caller waits for its time and no longer, before and after the handshake."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        at = address(authority, listener.getsockname()[1], "assign")
        door = SocketDoor(at, timeout=0.3)
        begun = time.monotonic()
        assert refusal(door.answer, Commitment()) == ["EQ-V017"]
        assert time.monotonic() - begun < 3


@contextmanager
def admitted(authority, port, name="assign") -> Iterator[ssl.SSLSocket]:
    connection = call(read_remote(address(authority, port, name)), timeout=20.0)
    with closing(connection):
        yield connection


def received(connection) -> bytes:
    found = bytearray()
    while part := connection.recv(1 << 16):
        found += part
    return bytes(found)


def test_a_question_that_does_not_end(authority, port, monkeypatch):
    """A byte now and then keeps nobody: the whole question has its time."""
    monkeypatch.setattr(frames, "FRAME_SECONDS", 0.6)
    with admitted(authority, port) as connection:
        begun = time.monotonic()
        with pytest.raises(OSError):  # reset, or a broken pipe
            while time.monotonic() - begun < 10:
                connection.sendall(b"{")
                time.sleep(0.1)
        assert time.monotonic() - begun < 5
    with admitted(authority, port) as connection:
        connection.sendall(b"{")
        answer = msgspec.json.decode(received(connection), type=Refusal)
    assert [p.code for p in answer.problems] == ["EQ-V194"]


def test_who_says_nothing_is_hung_up_on(authority, port, monkeypatch):
    """And asks again without noticing."""
    monkeypatch.setattr(frames, "IDLE_SECONDS", 1.0)
    door = SocketDoor(address(authority, port, "assign"))
    for _ in range(2):
        assert isinstance(door.answer(Commitment()), Word)
        time.sleep(1.6)
    with admitted(authority, port) as connection:
        assert received(connection) == b""
    door.close()


def test_between_two_questions_there_is_more_time_than_within_one(authority, port, monkeypatch):
    """A door keeps its connection while nobody asks anything."""
    monkeypatch.setattr(frames, "FRAME_SECONDS", 0.3)
    line = msgspec.json.encode(Commitment()) + b"\n"
    with admitted(authority, port) as connection:
        for _ in range(2):
            connection.sendall(line)
            assert connection.recv(1 << 16)
            time.sleep(0.6)


def test_who_does_not_greet_is_hung_up_on(authority, vault, monkeypatch, capfd):
    """Connected and silent, they do not keep out those who are admitted."""
    monkeypatch.setattr("equipoise.vault.remote.listening.GREETING_SECONDS", 3.0)
    monkeypatch.setattr("equipoise.vault.remote.listening.MOST_GREETINGS", 2)
    silent = []
    with listening(vault, told(authority)) as port:
        begun = time.monotonic()
        for k in range(4):
            connection = socket.create_connection(("127.0.0.1", port), timeout=20)
            if k < 2:
                silent.append(connection)
                time.sleep(0.1)
            else:
                with connection:  # there are too many at a time
                    assert connection.recv(10) == b""
                assert time.monotonic() - begun < 3
        for connection in silent:
            with connection:
                assert connection.recv(10) == b""
        told_the_keeper(capfd, "too slow")
        deadline, commitment = time.monotonic() + 10, ""
        while not commitment and time.monotonic() < deadline:
            with suppress(Refused):  # the places of the silent are free in a moment
                commitment = VaultClient(address(authority, port, "assign")).commitment()
        assert commitment


def hang_up(connection: socket.socket) -> None:
    """Reset it, so that the other end cannot say any more whose it was."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


def test_who_is_gone_before_they_are_seen(authority, port):
    """A connection that is reset at once leaves the vault answering."""
    for _ in range(20):
        hang_up(socket.create_connection(("127.0.0.1", port)))
    assert VaultClient(address(authority, port, "assign")).commitment()


def test_who_hangs_up_while_they_are_greeted(authority, port, capfd):
    """It is told, though nobody knows any more from where they called."""
    for pause in (0.3, 1.5):  # by then the vault waits for their first word, mostly
        connection = socket.create_connection(("127.0.0.1", port))
        time.sleep(pause)
        hang_up(connection)
    told_the_keeper(capfd, "EQ-V195 ?:0 ")
    assert VaultClient(address(authority, port, "assign")).commitment()


def test_a_question_without_end(authority, port):
    """One that is too long is not sent; sent all the same, it is refused and not kept."""
    asking = VaultClient(address(authority, port, "assign"))
    long = "x" * MAX_LINE_BYTES
    assert refusal(lambda: asking.assign(long, stratum="", proof="p")) == ["EQ-V192"]
    answers = []
    with admitted(authority, port) as connection:
        thread = threading.Thread(target=lambda: answers.append(received(connection)))
        thread.start()
        connection.sendall(b"x" * MAX_LINE_BYTES)
        thread.join()
    (answer,) = answers
    assert [p.code for p in msgspec.json.decode(answer, type=Refusal).problems] == ["EQ-V192"]
    assert asking.commitment()


def test_questions_arrive_in_any_pieces(authority, port):
    """One by one, two at once, or byte by byte: each is answered, in their order."""
    line = msgspec.json.encode(Commitment()) + b"\n"
    with admitted(authority, port) as connection:
        for pieces in ([line], [line + line], [line[:5], line[5:] + line[:3], line[3:]]):
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(0.05)
            n_asked = sum(piece.count(b"\n") for piece in pieces)
            seen = bytearray()
            while seen.count(b"\n") < n_asked:
                seen += connection.recv(1 << 16)
            assert len({*bytes(seen).splitlines()}) == 1
        connection.sendall(b"junk\n")
        answer = msgspec.json.decode(connection.recv(1 << 16), type=Refusal)
        assert [p.code for p in answer.problems] == ["EQ-V019"]


# What an eavesdropper sees


def ask_everything(relay: Relay, authority: Authority, directory: Path) -> list[object]:
    """All questions in which an arm could show; what was seen of each door's conversation."""
    doors = {c: client(authority, relay.port, directory, c) for c in CAPABILITIES}
    for door in doors.values():  # so that the connections are in this order
        door.commitment()
    for k in range(1, 19):
        number = doors["assign"].assign(f"01-{k:03}", stratum="", proof="p")
        for encounter in ("M0", "M3"):
            doors["cells"].contents(number, encounter)
            said = {"by": "dr", "reason": "x", "request": f"{number}-{encounter}"}
            doors["emergency"].reveal(number, f"infusion:{encounter}", **said)
        doors["emergency"].reveal(number, "arm", by="dr", reason="x", request=f"{number}-a")
    printed = doors["packets"].print_packets("01", n=9, by="s", reason="outage")
    said = {"by": "c", "opened_by": "c", "reason": "outage", "opened_at": dt.datetime.now(dt.UTC)}
    for k, one in enumerate(p for p in printed.packets if p.kind == "randomization"):
        opened = OpenedPacket(**said, packet=one.packet, code=one.code, participant=f"01-1{k:02}")
        doors["assign"].enter_packet(opened, proof="p")
    asked = {"assign": 28, "cells": 37, "emergency": 55, "audit": 1, "packets": 2}
    seen: list[object] = []
    for k, n in enumerate(asked.values()):
        questions, answers = relay.lengths(k)
        assert len(questions) > n  # there is the certificate too, before them
        seen.append((questions[-n:], answers[-n:]))
    return seen


@pytest.mark.requirement("C65", "F28")
def test_no_length_on_the_wire_tells_an_arm(authority, tmp_path):
    """Every question and every answer of every door is one record of one length, whatever the arm.

    The words of the arms and products differ in length, and so would their answers.
    """
    assert len({len(arm) for arm in CONTENTS}) > 1
    seen = []
    for seed in (b"one", b"another"):
        directory = tmp_path / seed.decode()
        create_vault(directory, SPECIFICATION, contents=CONTENTS, realm="rehearsal", seed=seed)
        with (
            closing(LocalVault(directory)) as vault,
            listening(vault, told(authority)) as port,
            relaying(port) as relay,
        ):
            seen.append(ask_everything(relay, authority, directory))
            passed = b"".join(map(bytes, (*relay.asked, *relay.answered)))
            # Long enough that ciphers do not hold them by chance, once in a hundred runs.
            assert all(word not in passed for word in (b'"R-00', b"product", b'"token"', b'"01-00'))
    assert seen[0] == seen[1]
    *doors, _ = seen[0]  # whoever prints packets sees their arms, and is sent all of them at once
    assert len({n for door in doors for way in door for n in way}) == 1


@pytest.mark.requirement("C65")
def test_every_message_is_filled_up():
    """To a power of two, and a message is never cut."""
    for n_bytes in (0, 1, 1022, 1023, 1024, 2047, 5000):
        frame = frames.to_frame(b"x" * n_bytes)
        assert frame.rstrip(b" \n") == b"x" * n_bytes
        assert frame.endswith(b"\n")
        assert len(frame) & (len(frame) - 1) == 0
        assert 1024 <= len(frame) < 2 * max(n_bytes + 1, 1024)


# Addresses and files


@pytest.mark.parametrize(
    "wrong",
    [
        "tls://",
        "tls://host",
        "tls://host:99999?certificate=a&key=b&ca=c",
        "tls://host:1?certificate=a&key=b",
        "tls://host:1?certificate=a&key=b&ca=c&realm=live",
        "tls://host:1/path?certificate=a&key=b&ca=c",
        "tls://who@host:1?certificate=a&key=b&ca=c",
        "tls://host:1?certificate",
    ],
)
def test_an_address_that_is_none(wrong):
    """Said at once, and not taken for the path of a socket."""
    assert refusal(VaultClient, wrong) == ["EQ-V185"]


def test_an_address_of_version_six():
    """Its brackets are kept where it is shown; its files are not shown."""
    at = read_remote("tls://[::1]:9443?certificate=a&key=b&ca=c")
    assert (at.host, str(at)) == ("::1", "tls://[::1]:9443")


def test_it_listens_at_addresses_of_version_six(authority, vault):
    """The certificate names the host, whichever way it is reached."""
    with listening(vault, told(authority, host="::1")) as port:
        assert VaultClient(address(authority, port, "assign", host="[::1]")).commitment()


def test_files_that_are_none(authority, vault, port, tmp_path):
    """Of the caller and of the vault: which file, and what is wrong with it."""
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")
    assert refusal(VaultClient(address(authority, port, "absent")).commitment) == ["EQ-V186"]
    wrong = VaultClient(address(authority, port, "assign", ca=junk))
    assert refusal(wrong.commitment) == ["EQ-V186"]
    for other in (
        {"certificate": tmp_path / "absent.pem"},
        {"key": authority.folder / "assign.key"},
        {"clients_ca": junk},
        {"admitted": (("assign", junk),)},
    ):
        assert refusal(listening, vault, told(authority, **other)) == ["EQ-V186"]


def test_a_key_behind_a_password_is_asked_of_nobody(authority, vault, tmp_path):
    """A vault that starts by itself has nobody to type it."""
    from cryptography.hazmat.primitives import serialization as s

    private = s.load_pem_private_key((authority.folder / "vault.key").read_bytes(), None)
    shut = tmp_path / "shut.key"
    shut.write_bytes(
        private.private_bytes(
            s.Encoding.PEM, s.PrivateFormat.PKCS8, s.BestAvailableEncryption(b"word")
        )
    )
    assert refusal(listening, vault, told(authority, key=shut)) == ["EQ-V186"]


def test_whom_it_admits(authority, vault):
    """Somebody, and each certificate to one capability; renewed, both of them for a while."""
    folder = authority.folder
    assert refusal(listening, vault, told(authority, admitted=())) == ["EQ-V197"]
    twice = (("assign", folder / "assign.pem"), ("cells", folder / "assign.pem"))
    assert refusal(listening, vault, told(authority, admitted=twice)) == ["EQ-V196"]
    chain = folder / "chain.pem"
    chain.write_bytes(
        b"subject=site\n" + (folder / "assign.pem").read_bytes() + authority.file.read_bytes()
    )
    renewed = (("assign", chain), ("assign", folder / "stranger.pem"))
    with listening(vault, told(authority, admitted=renewed)) as port:
        for name in ("assign", "stranger"):
            assert VaultClient(address(authority, port, name)).commitment()


def test_an_address_that_is_taken(authority, vault, port):
    """The other one goes on."""
    with (
        pytest.raises(Refused, match=f"EQ-V193 .*{port}"),
        listening(vault, told(authority, port=port)),
    ):
        pass
    assert VaultClient(address(authority, port, "assign")).commitment()
