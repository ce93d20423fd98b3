"""Unix sockets: addresses longer than the system allows, and messages of one line."""

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from equipoise.problems import Refused, problem

MAX_ADDRESS_BYTES = 103  # of sun_path: 107 on Linux, 103 on macOS
MAX_LINE_BYTES = 1 << 22  # the numbers of some twenty thousand participants


@contextmanager
def short_address(path: Path) -> Iterator[str]:
    """An address for `path` that fits a socket: itself, or through a short link to its folder."""
    if len(os.fsencode(path)) <= MAX_ADDRESS_BYTES:
        yield str(path)
        return
    with tempfile.TemporaryDirectory(prefix="eq-") as folder:
        link = Path(folder) / "v"
        link.symlink_to(path.parent.resolve(), target_is_directory=True)
        address = link / path.name
        n_bytes = len(os.fsencode(address))
        if n_bytes > MAX_ADDRESS_BYTES:
            raise Refused([problem("EQ-V022", str(path), n_bytes=n_bytes, path=str(path))])
        yield str(address)


def connect_to(path: Path, *, timeout: float) -> socket.socket:
    """A connection to the socket at `path`; `timeout` in seconds."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout)
    try:
        with short_address(path) as address:
            connection.connect(address)
    except BaseException:
        connection.close()
        raise
    return connection
