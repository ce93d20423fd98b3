"""The boolean columns of a frame as bitmaps, where they lie: one bit a row, and nothing is copied.

What is read here is the Arrow C data interface, https://arrow.apache.org/docs/format/, a binary
layout that Polars exports and that does not change. A bitmap's first row is the lowest bit.
"""

import ctypes
from collections.abc import Iterator, Sequence
from ctypes import POINTER, c_char_p, c_int, c_int64, c_uint8, c_void_p

import numpy as np
import polars as pl
from msgspec import Struct
from numpy.typing import NDArray

Bitmap = NDArray[np.uint8]
_BYTE, _WORD = 8, 8


class _Array(ctypes.Structure):
    pass


_Array._fields_ = [
    ("length", c_int64),
    ("null_count", c_int64),
    ("offset", c_int64),
    ("n_buffers", c_int64),
    ("n_children", c_int64),
    ("buffers", POINTER(c_void_p)),
    ("children", POINTER(POINTER(_Array))),
    ("dictionary", c_void_p),
    ("release", ctypes.CFUNCTYPE(None, c_void_p)),
    ("private_data", c_void_p),
]


class _Stream(ctypes.Structure):
    _fields_ = (
        ("get_schema", c_void_p),
        ("get_next", ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p)),
        ("get_last_error", ctypes.CFUNCTYPE(c_char_p, c_void_p)),
        ("release", c_void_p),
        ("private_data", c_void_p),
    )


_pointer_in = ctypes.pythonapi.PyCapsule_GetPointer
_pointer_in.restype, _pointer_in.argtypes = c_void_p, [ctypes.py_object, c_char_p]


class Flags(Struct, frozen=True):
    """A boolean column: the bits of its values, which mean nothing where `known` has none; None
    where every row is known. Bits after the last row mean nothing."""

    values: Bitmap
    known: Bitmap | None


def read_flags(frame: pl.DataFrame) -> Iterator[tuple[int, Sequence[Flags]]]:
    """For each piece of a frame of boolean columns its rows and columns; a piece is valid until
    the next is asked for."""
    capsule = frame.__arrow_c_stream__()
    address = _pointer_in(capsule, b"arrow_array_stream")
    stream = _Stream.from_address(address)
    while True:
        array = _Array()
        if stream.get_next(address, ctypes.addressof(array)):
            raise MemoryError(stream.get_last_error(address))
        if not array.release:
            return
        try:
            children = (array.children[at].contents for at in range(array.n_children))
            yield array.length, [_flags(c, array.offset, array.length) for c in children]
        finally:
            array.release(ctypes.addressof(array))


def _flags(child: _Array, offset: int, length: int) -> Flags:
    first = child.offset + offset
    known = child.buffers[0]
    values = _bitmap(child.buffers[1], first, length)
    return Flags(values, _bitmap(known, first, length) if known else None)


def _bitmap(address: int, first: int, length: int) -> Bitmap:
    skipped, shift = divmod(first, _BYTE)
    n_bytes = -(-(shift + length) // _BYTE)
    memory = memoryview((c_uint8 * n_bytes).from_address(address + skipped))
    found: Bitmap = np.frombuffer(memory, np.uint8)
    if not shift:
        return found
    bits = np.unpackbits(found, bitorder="little")[shift : shift + length]
    packed: Bitmap = np.packbits(bits, bitorder="little")
    return packed


def whole(length: int) -> Bitmap:
    """A bitmap with every row, and none after the last."""
    full = np.full(-(-length // _BYTE), 0xFF, np.uint8)
    if length % _BYTE:
        full[-1] = (1 << length % _BYTE) - 1
    return full


class Tally:
    """Counts the bits of bitmaps of one size: whole words first, and what is left of all at once.

    Bits after the last row of `everybody` do not count.
    """

    def __init__(self, everybody: Bitmap, most: int) -> None:
        self._end = len(everybody) // _WORD * _WORD
        self._words = np.empty((most, self._end // _WORD), np.uint8)
        self._rest = np.empty((most, len(everybody) - self._end), np.uint8)
        self._last = everybody[self._end :]
        self._n = 0

    def add(self, bitmap: Bitmap) -> None:
        """Count one more."""
        np.bitwise_count(bitmap[: self._end].view(np.uint64), self._words[self._n])
        self._rest[self._n] = bitmap[self._end :]
        self._n += 1

    def totals(self) -> list[int]:
        """The counts, in the order in which they were added."""
        rest = np.bitwise_count(self._rest & self._last)
        found = self._words.sum(axis=1, dtype=np.uint32) + rest.sum(axis=1, dtype=np.uint32)
        return [int(n) for n in found]
