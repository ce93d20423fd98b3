"""The archive: a ledger as one zip file that says what it is and verifies itself.

`python3 trial.zip` checks every entry with the standard library alone. The members:

    entries.jsonl   one entry a line, every field, the body as the exact text that was hashed
    manifest.json   study, realm, heads, seal, counts, the digest rule, SHA-256 of each member
    README.txt      what this is, how to verify it and how to read it, in English and French
    __main__.py     the verifier
    ...             what the caller adds: study folders, schemas of the bodies

The same ledger and the same options give the same bytes.
"""

import hashlib
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Struct

from equipoise.ledger.entry import Entry, Head, Realm, to_instant
from equipoise.ledger.keeping.placing import Finish, do_nothing, placing
from equipoise.ledger.seal import merkle_root
from equipoise.ledger.store import Store
from equipoise.problems import Problem, Refused, problem

FORMAT = "equipoise-archive/1"
HASH_RULE = (
    "frame(parts) is every part preceded by its length in bytes as eight bytes, big end first. "
    "Texts are UTF-8, numbers decimal. "
    'body_digest = SHA-256(frame("equipoise/body/1", salt, body)); '
    'digest = SHA-256(frame("equipoise/entry/1", chain, seq, study, stream, version, type, at, '
    "by, role, reason, body_digest, prev)); prev is the digest of the entry before in the chain, "
    'of the first SHA-256(frame("equipoise/genesis/1", study, realm, chain)). '
    "The salt is given in hex and enters as bytes; a redacted body is null. "
    "The seal is the Merkle tree hash of RFC 6962 over the chains in order of name, each leaf "
    'frame("equipoise/head/1", chain, seq, digest). The body of an entry of type StudySealed '
    "holds the heads and the root of a seal that was taken then."
)
ENTRIES, MANIFEST = "entries.jsonl", "manifest.json"
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    msgspec.MsgspecError,
    OSError,
    EOFError,
    ValueError,
    LookupError,
    RuntimeError,  # an encrypted member; NotImplementedError, a way of packing that is unknown
    OverflowError,
    MemoryError,
)
_LINES_A_WRITE = 500
_SALVAGED = re.compile(rb'"chain":"([^"]*)","seq":(\d+)')


class Manifest(Struct, frozen=True, kw_only=True):
    """What an archive says of itself. Without `site` it holds the whole ledger."""

    format: str
    study: str
    realm: Realm
    site: str
    made_by: str
    made_at: str
    recorded_until: str
    n_entries: int
    heads: Mapping[str, tuple[int, str]]
    seal: str
    hash_rule: str
    blobs: str
    members: Mapping[str, str]


Number = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""What every store can hold."""


class Line(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An entry as it stands in `entries.jsonl`."""

    chain: str
    seq: Number
    study: str
    stream: str
    version: Number
    type: str
    at: str
    by: str
    role: str
    reason: str
    body: str | None
    salt: str
    body_digest: str
    prev: str
    digest: str


_read_line = msgspec.json.Decoder(Line).decode
_read_manifest = msgspec.json.Decoder(Manifest).decode


class Making(Struct, frozen=True, kw_only=True):
    """How an archive is to be made: for one site or (empty) all, by what, when if that is said."""

    site: str = ""
    chains: Collection[str] = ()
    made_by: str = "equipoise"
    made_at: str = ""
    members: Mapping[str, bytes] = {}


def write_archive(
    store: Store, path: Path, *, making: Making, finish: Finish = do_nothing
) -> Manifest:
    """Write the entries of a store, or of `making.chains` alone, to a new file.

    The heads are taken from the entries written, so a store that is written to meanwhile gives an
    archive that agrees with itself.

    `finish` gets the whole file before it has its name, and the seal; if it refuses there is none.

    Raises:
        Refused: the file exists or cannot be written, or the ledger has no such chain.
    """
    absent = sorted(set(making.chains) - set(store.heads()))
    if absent:
        raise Refused([problem("EQ-G036", chain, chain=chain) for chain in absent])
    with placing(path) as beside:
        told = _write_members(store, beside, making)
        finish(beside, told.seal)
    return told


class Archive:
    """An archive that is open for reading.

    Raises:
        ValueError: this is another format; and whatever stands in `DAMAGE`.
    """

    def __init__(self, opened: zipfile.ZipFile) -> None:
        self._opened = opened
        self.manifest = _read_manifest(opened.read(MANIFEST))
        if self.manifest.format != FORMAT:
            raise ValueError(self.manifest.format)

    @property
    def heads(self) -> Mapping[str, Head]:
        """The last entry of each chain, as the manifest has it."""
        return {chain: Head(*head) for chain, head in self.manifest.heads.items()}

    def items(self) -> Iterator[Entry | Problem]:
        """Every entry in the order of recording, or what prevents its reading."""
        digest = hashlib.sha256()
        try:
            with self._opened.open(ENTRIES) as lines:
                for line in lines:
                    digest.update(line)
                    yield from_line(line)
        except DAMAGE as error:
            yield damaged(error)
        if digest.hexdigest() != self.manifest.members.get(ENTRIES):
            yield problem("EQ-G032", ENTRIES, member=ENTRIES)

    def check_members(self) -> tuple[Problem, ...]:
        """The other members that are missing, added, doubled, or not as they were written."""
        listed = {**self.manifest.members, MANIFEST: ""}
        names = self._opened.namelist()
        wrong = {n for n in {*names, *listed} if names.count(n) != 1 or n not in listed}
        wrong |= {n for n in listed if n not in {*wrong, ENTRIES, MANIFEST} and self._differs(n)}
        return tuple(problem("EQ-G032", name, member=name) for name in sorted(wrong))

    def _differs(self, name: str) -> bool:
        try:
            content = self._opened.read(name)
        except DAMAGE:
            return True
        return hashlib.sha256(content).hexdigest() != self.manifest.members[name]


