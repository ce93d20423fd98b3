"""Sealing of what the vault must hide: AES-256-GCM, a random nonce each, equal lengths."""

import secrets
from collections.abc import Mapping

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from equipoise.ledger import Realm, tree_root
from equipoise.ledger.entry import frame
from equipoise.randomization import Allocation, Specification

KEY_BYTES = 32
SEED_BYTES = 32
_NONCE_BYTES = 12
_STEP = 64


class Header(Struct, frozen=True, kw_only=True):
    """What the list was drawn from, and what it commits to; sealed as one piece."""

    specification: Specification
    contents: Mapping[str, Mapping[str, str]]
    seed: bytes
    tokens: Mapping[str, str]
    root: str


class Slot(Struct, frozen=True, kw_only=True):
    """One entry of the list: the number that will be given out, and the arm behind it."""

    number: str
    allocation: Allocation
    salt: bytes


class Seals(Struct, frozen=True):
    """Closes and opens pieces of one vault; a piece opens only under its own name."""

    key: bytes
    study: str
    realm: Realm

    def close(self, name: str, piece: Struct, *, length: int) -> bytes:
        """Seal a piece padded to `length` bytes: nonce, then ciphertext."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        text = encode(piece).ljust(length)
        return nonce + AESGCM(self.key).encrypt(nonce, text, self._bound_to(name))

    def open(self, name: str, sealed: bytes) -> bytes:
        """The JSON of a sealed piece.

        Raises:
            InvalidTag: another key, another name, or altered bytes.
        """
        if not isinstance(sealed, bytes) or len(sealed) < _NONCE_BYTES:
            raise InvalidTag
        nonce, text = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        return AESGCM(self.key).decrypt(nonce, text, self._bound_to(name))

    def _bound_to(self, name: str) -> bytes:
        parts = ("equipoise/vault/1", self.study, self.realm, name)
        return frame(*(part.encode() for part in parts))


def encode(piece: Struct) -> bytes:
    """The JSON of a piece; blanks may follow it."""
    return msgspec.json.encode(piece)


def padded_length(pieces: list[Struct]) -> int:
    """One length that hides the differences between pieces."""
    longest = max(len(encode(piece)) for piece in pieces)
    return -(-longest // _STEP) * _STEP


def commit(slots: list[Slot]) -> str:
    """The commitment to a list: the Merkle root over its salted entries."""
    return tree_root([_leaf(slot) for slot in slots])


def _leaf(slot: Slot) -> bytes:
    where = slot.allocation
    texts = (slot.number, where.stratum, str(where.order), where.arm)
    return frame(b"equipoise/allocation/1", slot.salt, *(text.encode() for text in texts))
