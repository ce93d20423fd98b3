"""The archive: read by a program that knows nothing of this one, and never fooled."""

import ast
import hashlib
import json
import re
import subprocess
import sys
import zipfile
from importlib.resources import files

import msgspec
import pytest

from equipoise.ledger import (
    Head,
    Making,
    MemoryStore,
    import_archive,
    merkle_root,
    open_store,
    opened_archive,
    to_body,
    verify,
    write_archive,
)
from equipoise.ledger.entry import Entry
from equipoise.ledger.keeping import verify_archive
from equipoise.ledger.keeping.archive import from_line, to_line
from equipoise.problems import Refused

from .conftest import STUDY, STUDY_DIGEST

VERIFIER = files("equipoise.ledger.keeping").joinpath("verify_archive.py")
FOLDER = f"study/{STUDY_DIGEST[:12]}/"
WITH_STUDY = Making(members={FOLDER + name: content for name, content in STUDY.items()})
SEAL_AFTER = to_body(
    {
        "heads": {"control": (3, "ab"), "site-02": (9, "ab")},
        "root": merkle_root({"control": Head(3, "ab"), "site-02": Head(9, "ab")}),
    }
)
SITE = Making(site="01", chains=("site-01", "control"))


@pytest.fixture
def archive(sealed, tmp_path):
    path = tmp_path / "trial.zip"
    write_archive(sealed, path, making=WITH_STUDY)
    return path


def run(path, *words):
    """The archive as an auditor runs it: Python alone, in isolated mode, in another folder."""
    line = [sys.executable, "-I", str(path), *words]
    return subprocess.run(line, cwd="/", capture_output=True, text=True, check=False)


def ask(path, against=""):
    """The verifier in this process, where it is counted: what it says of the first fault."""
    at = ["the archive or entries.jsonl"]
    try:
        verify_archive.verify(at, against, zipfile.ZipFile(path))
    except Exception as error:
        return f"{at[0]} {str(error) or repr(error)}"
    return ""


def members_of(path):
    with zipfile.ZipFile(path) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def rewrite(path, members, *, lines=None, told=None, is_manifest_made=True):
    """What somebody who knows the format can do; with it, the manifest's digests are made anew."""
    members = dict(members)
    if lines is not None:
        members["entries.jsonl"] = b"".join(lines)
    manifest = {**json.loads(members.pop("manifest.json")), **(told or {})}
    if is_manifest_made:
        digests = {name: hashlib.sha256(text).hexdigest() for name, text in members.items()}
        manifest["members"] = dict(sorted(digests.items()))
    path.unlink()
    with zipfile.ZipFile(path, "w") as opened:
        for name, text in members.items():
            opened.writestr(name, text)
        opened.writestr("manifest.json", json.dumps(manifest))


def codes(path):
    """The codes of an import that is refused; nothing is left behind."""
    target = path.with_name("new.db")
    with pytest.raises(Refused) as refused:
        import_archive(path, target)
    assert [p.name for p in path.parent.iterdir() if p.name.startswith((".new", "new"))] == []
    return [p.code for p in refused.value.problems]


@pytest.mark.requirement("C06", "C49", "C50")
def test_the_archive_verifies_itself_with_python_alone(archive, sealed):
    """`python3 trial.zip` says that it is whole, and its seal; the verifier fits on a page."""
    done = run(archive)
    root = merkle_root(sealed.heads())
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"30 entries, each as it was recorded. Seal {root}\n"
        "Study folders on record: 1, in this archive: 1.\n"
    )
    assert len(VERIFIER.read_text(encoding="utf-8").splitlines()) < 60
    assert members_of(archive)["__main__.py"] == VERIFIER.read_bytes()
    ast.parse(VERIFIER.read_text(encoding="utf-8"), feature_version=(3, 8))


def test_its_seal_is_ours_for_any_number_of_chains():
    """Two programs for the tree of RFC 6962, this one level by level, give the same root."""
    for n in range(40):
        heads = {f"site-{k:02}": Head(k + 1, f"{k:064x}") for k in range(n)}
        root = verify_archive.seal_of({c: [h.seq, h.digest] for c, h in heads.items()})
        assert root == merkle_root(heads)


