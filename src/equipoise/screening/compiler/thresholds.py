"""The exact limit in a column's own numbers behind which a comparison turns.

The language rounds to twelve significant digits and converts units before it compares. Both only
ever rise, so a comparison with a known limit is a comparison of the raw number with another known
limit, which is found here by halving, with the language's own arithmetic. No row is rounded or
converted.
"""

import struct
from collections.abc import Callable
from typing import Literal

Grain = Literal["int", "f32", "f64"]
"""What numbers a column can hold: whole ones, or floating point of 32 or 64 bits."""

LARGEST = 1e150
"""A larger number is no measurement, and its square would have no limit."""

_LARGEST_INT = 2**62


def find_threshold(is_beyond: Callable[[float], bool], *, grain: Grain) -> float:
    """The smallest number of that grain for which `is_beyond`, which never turns back, is true.

    A number past every other if there is none.
    """
    first, last = (-_LARGEST_INT, _LARGEST_INT) if grain == "int" else _ends(grain)
    read = _READERS[grain]
    while first < last:
        middle = (first + last) // 2
        if is_beyond(read(middle)):
            last = middle
        else:
            first = middle + 1
    return read(first)


def _ends(grain: Grain) -> tuple[int, int]:
    largest = 3.0e38 if grain == "f32" else LARGEST * 10
    code = _code32 if grain == "f32" else _code64
    return code(-largest), code(largest)


def _code64(number: float) -> int:
    bits: int = struct.unpack("<q", struct.pack("<d", number))[0]
    return bits if bits >= 0 else -(bits & 0x7FFF_FFFF_FFFF_FFFF)


def _code32(number: float) -> int:
    bits: int = struct.unpack("<i", struct.pack("<f", number))[0]
    return bits if bits >= 0 else -(bits & 0x7FFF_FFFF)


def _read64(code: int) -> float:
    number: float = struct.unpack("<d", struct.pack("<q", abs(code)))[0]
    return number if code >= 0 else -number


def _read32(code: int) -> float:
    number: float = struct.unpack("<f", struct.pack("<i", abs(code)))[0]
    return number if code >= 0 else -number


_READERS: dict[Grain, Callable[[int], float]] = {"int": int, "f32": _read32, "f64": _read64}
