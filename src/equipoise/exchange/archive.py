"""The ledger as a file of JSON Lines that anyone can check with Python alone.

The first line is the manifest: study, realm, the head of each chain, the seal over them, and the
rule of the digests in words. Every further line is one entry. `verify_archive.py` beside this
module needs neither this program nor a database; it is copied out with each archive.
"""

import json
import shutil
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

from equipoise.ledger.entry import Entry, Head, digest_of, to_instant
from equipoise.ledger.seal import merkle_root
from equipoise.ledger.store import Store
from equipoise.problems import Refused, problem

FORMAT = "equipoise-ledger/1"
HASH_RULE = (
    "frame(parts) is every part preceded by its length in bytes as eight bytes, big end first. "
    "Texts are UTF-8, numbers decimal. "
    'body_digest = SHA-256(frame("equipoise/body/1", salt, body)); '
    'digest = SHA-256(frame("equipoise/entry/1", chain, seq, study, stream, version, type, at, '
    "by, role, reason, body_digest, prev)); prev is the digest of the entry before in the chain, "
    'of the first SHA-256(frame("equipoise/genesis/1", study, realm, chain)). '
    "The salt is given in hex and enters as bytes; a redacted body is null. "
    "The seal is the Merkle tree hash of RFC 6962 over the chains in order of name, each leaf "
    'frame("equipoise/head/1", chain, seq, digest). This line\'s own digest is SHA-256(frame(the '
    "line as JSON, keys sorted, its digest left empty)), escaped to ASCII, ', ' and ': ' between."
)


def write_ledger_archive(store: Store, path: Path) -> int:
    """Write every entry of a store to `path` and the verifier beside it; returns the entries.

    The heads are taken from the entries written, so a store that is written to meanwhile gives an
    archive that agrees with itself. Refused if the file exists.
    """
    verifier = path.with_name("verify_archive.py")
    heads: dict[str, Head] = {}
    beside = path.with_name(f".{path.name}.new")
    n_entries = 0
    try:
        if path.exists():
            raise Refused([problem("EQ-X002", str(path), file=path.name)])
        with beside.open("x", encoding="utf-8", newline="\n") as entries:
            for entry in store.read():
                entries.write(to_line(entry) + "\n")
                heads[entry.chain] = Head(entry.seq, entry.digest)
                n_entries += 1
        _join(path, _manifest(store, heads, n_entries), beside)
        verifier.write_bytes(_verifier())
    except OSError as error:
        detail = error.strerror or str(error)
        raise Refused([problem("EQ-X003", str(path), place=str(path), detail=detail)]) from error
    finally:
        with suppress(OSError):
            beside.unlink()
    return n_entries


def to_line(entry: Entry) -> str:
    """An entry as one line: its fields in order, the body as the exact text that was hashed.

    Refused if the body is not UTF-8, which no undamaged ledger holds.
    """
    fields = {name: getattr(entry, name) for name in entry.__struct_fields__}
    fields["at"] = to_instant(entry.at)
    try:
        fields["body"] = None if entry.body is None else entry.body.decode("utf-8")
    except UnicodeDecodeError as error:
        where = f"{entry.chain} / {entry.seq}"
        raise Refused([problem("EQ-X006", where, detail=error.reason)]) from error
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def _manifest(store: Store, heads: dict[str, Head], n_entries: int) -> str:
    manifest: dict[str, object] = {
        "format": FORMAT,
        "study": store.study,
        "realm": store.realm,
        "n_entries": n_entries,
        "heads": {chain: {"seq": h.seq, "digest": h.digest} for chain, h in sorted(heads.items())},
        "seal": merkle_root(heads),
        "hash_rule": HASH_RULE,
        "digest": "",
    }
    own = digest_of(json.dumps(manifest, sort_keys=True))
    return json.dumps({**manifest, "digest": own}, ensure_ascii=False)


def _join(path: Path, manifest: str, entries: Path) -> None:
    """The manifest is known when the entries have been read, and stands before them."""
    whole = path.with_name(f".{path.name}.whole")
    try:
        with whole.open("xb") as out, entries.open("rb") as source:
            out.write(manifest.encode() + b"\n")
            shutil.copyfileobj(source, out)
        whole.replace(path)
    finally:
        whole.unlink(missing_ok=True)


def _verifier() -> bytes:
    return files("equipoise.exchange").joinpath("verify_archive.py").read_bytes()