@pytest.mark.requirement("C04")
def test_a_seal_kept_elsewhere_is_known_or_not(archive, sealed):
    """That of the end and those taken on the way are; any other is not, and the exit code is 1."""
    on_the_way = json.loads(list(sealed.read(stream="study"))[1].body)["root"]
    for root in (merkle_root(sealed.heads()), on_the_way):
        assert run(archive, "--against", root).returncode == 0
        assert ask(archive, root) == ""
    done = run(archive, "--against", "0" * 64)
    assert done.returncode == 1
    assert done.stderr == f"the archive never had the seal {'0' * 64}\n"


@pytest.mark.requirement("C04")
def test_the_root_of_every_earlier_moment_is_known_and_no_other(sealed, tmp_path):
    """Whoever was given a root finds it in an archive that was made later."""
    short, kept = MemoryStore("S1", "live"), []
    for entry in sealed.read():
        short._add(entry)
        heads = short.heads()
        kept.append(merkle_root(heads))
    path = tmp_path / "later.zip"
    write_archive(sealed, path, making=Making())
    assert {ask(path, root) for root in {*kept, merkle_root({})}} == {""}
    torn = {**sealed.heads(), "control": Head(1, next(iter(sealed.read())).digest)}
    for root in (merkle_root(torn), kept[7][::-1]):
        assert ask(path, root) == f"the archive never had the seal {root}"
    write_archive(sealed, tmp_path / "site.zip", making=SITE)
    copied = merkle_root({c: h for c, h in sealed.heads().items() if c != "site-02"})
    assert ask(tmp_path / "site.zip", copied) == ""


def test_the_archive_says_what_it_is(archive, sealed):
    """Each entry with all its fields and the body's own text, and a manifest of every file."""
    members = members_of(archive)
    manifest = json.loads(members["manifest.json"])
    entries = [json.loads(line) for line in members["entries.jsonl"].splitlines()]
    assert {k: manifest[k] for k in ("study", "realm", "site", "n_entries")} == {
        "study": "S1",
        "realm": "live",
        "site": "",
        "n_entries": 30,
    }
    assert manifest["seal"] == merkle_root(sealed.heads())
    assert manifest["heads"] == {c: [h.seq, h.digest] for c, h in sealed.heads().items()}
    assert manifest["recorded_until"] == "2026-01-05T09:59:00.123456Z"
    assert "SHA-256" in manifest["hash_rule"]
    assert manifest["blobs"].startswith("none")
    for name, digest in manifest["members"].items():
        assert hashlib.sha256(members.pop(name)).hexdigest() == digest
    assert list(members) == ["manifest.json"]
    assert [e["digest"] for e in entries] == [e.digest for e in sealed.read()]
    assert [e["body"].encode() for e in entries] == [e.body for e in sealed.read()]
    assert set(entries[0]) == set(Entry.__struct_fields__)
    assert entries[0]["reason"] == "Ça va"


def test_the_words_beside_it_are_in_both_languages(archive):
    """What it is, how to verify it, how to read it."""
    words = members_of(archive)["README.txt"].decode()
    for part in ("WHAT THIS IS", "CE QUE C'EST", "python3 ARCHIVE.zip", "--against SCEAU"):
        assert part in words


@pytest.mark.requirement("C51", "C59")
def test_out_and_in_and_out_again_gives_the_same_bytes(archive, sealed, tmp_path):
    """The same ledger and options give the same file; nothing is lost on the way."""
    done = import_archive(archive, tmp_path / "new.db")
    store = open_store(tmp_path / "new.db")
    write_archive(store, tmp_path / "again.zip", making=WITH_STUDY)
    assert (done.n_restored, store.heads()) == (30, sealed.heads())
    assert tuple(store.read()) == tuple(sealed.read())
    store.close()
    assert (tmp_path / "again.zip").read_bytes() == archive.read_bytes()


