"""Reaching a vault on another machine: `tls://HOST:PORT?certificate=FILE&key=FILE&ca=FILE`.

Certificate and key are the caller's own; `ca` has the authority that the vault's certificate must
come from. The files are read at each connection, so that a renewed certificate counts at once.
"""

import socket
import ssl
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct

from equipoise.problems import Problem, Refused, problem

SCHEME = "tls://"
_FILES = ("certificate", "key", "ca")


class RemoteAddress(Struct, frozen=True, kw_only=True):
    """Where a vault answers over TLS, and by what each side knows the other."""

    host: str
    port: int
    certificate: Path
    key: Path
    ca: Path

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{SCHEME}{host}:{self.port}"


def is_remote(place: object) -> bool:
    """Whether a vault's place is an address over TLS and not the path of a socket."""
    return str(place).startswith(SCHEME)


def read_remote(address: str) -> RemoteAddress:
    """The parts of an address.

    Raises:
        Refused: it names no host, port, or one of the three files; or it names something else.
    """
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
        named = dict(parse_qsl(parts.query, strict_parsing=True))
    except ValueError as error:
        raise Refused([problem("EQ-V185", detail=str(error))]) from None
    if not host or not port or parts.path or parts.username or sorted(named) != sorted(_FILES):
        raise Refused([problem("EQ-V185", detail=address.partition("?")[0])])
    files = {name: Path(path) for name, path in named.items()}
    return RemoteAddress(host=host, port=port, **files)


def call(address: RemoteAddress, *, timeout: float) -> ssl.SSLSocket:
    """A connection on which each side has shown who it is; `timeout` in seconds.

    Raises:
        Refused: a file cannot be read, or the two do not believe each other.
        OSError: nobody answers there.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    load_files(context, certificate=address.certificate, key=address.key, ca=address.ca)
    connection = socket.create_connection((address.host, address.port), timeout=timeout)
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        return context.wrap_socket(connection, server_hostname=address.host)
    except ssl.SSLError as error:
        connection.close()
        raise Refused([tell_apart(address, error)]) from None
    except BaseException:
        connection.close()
        raise


def load_files(context: ssl.SSLContext, *, certificate: Path, key: Path, ca: Path) -> None:
    """Load one's own certificate with its key, and the authority of the other side.

    Raises:
        Refused: a file is not there or not what it should be. A key that needs a word to be opened
            is refused: nobody would be asked for it.
    """
    try:
        context.load_cert_chain(certificate, key, password=b"")
    except (OSError, ValueError) as error:
        raise Refused([_unread(certificate, error, beside=key)]) from None
    try:
        context.load_verify_locations(ca)
    except (OSError, ValueError) as error:
        raise Refused([_unread(ca, error)]) from None


def tell_apart(address: RemoteAddress, error: ssl.SSLError) -> Problem:
    """Which of the two does not believe the other, or that no TLS is spoken there."""
    where, reason = str(address), error.reason or type(error).__name__
    if isinstance(error, ssl.SSLCertVerificationError):
        return problem("EQ-V189", where, path=where, detail=error.verify_message)
    if "ALERT" in reason and "VERSION" not in reason:
        detail = reason.partition("ALERT_")[2].replace("_", " ").lower()
        return problem("EQ-V190", where, path=where, detail=detail)
    return problem("EQ-V191", where, path=where, detail=reason.replace("_", " ").lower())


def _unread(path: Path, error: Exception, *, beside: Path | None = None) -> Problem:
    files = f"{path}, {beside}" if beside else str(path)
    detail = getattr(error, "reason", None) or getattr(error, "strerror", None) or "?"
    return problem("EQ-V186", str(path), path=files, detail=str(detail).replace("_", " ").lower())