@contextmanager
def opened_archive(path: Path) -> Iterator[Archive]:
    """Open an archive for reading.

    Raises:
        Refused: it is damaged, or is not an archive.
    """
    try:
        opened = zipfile.ZipFile(path)
    except DAMAGE as error:
        raise Refused([damaged(error)]) from error
    with opened:
        try:
            archive = Archive(opened)
        except DAMAGE as error:
            raise Refused([damaged(error)]) from error
        yield archive


def to_line(entry: Entry) -> bytes:
    """An entry as one line of JSON: its fields in order, the body as the text that was hashed.

    Raises:
        Refused: the body is not UTF-8, which no undamaged ledger holds.
    """
    fields = {name: getattr(entry, name) for name in entry.__struct_fields__}
    try:
        fields["body"] = None if entry.body is None else entry.body.decode()
    except UnicodeDecodeError as error:
        where = f"{entry.chain} / {entry.seq}"
        raise Refused([problem("EQ-X006", where, detail=error.reason)]) from error
    return msgspec.json.encode(Line(**{**fields, "at": to_instant(entry.at)})) + b"\n"


def from_line(text: bytes) -> Entry | Problem:
    """The entry of a line, or why it cannot be read, with its place if that can still be seen."""
    try:
        line = _read_line(text)
        at = datetime.fromisoformat(line.at)
        if at.tzinfo is None or to_instant(at) != line.at:
            raise ValueError(line.at)
        body = None if line.body is None else line.body.encode()
        fields = {name: getattr(line, name) for name in line.__struct_fields__}
        return Entry(**{**fields, "at": at, "body": body})
    except (msgspec.MsgspecError, ValueError) as error:
        seen = _SALVAGED.search(text)
        where = f"{seen[1].decode(errors='replace')} / {int(seen[2])}" if seen else ""
        return problem("EQ-G007", where, detail=str(error))


def damaged(error: BaseException) -> Problem:
    """What the damage did to the reading."""
    return problem("EQ-G031", detail=f"{type(error).__name__}: {error}")


def _write_members(store: Store, path: Path, making: Making) -> Manifest:
    members = {**making.members, "README.txt": _own("archive_readme.txt")}
    members["__main__.py"] = _own("verify_archive.py")
    with zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED) as archive:
        digests = {}
        for name, content in sorted(members.items()):
            archive.writestr(_info(name), content)
            digests[name] = hashlib.sha256(content).hexdigest()
        with archive.open(_info(ENTRIES), "w", force_zip64=True) as out:
            told = _write_entries(store, making, write=out.write)
        whole = {**digests, ENTRIES: told.members[ENTRIES]}
        told = msgspec.structs.replace(told, members=dict(sorted(whole.items())))
        text = msgspec.json.format(msgspec.json.encode(told), indent=1)
        archive.writestr(_info(MANIFEST), text + b"\n")
    return told


def _write_entries(store: Store, making: Making, *, write: Callable[[bytes], object]) -> Manifest:
    digest, heads, last, n_entries = hashlib.sha256(), dict[str, Head](), "", 0
    waiting: list[bytes] = []
    for entry in store.read():
        if making.chains and entry.chain not in making.chains:
            continue
        line = to_line(entry)
        digest.update(line)
        waiting.append(line)
        if len(waiting) == _LINES_A_WRITE:
            write(b"".join(waiting))
            waiting.clear()
        heads[entry.chain] = Head(entry.seq, entry.digest)
        last, n_entries = max(last, to_instant(entry.at)), n_entries + 1
    write(b"".join(waiting))
    return Manifest(
        format=FORMAT,
        study=store.study,
        realm=store.realm,
        site=making.site,
        made_by=making.made_by,
        made_at=making.made_at,
        recorded_until=last,
        n_entries=n_entries,
        heads={chain: (h.seq, h.digest) for chain, h in sorted(heads.items())},
        seal=merkle_root(heads),
        hash_rule=HASH_RULE,
        blobs="none: every value stands in its entry",
        members={ENTRIES: digest.hexdigest()},
    )


def _info(name: str) -> zipfile.ZipInfo:
    """The same name gives the same header, whenever and by whomever it is written."""
    info = zipfile.ZipInfo(name)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system, info.external_attr = 3, 0o100644 << 16
    return info


def _own(name: str) -> bytes:
    return files("equipoise.ledger.keeping").joinpath(name).read_bytes()