@pytest.mark.requirement("C49")
def test_a_site_has_a_complete_copy_of_its_own(sealed, tmp_path):
    """Its chain and the control chain, no other's entries; it verifies alone and can be read."""
    path = tmp_path / "site.zip"
    told = write_archive(sealed, path, making=SITE)
    text = members_of(path)["entries.jsonl"]
    assert (told.site, set(told.heads)) == ("01", {"control", "site-01"})
    assert b'"chain":"site-02"' not in text
    assert text.count(b"\n") == told.n_entries == 16
    assert run(path).returncode == 0
    import_archive(path, tmp_path / "site.db")
    store = open_store(tmp_path / "site.db", read_only=True)
    expected = [e for e in sealed.read() if e.chain != "site-02"]
    assert list(store.read()) == expected
    store.close()


def test_a_site_without_entries_has_no_copy(sealed, tmp_path):
    """EQ-G036, and no file."""
    with pytest.raises(Refused) as refused:
        write_archive(sealed, tmp_path / "a.zip", making=Making(site="9", chains=("site-9",)))
    assert [p.code for p in refused.value.problems] == ["EQ-G036"]
    assert list(tmp_path.iterdir()) == []


def test_an_empty_ledger_has_an_archive_too(tmp_path):
    """No entries, no heads, and it verifies and can be imported."""
    write_archive(MemoryStore("S1", "live"), tmp_path / "a.zip", making=Making())
    assert ask(tmp_path / "a.zip") == ""
    assert import_archive(tmp_path / "a.zip", tmp_path / "new.db").n_restored == 0


def test_an_archive_never_overwrites(archive, sealed):
    """EQ-X002 where the file exists, EQ-X003 where none can be made; nothing is left behind."""
    before = archive.read_bytes()
    for path, code in ((archive, "EQ-X002"), (archive / "x.zip", "EQ-X003")):
        with pytest.raises(Refused) as refused:
            write_archive(sealed, path, making=Making())
        assert [p.code for p in refused.value.problems] == [code]
    assert archive.read_bytes() == before
    assert [p.name for p in archive.parent.iterdir()] == ["trial.zip"]


def test_what_is_interrupted_leaves_nothing(sealed, tmp_path, monkeypatch):
    """Ctrl-C in the middle: no file, neither under its name nor beside it."""
    entries = list(sealed.read())

    def read():
        yield from entries[:9]
        raise KeyboardInterrupt

    monkeypatch.setattr(sealed, "read", read)
    with pytest.raises(KeyboardInterrupt):
        write_archive(sealed, tmp_path / "a.zip", making=Making())
    assert list(tmp_path.iterdir()) == []


def test_a_long_ledger_is_written_piece_by_piece(draft, tmp_path):
    """More entries than are held back at a time: each is there, in order."""
    store = MemoryStore("S1", "live")
    store.append([draft(n) for n in range(1203)])
    write_archive(store, tmp_path / "a.zip", making=Making())
    assert ask(tmp_path / "a.zip") == ""
    with opened_archive(tmp_path / "a.zip") as opened:
        assert list(opened.items()) == list(store.read())


def changed(line, **fields):
    return json.dumps({**json.loads(line), **fields}).encode() + b"\n"


SALT = "ab" * 16


