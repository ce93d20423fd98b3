"""An authority of the tests' own, its certificates, and a relay that sees what passes."""

import datetime as dt
import ipaddress
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = dt.timedelta(days=1)
HEADER_BYTES = 5
"""Of a record of TLS: its kind, its version, its length (RFC 8446, 5.1)."""
APPLICATION_DATA = 23
ALERT_BYTES = 19
"""Two of an alert, one that says so, sixteen that seal it."""


class Authority:
    """Signs certificates; `name.pem` and `name.key` appear in its folder, `ca.pem` is its own."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.file = folder / f"{name}.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._build(self._name, self._key.public_key(), until=_now() + 30 * DAY)
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.file.write_bytes(_pem(made.sign(self._key, hashes.SHA256())))

    def issue(
        self,
        name: str,
        *,
        is_server: bool = False,
        host: str = "localhost",
        until: dt.datetime | None = None,
    ) -> Path:
        """A certificate for a vault at `host` or for a caller; its key lies beside it."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        use = ExtendedKeyUsageOID.SERVER_AUTH if is_server else ExtendedKeyUsageOID.CLIENT_AUTH
        made = self._build(subject, key.public_key(), until=until or _now() + DAY)
        made = made.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        if is_server:
            here = ("127.0.0.1", "::1") if host == "localhost" else ()
            addresses = [x509.IPAddress(ipaddress.ip_address(place)) for place in here]
            known = x509.SubjectAlternativeName([x509.DNSName(host), *addresses])
            made = made.add_extension(known, critical=False)
        path = self.folder / f"{name}.pem"
        path.write_bytes(_pem(made.sign(self._key, hashes.SHA256())))
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        path.with_suffix(".key").write_bytes(private)
        return path

    def _build(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *, until: dt.datetime
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(min(_now(), until) - DAY)
            .not_valid_after(until)
        )


class Relay:
    """What passes between two who speak TLS, each connection by itself."""

    def __init__(self) -> None:
        self.port = 0
        self.asked: list[bytearray] = []
        self.answered: list[bytearray] = []

    def lengths(self, k: int) -> tuple[list[int], list[int]]:
        """Of the k-th connection the records asked and answered with, after its handshake began.

        Those that end a conversation are left out.
        """
        return _records(self.asked[k]), _records(self.answered[k])


@contextmanager
def relaying(port: int) -> Iterator[Relay]:
    """Stand between a caller and what answers at a port of this machine."""
    relay, ends = Relay(), list[socket.socket]()

    def pass_on(one: socket.socket, other: socket.socket, seen: list[bytearray]) -> None:
        seen.append(bytearray())
        stream = seen[-1]

        def follow() -> None:
            with suppress(OSError):
                while part := one.recv(1 << 16):
                    stream.extend(part)
                    other.sendall(part)
            with suppress(OSError):
                other.shutdown(socket.SHUT_WR)

        threading.Thread(target=follow, daemon=True).start()

    def accept() -> None:
        with suppress(OSError):
            while True:
                caller, _ = listener.accept()
                callee = socket.create_connection(("127.0.0.1", port))
                ends.extend((caller, callee))
                pass_on(caller, callee, relay.asked)
                pass_on(callee, caller, relay.answered)

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        relay.port = listener.getsockname()[1]
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield relay
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for end in ends:
                end.close()


def _records(stream: bytearray) -> list[int]:
    found, place = [], 0
    while place + HEADER_BYTES <= len(stream):
        n_bytes = int.from_bytes(stream[place + 3 : place + HEADER_BYTES], "big")
        if stream[place] == APPLICATION_DATA and n_bytes != ALERT_BYTES:
            found.append(n_bytes)
        place += HEADER_BYTES + n_bytes
    return found


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
