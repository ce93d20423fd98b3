"""The ledger archive: read by a program that knows nothing of this one, and never fooled."""

import datetime as dt
import json
import random
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from equipoise.exchange import verify_archive
from equipoise.exchange.archive import to_line, write_ledger_archive
from equipoise.ledger.entry import Draft, to_body
from equipoise.ledger.seal import merkle_root
from equipoise.ledger.store import MemoryStore
from equipoise.problems import Refused

AT = dt.datetime(2026, 3, 1, 10, 30, tzinfo=dt.UTC)


def filled(n: int = 12) -> MemoryStore:
    store = MemoryStore("demo", "rehearsal", draw_bytes=random.Random(1).randbytes)
    for index in range(n):
        store.append(
            [
                Draft(
                    chain="site-01" if index % 3 else "control",
                    stream=f"participant/{index}",
                    version=1,
                    type="FormEntered",
                    at=AT,
                    by="émile",
                    role="investigator",
                    reason="Ça va",
                    body=to_body({"value": index, "text": "mRSS ≥ 15"}),
                )
            ]
        )
    return store


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.jsonl"
    write_ledger_archive(filled(), path)
    return path


@pytest.mark.requirement("C06", "C49", "C50")
def test_the_archive_is_verified_by_python_alone(archive: Path) -> None:
    """The script beside the archive, without this program on its path, says that it is whole."""
    script = archive.with_name("verify_archive.py")

    done = subprocess.run(
        [sys.executable, "-I", str(script), str(archive)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, "whole: every entry is as it was recorded\n")
    assert len(script.read_text(encoding="utf-8").splitlines()) < 60


def test_the_archive_has_every_entry_and_a_manifest(archive: Path) -> None:
    """One line for the manifest, one an entry, each with all its fields and the body's own text."""
    store = filled()
    manifest, *entries = map(json.loads, archive.read_text(encoding="utf-8").splitlines())

    assert (manifest["study"], manifest["realm"], manifest["n_entries"]) == (
        "demo",
        "rehearsal",
        12,
    )
    assert manifest["seal"] == merkle_root(store.heads())
    assert manifest["heads"]["control"] == msgspec.to_builtins(store.heads()["control"])
    assert "SHA-256" in manifest["hash_rule"]
    assert [e["digest"] for e in entries] == [e.digest for e in store.read()]
    assert entries[0]["body"] == '{"text":"mRSS ≥ 15","value":0}'
    assert entries[0]["at"] == "2026-03-01T10:30:00.000000Z"


@pytest.mark.requirement("C04")
def test_a_flipped_byte_is_named(archive: Path) -> None:
    """Whichever byte is flipped, the verifier names its line: the first bad entry."""
    content = archive.read_bytes()
    pick = random.Random(7)
    for place in sorted(pick.sample(range(len(content)), 400)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << pick.randrange(8)
        archive.write_bytes(flipped)
        line = content.count(b"\n", 0, place) + 1
        found = verify_archive.verify(archive)
        if _same(content, bytes(flipped)):
            continue
        assert found.startswith((f"line {line}", f"line {line + 1}")), (found, place)


def _same(one: bytes, other: bytes) -> bool:
    """Whether two archives say the same (a blank between two JSON values says nothing)."""
    try:
        return [json.loads(x) for x in one.splitlines()] == [
            json.loads(x) for x in other.splitlines()
        ]
    except ValueError:
        return False


@pytest.mark.requirement("C04")
@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda lines: lines[:-1], "does not end where the manifest says"),
        (lambda lines: lines[:1], "does not end where the manifest says"),
        (lambda lines: [*lines[:3], *lines[4:]], "does not follow the entry before it"),
        (lambda lines: [*lines[:2], lines[4], lines[3], lines[2], *lines[5:]], "does not follow"),
        (lambda lines: [*lines, lines[-1]], "does not follow the entry before it"),
        (lambda lines: [lines[0].replace("rehearsal", "live"), *lines[1:]], "line 1"),
        (
            lambda lines: [lines[0], lines[1].replace('value\\":0', 'value\\":9'), *lines[2:]],
            "line 2",
        ),
        (lambda lines: [lines[0], lines[1].replace("Ça va", "Ca va"), *lines[2:]], "line 2"),
        (lambda _: [], "cannot be read"),
    ],
)
def test_each_kind_of_tampering_is_found(archive: Path, harm: object, words: str) -> None:
    """A dropped tail, a missing, moved, doubled or changed entry, another realm, an empty file."""
    lines = archive.read_text(encoding="utf-8").splitlines()
    archive.write_text("".join(f"{x}\n" for x in harm(lines)), encoding="utf-8")  # type: ignore[operator]

    assert words in verify_archive.verify(archive)


def test_a_redacted_body_does_not_break_the_archive(tmp_path: Path) -> None:
    """The salted digest stands for the body; the chain still verifies."""
    store = filled()
    store._entries[4] = msgspec.structs.replace(store._entries[4], body=None)
    write_ledger_archive(store, tmp_path / "a.jsonl")

    assert verify_archive.verify(tmp_path / "a.jsonl") == ""


def test_an_empty_ledger_has_an_archive_too(tmp_path: Path) -> None:
    """No entries, no heads, and it verifies."""
    assert write_ledger_archive(filled(0), tmp_path / "a.jsonl") == 0
    assert verify_archive.verify(tmp_path / "a.jsonl") == ""


def test_an_archive_never_overwrites(archive: Path) -> None:
    """EQ-X002 where the file exists, EQ-X003 where none can be made; nothing is left behind."""
    before = archive.read_bytes()

    for path, code in ((archive, "EQ-X002"), (archive / "x.jsonl", "EQ-X003")):
        with pytest.raises(Refused) as refused:
            write_ledger_archive(filled(), path)
        assert [p.code for p in refused.value.problems] == [code]
    assert archive.read_bytes() == before
    assert {p.name for p in archive.parent.iterdir()} == {"ledger.jsonl", "verify_archive.py"}


def test_a_damaged_body_is_a_problem() -> None:
    """EQ-X006: a body that is no UTF-8 cannot come from an undamaged ledger."""
    store = filled()
    entry = msgspec.structs.replace(store._entries[0], body=b"\xff")

    with pytest.raises(Refused) as refused:
        to_line(entry)

    assert [p.code for p in refused.value.problems] == ["EQ-X006"]
