"""Messages as they cross a network: one line each, of few lengths, within a time.

TLS hides what a message says and shows how long it is. So every message is filled with blanks,
which JSON passes over, to a power of two: a word of any arm or product travels in the same length.
"""

import socket
import time
from collections.abc import Iterator

from equipoise.problems import Problem, Refused, problem
from equipoise.vault.sockets import MAX_LINE_BYTES

LEAST_BYTES = 1024
IDLE_SECONDS = 600.0
"""How long a connection may say nothing; who is hung up on connects anew by itself."""
FRAME_SECONDS = 30.0
"""How long one message may take, from its first byte to its last."""


def to_frame(message: bytes) -> bytes:
    """A message with its end, filled up so that its length tells nothing of a word in it."""
    n_bytes = max(LEAST_BYTES, 1 << len(message).bit_length())
    return message.ljust(n_bytes - 1) + b"\n"


def check_length(message: bytes) -> Problem | None:
    """Whether the vault takes a message of this length."""
    if len(message) < MAX_LINE_BYTES:
        return None
    return problem("EQ-V192", most=MAX_LINE_BYTES)


def read_frames(connection: socket.socket) -> Iterator[bytes]:
    """The messages of a connection, one after the other, until it ends.

    Raises:
        Refused: a message is too long, or does not come to its end in time.
        OSError: the connection broke, or nothing was said for too long.
    """
    begun, deadline = b"", time.monotonic() + IDLE_SECONDS
    while part := _receive(connection, deadline, is_begun=bool(begun)):
        if not begun:
            deadline = time.monotonic() + FRAME_SECONDS
        *whole, rest = part.split(b"\n")
        for line in whole:
            yield _checked(begun + line)
            begun, deadline = b"", time.monotonic() + (FRAME_SECONDS if rest else IDLE_SECONDS)
        begun = _checked(begun + rest)


def _receive(connection: socket.socket, deadline: float, *, is_begun: bool) -> bytes:
    try:
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        return connection.recv(1 << 16)
    except TimeoutError:
        if is_begun:
            raise Refused([problem("EQ-V194", seconds=FRAME_SECONDS)]) from None
        raise


def _checked(message: bytes) -> bytes:
    if found := check_length(message):
        raise Refused([found])
    return message
