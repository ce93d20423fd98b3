"""The generator of allocation lists: HMAC-SHA256 of a counter, under a secret key.

Unpredictable without the key, and the same list again with it, so that an auditor can replay it
(NIST SP 800-108, counter mode, has the same construction).
"""

import hmac
from collections.abc import Callable
from itertools import count

_RANGE = 1 << 256


def counter_draws(key: bytes) -> Callable[[int], int]:
    """A function that draws uniformly from 0..n-1.

    Draw number k is HMAC-SHA256(key, "equipoise/draw/1" + k as eight bytes, big end first), as a
    number, modulo n. Numbers beyond the last whole multiple of n are passed over: no bias.
    """
    counter = count()

    def draw_below(n: int) -> int:
        limit = _RANGE - _RANGE % n
        while (value := _value(key, next(counter))) >= limit:
            pass
        return value % n

    return draw_below


def derive_key(key: bytes, purpose: str, name: str) -> bytes:
    """A key for one purpose and name: HMAC-SHA256(key, "equipoise/PURPOSE/1" 0x00 NAME)."""
    return hmac.digest(key, f"equipoise/{purpose}/1\0{name}".encode(), "sha256")


def _value(key: bytes, k: int) -> int:
    message = b"equipoise/draw/1" + k.to_bytes(8, "big")
    return int.from_bytes(hmac.digest(key, message, "sha256"), "big")
