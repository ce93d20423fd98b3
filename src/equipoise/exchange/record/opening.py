"""A file becomes a record: what it is, is seen from what it holds, never from its name."""

import gzip
import json
import zlib
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

from equipoise.exchange.record.ctgov import from_ctgov, is_ctgov
from equipoise.exchange.record.facts import Record
from equipoise.exchange.record.page import read_registry_page
from equipoise.exchange.record.page_record import from_registry_page
from equipoise.exchange.record.tree import Tree
from equipoise.exchange.record.usdm import from_usdm, is_usdm
from equipoise.problems import Problem, Refused, problem

LARGEST_RECORD = 5_000_000
"""Bytes of a page. The longest registry pages have a tenth of this."""
LARGEST_DOCUMENT = 60_000_000
"""Bytes of a JSON document, unpacked. Studies with results have up to half of this."""


def open_record(path: Path) -> Record:
    """Read a registry page, a ClinicalTrials.gov study or a USDM study; Refused for all else."""
    text = _load_text(path)
    if text.lstrip()[:1] in ("{", "["):
        return _from_json(text, path)
    if len(text) > LARGEST_RECORD:
        raise _too_large(path, len(text), LARGEST_RECORD)
    page = read_registry_page(text)
    if page is None:
        raise Refused([problem("EQ-D005", str(path), file=path.name)])
    return from_registry_page(page)


def _load_text(path: Path) -> str:
    where, name = str(path), path.name
    content = _load_bytes(path)
    try:
        text = content.decode(_encoding(content))
    except UnicodeDecodeError as error:
        raise Refused([problem("EQ-D003", where, file=name, detail=error.reason)]) from error
    if not text.strip():
        raise Refused([problem("EQ-D002", where, file=name)])
    if "\0" in text:
        raise Refused([problem("EQ-D003", where, file=name, detail="NUL")])
    if text.lstrip()[:200].lower().startswith(("<!doctype", "<html", "<?xml", "<head", "<body")):
        raise Refused([problem("EQ-D004", where, file=name)])
    return text


def _load_bytes(path: Path) -> bytes:
    """The bytes of a file, unpacked if they are packed with gzip."""
    try:
        if path.stat().st_size > LARGEST_DOCUMENT:
            raise _too_large(path, path.stat().st_size, LARGEST_DOCUMENT)
        content = path.read_bytes()
    except OSError as error:
        detail = error.strerror or str(error)
        raise Refused([problem("EQ-D001", str(path), file=path.name, detail=detail)]) from error
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        with gzip.open(BytesIO(content)) as packed:
            unpacked = packed.read(LARGEST_DOCUMENT + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Refused([problem("EQ-D009", str(path), file=path.name)]) from error
    if len(unpacked) > LARGEST_DOCUMENT:
        raise _too_large(path, len(unpacked), LARGEST_DOCUMENT)
    return unpacked


def _encoding(content: bytes) -> str:
    is_wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    return "utf-16" if is_wide else "utf-8-sig"


def _too_large(path: Path, n_bytes: int, limit: int) -> Refused:
    values = {"file": path.name, "n_bytes": n_bytes, "limit": limit}
    return Refused([problem("EQ-D008", str(path), **values)])


def _from_json(text: str, path: Path) -> Record:
    try:
        document: object = json.loads(text)
    except json.JSONDecodeError as error:
        raise Refused([_broken(path, f"{error.lineno}:{error.colno} {error.msg}")]) from error
    except (RecursionError, ValueError) as error:
        raise Refused([_broken(path, "nested too deep, or a number too long")]) from error
    found = _find_study(document, path)
    record = from_usdm(found) if is_usdm(found) else from_ctgov(found)
    is_nothing = not (record.title or record.reading.facts.nct or record.criteria.criteria)
    if is_nothing and not record.arms:
        raise Refused([problem("EQ-D013", str(path), file=path.name)])
    return record


def _broken(path: Path, detail: str) -> Problem:
    return problem("EQ-D010", str(path), file=path.name, detail=detail)


def _find_study(document: object, path: Path) -> Tree:
    """The one study of a document: itself, or the only member of a list of studies."""
    listed: object = document
    if isinstance(document, dict) and isinstance(document.get("studies"), list):
        listed = document["studies"]
    if not isinstance(listed, list):
        listed = [document]
    studies = [d for d in listed if isinstance(d, dict) and (is_ctgov(d) or is_usdm(d))]
    if not studies:
        raise Refused([problem("EQ-D011", str(path), file=path.name, keys=_keys(document))])
    if len(studies) > 1:
        raise Refused([problem("EQ-D012", str(path), file=path.name, n=len(studies))])
    return studies[0]


def _keys(document: object) -> str:
    keys: Iterable[object] = document if isinstance(document, dict) else ()
    shown = ", ".join(str(key)[:40] for key in list(keys)[:6])
    return shown.encode("utf-8", "replace").decode() or "-"