@pytest.mark.requirement("C04", "D29")
@pytest.mark.parametrize(
    ("harm", "words", "code"),
    [
        (lambda x: x[:-1], "the archive lacks its end", "EQ-G014"),
        (lambda _: [], "the archive lacks its end", "EQ-G014"),
        (lambda x: [*x[:4], *x[5:]], "entry 3 of chain site-02 (line 6) does not follow", "EQ-G002"),  # noqa: E501
        (lambda x: [*x[:2], x[3], x[2], *x[4:]], "", ""),  # of two chains: no harm
        (lambda x: [*x[:2], x[4], x[3], x[2], *x[5:]], "entry 2 of chain site-02", "EQ-G002"),
        (lambda x: [*x, x[-1]], "does not follow the last", "EQ-G002"),
        (lambda x: [*x[:3], changed(x[3], by="bob"), *x[4:]], "entry 2 of chain site-01 (line 4) was altered", "EQ-G004"),  # noqa: E501
        (lambda x: [*x[:3], changed(x[3], study="S2"), *x[4:]], "(line 4) was altered", "EQ-G004"),
        (lambda x: [*x[:3], changed(x[3], body="{}"), *x[4:]], "(line 4) has another body", "EQ-G005"),  # noqa: E501
        (lambda x: [*x[:3], changed(x[3], salt=SALT), *x[4:]], "(line 4) has another body", "EQ-G005"),  # noqa: E501
        (lambda x: [*x[:3], changed(x[3], salt="zz"), *x[4:]], "(line 4)", "EQ-G005"),
        (lambda x: [*x[:3], changed(x[3], digest="ab"), *x[4:]], "(line 4)", "EQ-G004"),
        (lambda x: [*x[:3], changed(x[3], at="2026-01-05T09:33:00.123456"), *x[4:]], "(line 4)", "EQ-G007"),  # noqa: E501
        (lambda x: [*x[:3], changed(x[3], at="2026-01-05T23:59:60Z"), *x[4:]], "(line 4)", "EQ-G007"),  # noqa: E501
        (lambda x: [*x[:3], changed(x[3], more=1), *x[4:]], "", "EQ-G007"),
        (lambda x: [*x[:3], changed(x[3], version=2**70), *x[4:]], "(line 4)", "EQ-G007"),
        (lambda x: [*x[:3], b"{]\n", *x[4:]], "line 4 ", "EQ-G007"),
        (lambda x: [*x[:3], x[3][:50] + b"\n", *x[4:]], "line 4 ", "EQ-G007"),
    ],
)  # fmt: skip
def test_each_kind_of_tampering_is_found(archive, harm, words, code):
    """Even if the digests in the manifest are made anew, the first bad entry is named."""
    members = members_of(archive)
    rewrite(archive, members, lines=harm(members["entries.jsonl"].splitlines(keepends=True)))
    assert words in ask(archive)
    if code:
        assert codes(archive)[0] == code


@pytest.mark.requirement("C04", "D29")
def test_of_every_entry_a_changed_byte_names_it(archive):
    """By the archive's own verifier and by whoever imports it, the first of two that changed."""
    members = members_of(archive)
    lines = members["entries.jsonl"].splitlines(keepends=True)
    for n, line in enumerate(lines):
        entry = json.loads(line)
        harmed = [*lines[:n], changed(line, reason="?"), *lines[n + 1 : -1]]
        rewrite(archive, members, lines=[*harmed, changed(lines[-1], by="bob")])
        assert ask(archive).startswith(f"entry {entry['seq']} of chain {entry['chain']} (line ")
        with pytest.raises(Refused) as refused:
            import_archive(archive, archive.with_name("new.db"))
        first = refused.value.problems[0].where.record
        assert first == f"{entry['chain']} / {entry['seq']}"


@pytest.mark.parametrize(
    ("told", "words", "code"),
    [
        ({"realm": "rehearsal"}, "entry 1 of chain control", "EQ-G003"),
        ({"study": "S2"}, "entry 1 of chain control", "EQ-G009"),
        ({"seal": "0" * 64}, "lacks its end", None),
        ({"heads": {"control": [2, "0" * 64]}}, "lacks its end", "EQ-G033"),
        ({"format": "other/1"}, "", "EQ-G031"),
    ],
)
def test_a_changed_manifest_is_found(archive, told, words, code):
    """What it says of the ledger is held against the entries."""
    rewrite(archive, members_of(archive), told=told)
    assert words in ask(archive)
    if code:
        assert code in codes(archive)


