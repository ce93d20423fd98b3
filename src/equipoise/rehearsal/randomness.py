"""Randomness by purpose: each draw has its own generator, named by seed, site, person and purpose.

What one virtual person does never shifts the draws of another, so that two runs with the same seed
agree event by event, and a change of one form leaves the rest of a rehearsal as it was.
"""

import hashlib

import numpy as np
from msgspec import Struct


class Randomness(Struct, frozen=True):
    """A place in the tree of draws; `seed` is its root."""

    seed: int
    path: tuple[str, ...] = ()

    def of(self, *purpose: str) -> "Randomness":
        """The place below this one for a purpose."""
        return Randomness(self.seed, (*self.path, *purpose))

    def digest(self) -> bytes:
        """32 bytes that belong to this place alone."""
        named = "\x1f".join((str(self.seed), *self.path))
        return hashlib.sha256(named.encode()).digest()

    def generator(self) -> np.random.Generator:
        """A generator for this place, always at its beginning."""
        return np.random.Generator(np.random.PCG64(int.from_bytes(self.digest()[:16], "big")))
