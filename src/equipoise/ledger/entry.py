"""Entries: what is recorded, and how each is bound to the one before it.

The rule, for anyone who verifies without this program. `frame(parts)` is every part preceded by its
length as eight bytes, big end first. Texts are UTF-8, numbers decimal, instants
`2026-01-31T09:30:00.000000Z`.

    body_digest = SHA-256(frame("equipoise/body/1", salt, body))
    digest      = SHA-256(frame("equipoise/entry/1", chain, seq, study, stream, version, type, at,
                                by, role, reason, body_digest, prev))
    prev        = digest of the entry before; of the first, SHA-256(frame("equipoise/genesis/1",
                                study, realm, chain))

The body enters by its salted digest alone, so a body can be taken out without breaking the chain.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Literal

import msgspec
from msgspec import Struct

from equipoise.problems import Refused, problem

Realm = Literal["rehearsal", "live"]


class Draft(Struct, frozen=True, gc=False, kw_only=True):
    """What somebody wants recorded; the store adds its place in the chain and the digests.

    `at` is a UTC instant; `body` is canonical JSON (`to_body`); `version` counts within `stream`.
    """

    chain: str
    stream: str
    version: int
    type: str
    at: datetime
    by: str
    role: str
    reason: str = ""
    body: bytes = b"{}"


class Entry(Struct, frozen=True, gc=False, kw_only=True):
    """A recorded fact. `body` is `None` once redacted; digests and salt are lower-case hex."""

    chain: str
    seq: int
    study: str
    stream: str
    version: int
    type: str
    at: datetime
    by: str
    role: str
    reason: str
    body: bytes | None
    salt: str
    body_digest: str
    prev: str
    digest: str


class Head(Struct, frozen=True, gc=False):
    """The last entry of a chain: its number and digest."""

    seq: int
    digest: str


def to_body(value: object) -> bytes:
    """The one JSON text of a value: keys sorted, no spaces. These bytes are hashed and stored."""
    return msgspec.json.encode(value, order="sorted")


def to_instant(at: datetime) -> str:
    """An aware instant as the ledger writes it: UTC with microseconds."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def frame(*parts: bytes) -> bytes:
    """Parts with their lengths before them, so that no two lists of parts give the same bytes."""
    return b"".join([len(part).to_bytes(8, "big") + part for part in parts])


def digest_of(*parts: str | bytes) -> str:
    """SHA-256 of framed parts, in hex."""
    raw = [part.encode() if isinstance(part, str) else part for part in parts]
    return hashlib.sha256(frame(*raw)).hexdigest()


def genesis(study: str, realm: str, *, chain: str) -> str:
    """What the first entry of a chain points to: binds the chain to its study and realm."""
    return digest_of("equipoise/genesis/1", study, realm, chain)


def make_entry(draft: Draft, *, study: str, seq: int, prev: str, salt: bytes) -> Entry:
    """Give a draft its place `seq` after the entry with digest `prev`. A naive time is a bug."""
    if draft.at.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    entry = Entry(
        chain=draft.chain,
        seq=seq,
        study=study,
        stream=draft.stream,
        version=draft.version,
        type=draft.type,
        at=draft.at.astimezone(UTC),
        by=draft.by,
        role=draft.role,
        reason=draft.reason,
        body=draft.body,
        salt=salt.hex(),
        body_digest=digest_of("equipoise/body/1", salt, draft.body),
        prev=prev,
        digest="",
    )
    return msgspec.structs.replace(entry, digest=derive_digest(entry))


def derive_digest(entry: Entry) -> str:
    """The digest that an entry with these fields must carry."""
    return digest_of(
        "equipoise/entry/1",
        entry.chain,
        str(entry.seq),
        entry.study,
        entry.stream,
        str(entry.version),
        entry.type,
        to_instant(entry.at),
        entry.by,
        entry.role,
        entry.reason,
        entry.body_digest,
        entry.prev,
    )


def link(
    drafts: Iterable[Draft],
    *,
    heads: Mapping[str, Head],
    study: str,
    realm: Realm,
    salts: Iterator[bytes],
) -> Iterator[Entry]:
    """Chain drafts, in order, onto the heads of their chains. Refused: a text that is none."""
    ends = dict(heads)
    for draft in drafts:
        _refuse_unstorable(draft)
        end = ends.get(draft.chain) or Head(0, genesis(study, realm, chain=draft.chain))
        entry = make_entry(draft, study=study, seq=end.seq + 1, prev=end.digest, salt=next(salts))
        ends[draft.chain] = Head(entry.seq, entry.digest)
        yield entry


def _refuse_unstorable(draft: Draft) -> None:
    """What one kind of store could not keep, none records: else no ledger could be moved."""
    texts = (draft.chain, draft.stream, draft.type, draft.by, draft.role, draft.reason)
    try:
        is_text = b"\0" not in "".join(texts).encode()
    except UnicodeEncodeError:
        is_text = False
    if not is_text:
        raise Refused([problem("EQ-G026", draft.type)])