def test_members_are_what_the_manifest_lists(archive):
    """A file that was added, taken away or changed is told by its name: EQ-G032."""
    members = members_of(archive)
    for harmed, words in (
        ({**members, "more.txt": b""}, "has other members"),
        ({k: v for k, v in members.items() if k != "README.txt"}, "has other members"),
        ({**members, "README.txt": b"Trust me."}, "README.txt is not what was written"),
        ({**members, "entries.jsonl": members["entries.jsonl"] + b" "}, "cannot"),
    ):
        rewrite(
            archive, {**harmed, "manifest.json": members["manifest.json"]}, is_manifest_made=False
        )
        assert words in ask(archive) or words == "cannot"
        assert ask(archive)
        assert set(codes(archive)) <= {"EQ-G032", "EQ-G007"}


@pytest.mark.requirement("C04", "C49")
@pytest.mark.parametrize(
    "harm",
    [
        lambda m: {**m, f"{FOLDER}study.yaml": b"study: S2\n"},
        lambda m: {**m, f"{FOLDER}forms/more.yaml": b"form: more\n"},
        lambda m: {n: c for n, c in m.items() if n != f"{FOLDER}forms/skin.yaml"},
        lambda m: {**m, "study/other": b""},
        lambda m: {n.replace("forms/skin", "forms/hand"): c for n, c in m.items()},
    ],
)
def test_the_protocol_is_the_one_on_which_the_trial_was_opened(archive, harm):
    """Whatever is changed in it, its line in the manifest too: the entry that opened it tells."""
    rewrite(archive, harm(members_of(archive)))
    assert ask(archive).endswith("is no study that the record names")
    assert codes(archive) == ["EQ-G063"]


@pytest.mark.requirement("C04")
def test_a_record_that_was_written_anew_is_found_by_the_seal_in_it(sealed, draft, tmp_path):
    """Every digest made anew, one chain or all: the seal on the way no longer holds."""
    seal = list(sealed.read(stream="study"))[1]
    for drop, code in (((), "EQ-G015"), (("site-02",), "EQ-G014")):
        forged = MemoryStore("S1", "live")
        for e in sealed.read():
            if e.chain not in drop:
                kept = {f: getattr(e, f) for f in draft(1).__struct_fields__}
                forged.append([draft(1, **{**kept, "by": "bob"})])
        path = tmp_path / f"{code}.zip"
        write_archive(forged, path, making=Making())
        assert ask(path) == f"the seal {json.loads(seal.body)['root']} does not hold"
        assert code in codes(path)


def test_a_seal_that_says_nothing_true_is_found(draft, tmp_path):
    """Its root is not over its heads; or a chain is shorter than it says."""
    store = MemoryStore("S1", "live")
    store.append([draft(1, chain="control", type="StudySealed", body=b'{"heads": 1}')])
    write_archive(store, tmp_path / "no.zip", making=Making())
    assert ask(tmp_path / "no.zip")
    assert codes(tmp_path / "no.zip") == ["EQ-G016"]
    over_nine = merkle_root({"control": Head(9, "ab")})
    for heads, root, code in (
        ({}, "0" * 64, "EQ-G016"),
        ({"control": (9, "ab")}, over_nine, "EQ-G014"),
    ):
        store = MemoryStore("S1", "live")
        body = msgspec.json.encode({"heads": heads, "root": root})
        store.append([draft(1, chain="control", type="StudySealed", body=body)])
        path = tmp_path / f"{code}.zip"
        write_archive(store, path, making=Making())
        assert "does not hold" in ask(path)
        assert codes(path) == [code]


@pytest.mark.requirement("C04")
def test_what_a_restore_did_not_bring_back_is_told_and_no_alarm(sealed, draft, tmp_path):
    """The seal lists more of a chain than the restore that follows it gave: EQ-G062, a warning."""
    again = MemoryStore("S1", "live")
    for entry in sealed.read():
        if entry.seq <= {"site-02": 3, "control": 2}.get(entry.chain, 99):
            again._add(entry)
    kept = {chain: (head.seq, head.digest) for chain, head in again.heads().items()}
    told = draft(39, chain="control", stream="study", type="LedgerRestored")
    again.append([msgspec.structs.replace(told, body=to_body({"heads": kept}))])
    again.append([draft(n, chain="site-02", stream="02-009") for n in range(40, 48)])
    assert again.heads()["site-02"].seq == 11
    found = verify(again)
    assert (found.ok, [(p.code, p.where.record) for p in found.problems]) == (
        True, [("EQ-G062", "site-02")],
    )  # fmt: skip
    write_archive(again, tmp_path / "a.zip", making=Making())
    assert ask(tmp_path / "a.zip") == ""
    again.append([draft(60, chain="control", stream="study", type="StudySealed", body=SEAL_AFTER)])
    write_archive(again, tmp_path / "b.zip", making=Making())
    assert ask(tmp_path / "b.zip").endswith("does not hold")
    assert {p.code for p in verify(again).problems} >= {"EQ-G015"}


