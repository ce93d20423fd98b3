"""The vault as a process: one thread a connection, one question at a time."""

import os
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from types import FrameType

import msgspec

from equipoise.problems import Refused, problem
from equipoise.vault.local import LocalVault
from equipoise.vault.protocol import REQUESTS, Answer, Door, Refusal
from equipoise.vault.sockets import MAX_LINE_BYTES, connect_to, short_address

_LOOK_ROUND_SECONDS = 0.2
Converse = Callable[[socket.socket], None]
Wrap = Callable[[socket.socket], socket.socket]
Serve = Callable[[LocalVault], AbstractContextManager[object]]


def serve_vault(
    directory: str | Path,
    socket_path: str | Path | None,
    *,
    stop_with: int | None = None,
    beside: Serve | None = None,
) -> None:
    """Serve the vault of a folder until SIGTERM or SIGINT, or until file `stop_with` ends.

    It answers at a Unix socket, by another way `beside`, or both.
    """
    reader, writer = socket.socketpair()
    with (
        closing(reader),
        closing(writer),
        _signals_to(writer),
        closing(LocalVault(directory)) as vault,
        nullcontext() if beside is None else beside(vault),
        # Last: who waits for its name finds both ways open.
        nullcontext() if socket_path is None else serving(vault, socket_path),
    ):
        if stop_with is not None:
            args = (stop_with, writer)
            threading.Thread(target=_watch, args=args, daemon=True).start()
        reader.recv(1)


@contextmanager
def serving(door: Door, socket_path: str | Path) -> Iterator[None]:
    """Answer at a socket while the body runs."""
    path = Path(socket_path)
    with closing(_listen(path)) as listener:
        try:
            with answering(listener, partial(_converse, door=door)):
                yield
        finally:
            path.unlink(missing_ok=True)


@contextmanager
def answering(
    listener: socket.socket, converse: Converse, *, wrap: Wrap = lambda plain: plain
) -> Iterator[None]:
    """Let `converse` have each connection, in a thread of its own, while the body runs."""
    is_over = threading.Event()
    connections: set[socket.socket] = set()
    listener.settimeout(_LOOK_ROUND_SECONDS)

    def talk(connection: socket.socket) -> None:
        with connection:
            converse(connection)
        connections.discard(connection)

    def accept() -> None:
        while not is_over.is_set():
            try:
                connection = wrap(listener.accept()[0])
            except OSError:  # nobody came, or no file descriptor is free: look again
                is_over.wait(0.01)
                continue
            connection.settimeout(None)
            connections.add(connection)
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
        for connection in tuple(connections):
            with suppress(OSError):  # not as TLS does: it would go on in clear
                socket.socket.shutdown(connection, socket.SHUT_RDWR)


def reply(line: bytes, door: Door) -> Answer:
    """The answer to one line."""
    try:
        request = REQUESTS.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Refusal((problem("EQ-V019", detail=type(error).__name__),))
    return door.answer(request)


def _listen(path: Path) -> socket.socket:
    """A listener at `path`; its name appears once it answers, and only to its owner."""
    _remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with tempfile.TemporaryDirectory(prefix=".", dir=path.parent) as folder:
            unnamed = Path(folder) / path.name
            with short_address(unnamed) as address:
                listener.bind(address)
            unnamed.chmod(0o600)
            listener.listen(128)
            os.link(unnamed, path)  # unlike a rename, it takes no other's place
    except FileExistsError:
        listener.close()
        raise Refused([problem("EQ-V042", str(path), path=str(path))]) from None
    except BaseException:
        listener.close()
        raise
    return listener


def _remove_stale(path: Path) -> None:
    """A socket that a killed vault left behind is removed; one that answers is not."""
    if not path.is_socket():
        return
    try:
        connect_to(path, timeout=1.0).close()
    except (ConnectionRefusedError, FileNotFoundError):  # nobody answers, or it went meanwhile
        path.unlink(missing_ok=True)
    else:
        raise Refused([problem("EQ-V018", str(path), path=str(path))])


def _converse(connection: socket.socket, *, door: Door) -> None:
    with suppress(OSError), connection.makefile("rb") as lines:
        while (line := lines.readline(MAX_LINE_BYTES)).endswith(b"\n"):
            connection.sendall(msgspec.json.encode(reply(line, door)) + b"\n")


@contextmanager
def _signals_to(writer: socket.socket) -> Iterator[None]:
    """Turn signals into a byte: a handler that takes no lock can block nothing."""

    def tell(_number: int, _frame: FrameType | None) -> None:
        writer.send(b"x")

    before = {number: signal.signal(number, tell) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _watch(descriptor: int, writer: socket.socket) -> None:
    while os.read(descriptor, 1024):
        pass
    with suppress(OSError):
        writer.send(b"x")
