"""Files that appear whole or not at all."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from equipoise.problems import Refused, problem

Finish = Callable[[Path, str], object]
"""`finish(file, seal)`: what is to be done once a file is whole, before it has its name."""


def do_nothing(_: Path, __: str) -> None:
    """Nothing is to be done once the file is whole."""


_BESIDE_A_STORE = ("", "-wal", "-shm", "-journal", ".lock")


@contextmanager
def placing(path: Path) -> Iterator[Path]:
    """A name beside `path` to write under. Flushed and renamed at the end; removed on an error.

    Raises:
        Refused: the file exists, or cannot be written.
    """
    if path.exists():
        raise Refused([problem("EQ-X002", str(path), file=path.name)])
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        yield beside
        _flush(beside)
        beside.rename(path)
        _flush(path.parent)
    except OSError as error:
        detail = error.strerror or str(error)
        raise Refused([problem("EQ-X003", str(path), place=str(path), detail=detail)]) from error
    finally:
        for ending in _BESIDE_A_STORE:
            with suppress(OSError):
                beside.with_name(beside.name + ending).unlink()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