@pytest.mark.requirement("C11")
def test_a_redacted_body_does_not_break_the_archive(sealed, take_out, tmp_path):
    """The salted digest stands for the body, of a seal too; the chain still verifies."""
    assert sealed._entries[19].type == "StudySealed"
    for place in (4, 19):
        take_out(place)
    write_archive(sealed, tmp_path / "a.zip", making=Making())
    assert ask(tmp_path / "a.zip") == ""
    assert import_archive(tmp_path / "a.zip", tmp_path / "new.db").ok


@pytest.mark.requirement("C04", "C11")
def test_a_body_that_is_missing_without_an_order_is_found(sealed, tmp_path):
    """By the archive's own verifier, which names it, and by whoever restores it."""
    entry = sealed._entries[4]
    sealed._entries[4] = msgspec.structs.replace(entry, body=None, salt="")
    write_archive(sealed, tmp_path / "a.zip", making=Making())

    assert ask(tmp_path / "a.zip") == (
        f"the archive has lost a body, and none ordered it: [{entry.chain, entry.seq}]"
    )
    assert codes(tmp_path / "a.zip") == ["EQ-G024"]


def test_a_damaged_body_is_a_problem(sealed):
    """EQ-X006: a body that is no UTF-8 cannot come from an undamaged ledger."""
    entry = msgspec.structs.replace(sealed._entries[0], body=b"\xff")
    with pytest.raises(Refused) as refused:
        to_line(entry)
    assert [p.code for p in refused.value.problems] == ["EQ-X006"]


def test_a_line_gives_back_its_entry(sealed):
    """Every field, whatever stands in it."""
    for entry in sealed.read():
        assert from_line(to_line(entry)) == entry
    gone = msgspec.structs.replace(sealed._entries[0], body=None)
    assert from_line(to_line(gone)) == gone


def test_a_file_that_is_no_archive(tmp_path):
    """EQ-G031 whether it is no zip file at all or one of something else."""
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK\x03\x04 and so on")
    assert codes(path) == ["EQ-G031"]
    path.unlink()
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("letter.txt", "Dear inspector")
    assert codes(path) == ["EQ-G031"]
    assert "manifest.json" in ask(path)


@pytest.mark.requirement("D29")
@pytest.mark.parametrize("member", ["entries.jsonl", "README.txt"])
def test_a_member_that_cannot_be_unpacked_is_told(archive, member):
    """A flipped byte in its packed bytes: EQ-G031 or EQ-G032, and the verifier says where."""
    with zipfile.ZipFile(archive) as opened:
        place = opened.getinfo(member).header_offset + 30 + len(member) + 40
    content = bytearray(archive.read_bytes())
    content[place] ^= 255
    archive.write_bytes(content)
    assert set(codes(archive)) <= {"EQ-G031", "EQ-G032", "EQ-G007", "EQ-G004", "EQ-G014"}
    assert re.match(f"{member}|.* of chain|the archive or {member}", ask(archive))


def test_filling_is_all_or_nothing(sealed, tmp_path):
    """An entry that does not fit takes back those before it."""
    entries = list(sealed.read())
    store = open_store(tmp_path / "new.db", study="S1", realm="live", create=True)
    with pytest.raises(Refused):
        store.restore([*entries[:5], entries[4]])
    assert store.heads() == {}
    store.close()
