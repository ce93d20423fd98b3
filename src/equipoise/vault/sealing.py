"""Sealing of what the vault must hide: AES-256-GCM, a random nonce each, equal lengths."""

import secrets
from collections.abc import Iterable, Mapping

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from equipoise.ledger import Realm, tree_root
from equipoise.ledger.entry import frame
from equipoise.problems import Refused, problem
from equipoise.randomization import Allocation, Draw, Specification

KEY_BYTES = 32
SEED_BYTES = 32
SALT_BYTES = 32
OVERHEAD_BYTES = 12 + 16
"""What sealing adds to a piece: the nonce before it, the tag after it."""
_NONCE_BYTES = 12
_STEP = 64


class Amendment(Struct, frozen=True, kw_only=True):
    """How a later part of the sequence follows those before it.

    `before` is the commitment to the part before, `strata` are all in force from here on, of which
    those of the part's specification began anew. `n_given` numbers had been given by then, and
    `digest` is the study folder that two people agreed on.
    """

    before: str
    strata: tuple[str, ...]
    n_given: int
    digest: str


class Source(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a part was drawn from but its seed, and what each arm receives."""

    specification: Specification
    contents: Mapping[str, Mapping[str, str]]
    amendment: Amendment | None = None


class Header(Struct, frozen=True, kw_only=True):
    """What a part of the sequence was drawn from, and what it commits to; sealed as one piece.

    The first part alone has tokens, the later ones an `amendment`.

    In `list_format` 1 the root is over the entries alone. From 2 on its first leaf binds `source`
    and the seed too, and with them all that is drawn later; `n_listed` are the entries that it
    covers. `source` is the text of a `Source`, as it was when the list was drawn.
    """

    specification: Specification
    contents: Mapping[str, Mapping[str, str]]
    seed: bytes
    tokens: Mapping[str, str]
    root: str
    list_format: int = 1
    source: str = ""
    salt: bytes = b""
    n_listed: int = 0
    amendment: Amendment | None = None


class Slot(Struct, frozen=True, kw_only=True):
    """One entry of the list: the number that will be given out, and the arm behind it.

    `draw` is on record where the entry was drawn because of those before it.
    """

    number: str
    allocation: Allocation
    salt: bytes
    draw: Draw | None = None


class Seals(Struct, frozen=True):
    """Closes and opens pieces of one vault; a piece opens only under its own name."""

    key: bytes
    study: str
    realm: Realm

    def close(self, name: str, piece: Struct, *, length: int) -> bytes:
        """Seal a piece padded to `length` bytes: nonce, then ciphertext.

        Raises:
            Refused: the piece is longer, so that its length would tell of what it holds.
        """
        text = encode(piece).ljust(length)
        if len(text) > length:
            raise Refused([problem("EQ-V056", name, name=name)])
        nonce = secrets.token_bytes(_NONCE_BYTES)
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


def commit(slots: Iterable[Slot], *, source: bytes | None = None) -> str:
    """The commitment to a list: the Merkle root over its salted entries, after their source."""
    return tree_root(leaves_of(slots, source=source))


def leaves_of(slots: Iterable[Slot], *, source: bytes | None = None) -> list[bytes]:
    """What the commitment is over, in order."""
    first = [] if source is None else [source]
    return [*first, *(_leaf(slot) for slot in slots)]


def source_leaf(source: str, *, seed: bytes, salt: bytes) -> bytes:
    """The leaf that binds what a list was drawn from, byte for byte."""
    return frame(b"equipoise/source/1", salt, source.encode(), seed)


def first_leaf(header: Header) -> bytes | None:
    """The first leaf of a header's commitment, where its format has one."""
    if header.list_format == 1:
        return None
    return source_leaf(header.source, seed=header.seed, salt=header.salt)


def _leaf(slot: Slot) -> bytes:
    where = slot.allocation
    texts = (slot.number, where.stratum, str(where.order), where.arm)
    return frame(b"equipoise/allocation/1", slot.salt, *(text.encode() for text in texts))
