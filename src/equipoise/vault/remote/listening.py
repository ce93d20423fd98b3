"""Answering over TLS: who calls shows a certificate, and each certificate opens one capability.

A certificate is known by the digest of its bytes, beside the token and not instead of it. The
authority that signed it is checked as well, and its dates, also while a connection lasts.
"""

import hashlib
import socket
import ssl
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from threading import BoundedSemaphore

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_pem_x509_certificate
from msgspec import Struct

from equipoise.problems import Problem, Refused, problem
from equipoise.vault.local import LocalVault
from equipoise.vault.protocol import Answer, Capability, Refusal, Request
from equipoise.vault.remote.calling import load_files
from equipoise.vault.remote.frames import read_frames, to_frame
from equipoise.vault.server import answering, reply

GREETING_SECONDS = 10.0
"""How long somebody may take to show who they are."""
MOST_GREETINGS = 64
"""How many may be about to show it at a time; who is known already does not count."""
_DRAIN_SECONDS = 1.0


class Listening(Struct, frozen=True, kw_only=True):
    """Where to answer over TLS, with which files, and whose certificate opens what."""

    host: str
    port: int
    certificate: Path
    key: Path
    clients_ca: Path
    admitted: tuple[tuple[Capability, Path], ...]


class Admitted(Struct, frozen=True):
    """The vault as the holder of one certificate sees it."""

    vault: LocalVault
    capability: Capability

    def answer(self, request: Request) -> Answer:
        """Answer one question, if the certificate opens it."""
        return self.vault.answer(request, admitted=frozenset({self.capability}))


def listening(vault: LocalVault, told: Listening) -> AbstractContextManager[int]:
    """Answer over TLS while the body runs; gives the port.

    Raises:
        Refused: a file cannot be read, or the address cannot be listened at.
    """
    known = read_admitted(told)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.num_tickets = 0  # nobody comes back without showing the certificate again
    load_files(context, certificate=told.certificate, key=told.key, ca=told.clients_ca)
    return _listening(Callers(vault, known), told, context)


def read_admitted(told: Listening) -> dict[str, Capability]:
    """Which capability the certificate of a digest opens.

    Raises:
        Refused: a file holds no certificate, nobody is admitted, or one opens two capabilities.
    """
    known: dict[str, Capability] = {}
    for capability, path in told.admitted:
        try:
            first = load_pem_x509_certificate(path.read_bytes())  # its chain may follow it
        except (OSError, ValueError) as error:
            detail = type(error).__name__
            raise Refused([problem("EQ-V186", str(path), path=str(path), detail=detail)]) from None
        if known.setdefault(first.fingerprint(SHA256()).hex(), capability) != capability:
            raise Refused([problem("EQ-V196", str(path), path=str(path))])
    if not known:
        raise Refused([problem("EQ-V197", missing="--admit")])
    return known


@contextmanager
def _listening(callers: "Callers", told: Listening, context: ssl.SSLContext) -> Iterator[int]:
    family = socket.AF_INET6 if ":" in told.host else socket.AF_INET
    try:
        listener = socket.create_server((told.host, told.port), family=family, backlog=128)
    except OSError as error:
        place = f"{told.host}:{told.port}"
        raise Refused([problem("EQ-V193", place, place=place, detail=str(error))]) from None

    def wrap(plain: socket.socket) -> socket.socket:
        try:
            plain.getpeername()  # who has gone already is not worth a handshake
            return context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        except OSError:
            plain.close()
            raise

    with closing(listener), answering(listener, callers.converse, wrap=wrap):
        yield listener.getsockname()[1]


class Callers:
    """Those who call: let in by their certificate, or told why not."""

    def __init__(self, vault: LocalVault, known: Mapping[str, Capability]) -> None:
        self._vault = vault
        self._known = known
        self._greetings = BoundedSemaphore(MOST_GREETINGS)

    def converse(self, connection: socket.socket) -> None:
        """One conversation, from the handshake to its end."""
        assert isinstance(connection, ssl.SSLSocket)
        if not self._greetings.acquire(blocking=False):
            return
        try:
            until = self._greet(connection)
        finally:
            self._greetings.release()
        if until is None:
            return
        capability = self._known.get(_digest(connection.getpeercert(binary_form=True) or b""))
        with suppress(OSError):
            self._answer(connection, capability, until=until)

    def _greet(self, connection: ssl.SSLSocket) -> float | None:
        """The handshake; until when the certificate shown is good, None where it did not end."""
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
            connection.settimeout(GREETING_SECONDS)
            connection.do_handshake()
            shown = connection.getpeercert()
            assert shown is not None
            return ssl.cert_time_to_seconds(str(shown["notAfter"]))
        except OSError as error:  # those of TLS as well
            _report(connection, error)
            _drain(connection)
            return None

    def _answer(
        self, connection: socket.socket, capability: Capability | None, *, until: float
    ) -> None:
        try:
            for line in read_frames(connection):
                if capability is None:
                    raise Refused([problem("EQ-V188")])
                if time.time() >= until:  # who connects anew is told
                    return
                answer = reply(line, Admitted(self._vault, capability))
                connection.sendall(to_frame(msgspec.json.encode(answer)))
        except Refused as refused:
            connection.settimeout(GREETING_SECONDS)
            connection.sendall(to_frame(msgspec.json.encode(Refusal(refused.problems))))


def _digest(certificate: bytes) -> str:
    return hashlib.sha256(certificate).hexdigest()


def _report(connection: ssl.SSLSocket, error: OSError) -> None:
    """Say for who keeps the vault that somebody was not let in, and why."""
    try:
        host, port, *_ = connection.getpeername()
    except OSError:
        host, port = "?", 0
    sys.stderr.write(f"{_why_not(f'{host}:{port}', error)}\n")
    sys.stderr.flush()


def _why_not(who: str, error: OSError) -> Problem:
    known = getattr(error, "verify_message", "") or getattr(error, "reason", "")
    detail = "too slow" if isinstance(error, TimeoutError) else known or str(error)
    return problem("EQ-V195", who=who, detail=str(detail).replace("_", " ").lower())


def _drain(connection: ssl.SSLSocket) -> None:
    """Let the alert arrive: a connection closed over unread words would take it back."""
    until = time.monotonic() + _DRAIN_SECONDS
    with suppress(OSError), socket.socket(fileno=connection.detach()) as plain:
        plain.shutdown(socket.SHUT_WR)
        plain.settimeout(_DRAIN_SECONDS)
        while time.monotonic() < until and plain.recv(1 << 16):
            pass
