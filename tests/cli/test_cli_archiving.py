"""`equipoise ledger`: archive, import, backup, restore; looking back."""

import datetime as dt
import hashlib
import json
import re
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from equipoise.cli.folders import load_checked
from equipoise.cli.looking_back import read_moment
from equipoise.cli.rehearsing import running_vault
from equipoise.cli.trials import running_trial
from equipoise.conduct import note_broken, record_packets
from equipoise.ledger import Draft, open_store
from equipoise.problems import Refused
from equipoise.vault.packets.messages import OpenedPacket, PacketRow

from .conftest import STUDY, Rehearsed, a_body, answer_of, codes, command, refused, run
from .test_cli_ledger import flip


def python(*words: object) -> "subprocess.CompletedProcess[str]":
    """Python in isolated mode: what an auditor has."""
    line = [sys.executable, "-I", *map(str, words)]
    return subprocess.run(line, cwd="/", capture_output=True, text=True, check=False)


def export(store: Path, path: Path, *words: object) -> str:
    done = run("ledger", "export", "--store", store, "-o", path, *words)
    assert done.exit_code == 0, done.output
    return done.stdout


def seal_of(store: Path) -> str:
    return str(answer_of(run("ledger", "verify", "--store", store, "--json"))["seal"])


def in_ledger(store: Path, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(store) as connection:
        rows = connection.execute(query).fetchall()
    connection.close()
    return rows


@pytest.mark.requirement("C50", "C51")
def test_an_archive_verifies_without_this_program(rehearsed: Rehearsed, tmp_path: Path) -> None:
    """Python alone and the file: whole, with the seal; study and schemas are in it."""
    path = tmp_path / "trial.zip"
    said = export(rehearsed.store, path, "--study", STUDY)
    checked = python(path, "--against", seal_of(rehearsed.store))

    n_entries, seal = rehearsed.answer["entries"], seal_of(rehearsed.store)
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout == (
        f"{n_entries} entries, each as it was recorded. Seal {seal}\n"
        "Study folders on record: 1, in this archive: 1.\n"
    )
    assert f"{n_entries} entries in {path}. Verify with: python3 {path}" in said
    assert [p.name for p in tmp_path.iterdir()] == ["trial.zip"]
    with zipfile.ZipFile(path) as opened:
        names = set(opened.namelist())
        manifest = json.loads(opened.read("manifest.json"))
        (study,) = (n for n in names if n.endswith("/study.yaml"))
        assert opened.read(study) == (STUDY / "study.yaml").read_bytes()
    assert "schemas/FormSubmitted.schema.json" in names
    assert set(manifest["members"]) == names - {"manifest.json"}
    assert re.fullmatch(r"equipoise \d+\.\d+\.\d+", manifest["made_by"])
    assert (manifest["realm"], manifest["made_at"]) == ("rehearsal", "")


@pytest.mark.requirement("C51", "C59")
def test_import_and_export_again_give_the_same_bytes(rehearsed: Rehearsed, tmp_path: Path) -> None:
    """And the file's digest is what a machine is told."""
    told = json.loads(export(rehearsed.store, tmp_path / "a.zip", "--json"))
    moved = ("--moved-from", rehearsed.store)
    words = ("ledger", "import", tmp_path / "a.zip", *moved, "--store")
    done, other = run(*words, tmp_path / "new.db"), run(*words, tmp_path / "n2.db", "--json")
    assert answer_of(other) == {"entries": told["entries"]}
    again = json.loads(export(tmp_path / "new.db", tmp_path / "b.zip", "--json"))

    assert done.exit_code == 0, done.output
    assert done.stdout.endswith("They are those of the ledger that it comes from.\n")
    assert told == again
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    at = "2026-11-25T12:00Z"
    export(rehearsed.store, tmp_path / "c.zip", "--made-at", at)
    with zipfile.ZipFile(tmp_path / "c.zip") as opened:
        assert json.loads(opened.read("manifest.json"))["made_at"] == at


@pytest.mark.requirement("C52")
def test_a_transfer_is_reconciled_and_replaces_nothing(
    rehearsed: Rehearsed, unlocked: Rehearsed, tmp_path: Path
) -> None:
    """Counts and digests on both sides; brought again, or another one, it is refused whole."""
    place = tmp_path / "new.db"
    sent = json.loads(export(rehearsed.store, tmp_path / "a.zip", "--json"))
    words = ("--store", place, "--moved-from", rehearsed.store, "--json")
    got = answer_of(run("ledger", "import", tmp_path / "a.zip", *words))
    assert got["entries"] == sent["entries"]
    for store in (rehearsed.store, place):
        told = answer_of(run("ledger", "verify", "--store", store, "--json"))
        assert (told["entries"], told["seal"]) == (sent["entries"], sent["seal"])
    query = "SELECT chain, seq, digest, body FROM ledger_entry ORDER BY chain, seq"
    assert in_ledger(place, query) == in_ledger(rehearsed.store, query)

    before = place.read_bytes()
    other = json.loads(export(unlocked.store, tmp_path / "b.zip", "--json"))
    assert other["sha256"] != sent["sha256"]
    for archive in ("a.zip", "b.zip"):
        words = ("ledger", "import", tmp_path / archive, "--store", place)
        assert refused(*words) == ["EQ-X002"]
        assert place.read_bytes() == before


def test_a_damaged_archive_is_not_imported(rehearsed: Rehearsed, tmp_path: Path) -> None:
    """Exit code 2, the first bad entry in front, and no store."""
    export(rehearsed.store, tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as opened:
        members = {name: opened.read(name) for name in opened.namelist()}
    lines = members["entries.jsonl"].splitlines(keepends=True)
    entry = json.loads(lines[700])
    lines[700] = json.dumps({**entry, "by": "somebody"}).encode() + b"\n"
    members["entries.jsonl"] = b"".join(lines)
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as changed:
        for name, content in members.items():
            changed.writestr(name, content)
    found = run("ledger", "import", tmp_path / "b.zip", "--store", tmp_path / "new.db")

    assert found.exit_code == 2
    assert found.stderr.startswith(f"{entry['chain']} / {entry['seq']}  EQ-G004")
    assert not (tmp_path / "new.db").exists()
    assert (
        f"entry {entry['seq']} of chain {entry['chain']} (line 701)"
        in python(tmp_path / "b.zip").stderr
    )


@pytest.mark.requirement("C49", "C57")
def test_a_site_has_its_complete_copy_after_the_lock_too(
    rehearsed: Rehearsed, tmp_path: Path
) -> None:
    """Its entries and the control chain's, to the last; no other site's."""
    locked = in_ledger(rehearsed.store, "SELECT 1 FROM ledger_entry WHERE type = 'DataLocked'")
    export(rehearsed.store, tmp_path / "site.zip", "--site", "01")
    with zipfile.ZipFile(tmp_path / "site.zip") as opened:
        lines = [json.loads(line) for line in opened.read("entries.jsonl").splitlines()]
    query = "SELECT digest FROM ledger_entry WHERE chain IN ('site-01', 'control')"

    assert locked, "the rehearsal ends with the lock"
    assert {x["chain"] for x in lines} == {"site-01", "control"}
    own = {x["stream"] for x in lines if x["chain"] == "site-01"}
    assert {s[:3] for s in own - {"audit-trail/site-01"}} == {"01-"}
    assert sorted(x["digest"] for x in lines) == sorted(
        d for (d,) in in_ledger(rehearsed.store, query)
    )
    assert python(tmp_path / "site.zip").returncode == 0
    assert refused(
        "ledger", "export", "--store", rehearsed.store, "-o", tmp_path / "x.zip", "--site", "99"
    ) == ["EQ-G036"]


def test_an_archive_never_overwrites(own: Rehearsed, tmp_path: Path) -> None:
    """A file that is there stays, the ledger itself above all."""
    before = own.store.read_bytes()

    assert refused("ledger", "export", "--store", own.store, "-o", own.store) == ["EQ-X002"]
    assert own.store.read_bytes() == before
    absent = tmp_path / "absent" / "a.zip"
    assert refused("ledger", "export", "--store", own.store, "-o", absent) == ["EQ-X003"]


def test_another_study_does_not_go_into_the_archive(
    rehearsed: Rehearsed, folder: Path, tmp_path: Path
) -> None:
    """EQ-C019: bound to the digest on which the trial was opened; a broken folder is told."""
    words = ("ledger", "export", "--store", rehearsed.store, "-o", tmp_path / "a.zip")
    text = (folder / "study.yaml").read_text(encoding="utf-8")
    (folder / "study.yaml").write_text(text + "\n# a word more\n", encoding="utf-8")
    assert refused(*words, "--study", folder) == ["EQ-C019"]
    (folder / "study.yaml").unlink()
    assert refused(*words, "--study", folder) == ["EQ-S001"]
    assert list(tmp_path.glob("*.zip")) == []


@pytest.mark.requirement("C04", "C49")
def test_a_protocol_that_was_changed_in_the_archive_is_found(
    rehearsed: Rehearsed, tmp_path: Path
) -> None:
    """Another age limit, and its line in the manifest made anew: neither program believes it."""
    whole, changed = tmp_path / "a.zip", tmp_path / "b.zip"
    export(rehearsed.store, whole, "--study", STUDY)
    with zipfile.ZipFile(whole) as opened:
        members = {name: opened.read(name) for name in opened.namelist()}
    (name,) = (n for n in members if n.endswith("/eligibility.yaml"))
    assert b"18" in members[name]
    members[name] = members[name].replace(b"18", b"12")
    manifest = json.loads(members["manifest.json"])
    manifest["members"][name] = hashlib.sha256(members[name]).hexdigest()
    members["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(changed, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    assert "is no study that the record names" in python(changed).stderr
    assert refused("ledger", "import", changed, "--store", tmp_path / "new.db") == ["EQ-G063"]


def test_an_archive_without_its_study_says_so(rehearsed: Rehearsed, tmp_path: Path) -> None:
    """When it is made, and when it is verified."""
    assert "Study folders in it: none" in export(rehearsed.store, tmp_path / "a.zip")
    told = "Study folders on record: 1, in this archive: 0."
    assert told in python(tmp_path / "a.zip").stdout


@pytest.mark.requirement("C53")
def test_what_is_imported_is_closed_until_it_is_proven(own: Rehearsed, tmp_path: Path) -> None:
    """As after a restore; a move shows the ledger that it comes from, or is no move: EQ-G070."""
    export(own.store, tmp_path / "a.zip")
    words = ("ledger", "import", tmp_path / "a.zip", "--store")
    told = run(*words, tmp_path / "new.db")
    closed = "SELECT count(*) FROM ledger_entry WHERE type = 'LedgerRestored'"
    assert in_ledger(tmp_path / "new.db", closed) == [(1,)]
    assert "Nobody is randomized in it until" in told.stdout
    run(*words, tmp_path / "moved.db", "--moved-from", own.store)
    assert in_ledger(tmp_path / "moved.db", closed) == [(0,)]
    export(own.store, tmp_path / "b.zip", "--by", "auditor")
    recorded = ("ledger", "import", tmp_path / "b.zip", "--moved-from", own.store, "--store")
    assert run(*recorded, tmp_path / "told.db").exit_code == 0  # but for the copy's own record
    run("ledger", "seal", "--store", own.store, "--by", "auditor")  # the origin went on
    assert refused(*recorded, tmp_path / "gone.db") == ["EQ-G070"]
    late = ("--moved-from", own.store)
    assert refused(*words, tmp_path / "late.db", *late) == ["EQ-G070"]
    assert not (tmp_path / "late.db").exists()


@pytest.mark.requirement("C53", "D18")
def test_the_restore_drill(unlocked: Rehearsed, tmp_path: Path) -> None:
    """Back up, lose the ledger, restore, prove it by the seal on paper, read a casebook, export."""
    backup, new = tmp_path / "backup.db", tmp_path / "new.db"
    made = run("ledger", "backup", "--store", unlocked.store, "-o", backup)
    seal = made.stdout.splitlines()[-1]
    second = run("ledger", "backup", "--store", unlocked.store, "-o", tmp_path / "b2", "--json")
    assert answer_of(second)["seal"] == seal
    restored = run("ledger", "restore", backup, "--store", new, "--json")
    answer = answer_of(restored)
    after = answer_of(run("ledger", "verify", "--store", new, "--json"))

    assert (made.exit_code, restored.exit_code) == (0, 0), restored.output
    assert seal == seal_of(unlocked.store)
    heads = in_ledger(unlocked.store, "SELECT digest FROM ledger_entry")
    assert not [d for d in (seal, *(d for (d,) in heads)) if d in restored.output]
    assert (answer["ok"], answer["first_bad"], answer["affected"]) == (True, None, [])
    assert answer["restored"] == answer["entries"] == after["entries"] - 1
    assert 0 < answer["seconds"] < 1800
    assert refused("ledger", "confirm", "--store", new, "--seal", "0" * 64, "--by", "auditor") == [
        "EQ-C112"
    ]
    words = ("ledger", "confirm", "--store", new, "--seal", seal, "--by", "auditor")
    assert refused(*words) == ["EQ-C053"]
    with running_vault(unlocked.vault) as process:
        vault = ("--vault", process.socket_path, "--token", unlocked.vault / "assign.token")
        assert run(*words, *vault).exit_code == 0
    code = in_ledger(new, "SELECT stream FROM ledger_entry WHERE chain = 'site-01' LIMIT 1")[0][0]
    words = ("ledger", "show", STUDY, "--participant", code, "--store")
    shown, before = run(*words, new), run(*words, unlocked.store)
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.splitlines()[1:] == before.stdout.splitlines()[1:]
    export(new, tmp_path / "a.zip", "--study", STUDY)
    assert python(tmp_path / "a.zip", "--against", seal).returncode == 0  # it went on since
    export(unlocked.store, tmp_path / "b.zip")
    assert python(tmp_path / "b.zip", "--against", seal).returncode == 0


@pytest.mark.requirement("C54")
def test_a_damaged_backup_tells_whom_it_concerns(own: Rehearsed, tmp_path: Path) -> None:
    """Exit code 1 and nothing restored; with the option up to the damage, and exit code 1 too."""
    run("ledger", "backup", "--store", own.store, "-o", tmp_path / "b.db")
    chain, seq, body = a_body(tmp_path / "b.db")
    flip(tmp_path / "b.db", body, at=len(body) // 2)
    words = ("ledger", "restore", tmp_path / "b.db", "--store", tmp_path / "new.db")
    told = answer_of(run(*words, "--json"))
    shown = command(*words)
    where = f"FROM ledger_entry WHERE chain = '{chain}'"
    query = f"SELECT DISTINCT stream {where} AND seq >= {seq}"
    later = {stream for (stream,) in in_ledger(own.store, query)} - {f"audit-trail/{chain}"}

    assert (told["ok"], told["restored"]) == (False, 0)
    assert (told["first_bad"]["chain"], told["first_bad"]["seq"]) == (chain, seq)
    assert told["last_safe"][chain] == seq - 1
    assert set(told["affected"]) == later
    assert shown.returncode == 1
    assert f"Concerned by what comes after the damage: {', '.join(sorted(later))}" in shown.stderr
    assert "Nothing was restored" in shown.stderr
    assert not (tmp_path / "new.db").exists()
    some = run(*words, "--up-to-damage")
    assert some.exit_code == 1
    assert f"entries restored to {tmp_path / 'new.db'}" in some.stdout
    assert run("ledger", "verify", "--store", tmp_path / "new.db").exit_code == 0
    query = "SELECT body FROM ledger_entry WHERE type = 'LedgerRestored'"
    assert json.loads(in_ledger(tmp_path / "new.db", query)[0][0])["is_complete"] is False
    assert in_ledger(tmp_path / "new.db", f"SELECT max(seq) {where}") == [(seq - 1,)]


def test_a_gap_is_attested_by_two(unlocked: Rehearsed, tmp_path: Path) -> None:
    """The first opens nothing yet; the second, in another role, does."""
    new = tmp_path / "new.db"
    run("ledger", "export", "--store", unlocked.store, "-o", tmp_path / "a.zip")
    assert run("ledger", "restore", tmp_path / "a.zip", "--store", new).exit_code == 0
    words = ("ledger", "attest-gap", "--store", new, "--reason", "paper compared", "--by")
    first, again, second = (
        run(*words, "auditor"),
        run(*words, "auditor"),
        run(*words, "data_manager"),
    )

    assert first.stdout.startswith("Attested. A second person")
    assert codes(again) == ["EQ-C113"]
    assert second.stdout == "Attested by two. Randomization is open again.\n"


@pytest.mark.requirement("C03", "D19")
def test_a_casebook_is_shown_as_of_an_instant(unlocked: Rehearsed) -> None:
    """Only what was entered by then; a participant who was not there yet is told."""
    store = open_store(unlocked.store, read_only=True)
    own = [e for e in store.read() if e.stream == "01-001" and e.type == "FormSubmitted"]
    store.close()
    words = ("ledger", "show", STUDY, "--store", unlocked.store, "--participant", "01-001")
    moment = own[1].at.isoformat()
    told = answer_of(run(*words, "--as-of", moment, "--json"))
    shown = run(*words, "--as-of", moment).stdout.splitlines()
    entries = {f"{e.chain}:{e.seq}" for e in own if e.at <= own[1].at}
    values = {k: v for e in own[:2] for k, v in json.loads(e.body)["values"].items()}

    assert {v["entry"] for v in told["values"]} == entries
    assert {v["item"]: v["value"] for v in told["values"]} == values
    assert shown[0] == f"01-001: screening, as of {own[1].at}"
    assert shown[1].split()[:5] == ["encounter", "form", "repeat", "on", "item"]
    assert len(shown) == 2 + len(values)
    early = (own[0].at - dt.timedelta(days=900)).isoformat()
    assert refused(*words, "--as-of", early) == ["EQ-C003"]
    assert refused(*words, "--as-of", "yesterday") == ["EQ-X905"]
    assert refused(*words, "--as-of", "0" * 64) == ["EQ-C114"]


def test_a_clock_that_jumped_is_told_where_it_matters(own: Rehearsed) -> None:
    """`show` counts what bears a time that is not its own; `verify` lists where it jumped."""
    sealed = run("ledger", "seal", "--store", own.store, "--by", "auditor", "--reason", "cut")
    found = run("ledger", "verify", "--store", own.store)
    told = answer_of(run("ledger", "verify", "--store", own.store, "--json"))

    assert sealed.exit_code == 0  # today lies before the last day of the rehearsal
    assert (found.exit_code, told["ok"]) == (0, True)
    assert codes(found) == ["EQ-G030"]
    assert [w["code"] for w in told["warnings"]] == ["EQ-G030"]


def test_many_jumps_are_not_all_printed(tmp_path: Path) -> None:
    """Twenty, and how many more; a machine gets them all."""
    store = open_store(tmp_path / "t.db", study="S1", realm="live", create=True)
    start = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
    drafts = [
        Draft(chain="c", stream="s", version=n, type="T", at=at, by="a", role="r")
        for n, at in enumerate(start - dt.timedelta(hours=k) for k in range(26))
    ]
    store.append(drafts)
    store.close()
    shown = run("ledger", "verify", "--store", tmp_path / "t.db")
    told = answer_of(run("ledger", "verify", "--store", tmp_path / "t.db", "--json"))

    assert codes(shown) == ["EQ-G030"] * 20
    assert "... and 5 more warnings" in shown.stderr
    assert len(told["warnings"]) == 25


@pytest.mark.requirement("F33")
def test_a_packet_that_was_entered_late_is_listed(unlocked: Rehearsed, tmp_path: Path) -> None:
    """Beside the forms: for whom it was opened, on which day, and when that was entered."""
    store = Path(shutil.copy(unlocked.store, tmp_path / "copy.db"))
    trial = running_trial(store, study=load_checked(STUDY))
    last = max(e.at for e in trial.store.read())
    subject = trial.state.randomized[0]
    opened, made = last + dt.timedelta(minutes=5), last - dt.timedelta(days=1)
    row = PacketRow(
        packet="B1-01", batch=1, kind="code_break", site=subject.site, stratum="",
        opens=subject.number, root="", at=made,
    )  # fmt: skip
    record_packets(trial, [row], at=last)
    told = OpenedPacket(
        packet="B1-01", code="", participant=subject.code, opened_at=opened,
        opened_by="investigator", by="investigator", reason="Outage",
    )  # fmt: skip
    at = opened + dt.timedelta(days=6, hours=1)
    (entry,) = note_broken(trial, by="investigator", at=at, told=told)
    trial.store.close()

    words = ("ledger", "late", STUDY, "--store", store, "--json", "--days")
    (found,) = [x for x in answer_of(run(*words, "5"))["late"] if "packet" in x["form"]]
    assert (found["participant"], found["form"]) == (subject.code, "packet B1-01")
    assert (found["on"], found["days"], found["by"]) == (str(opened.date()), 6, "investigator")
    assert found["entry"] == f"{entry.chain}:{entry.seq}"
    assert dt.datetime.fromisoformat(found["entered_at"]) == at.replace(microsecond=0)
    assert not [x for x in answer_of(run(*words, "6"))["late"] if "packet" in x["form"]]


@pytest.mark.requirement("C13")
def test_late_entries_are_listed(unlocked: Rehearsed) -> None:
    """More days than were allowed between the day of the form and its entry."""
    words = ("ledger", "late", STUDY, "--store", unlocked.store)
    told = answer_of(run(*words, "--days", "0", "--json"))
    shown = run(*words, "--days", "0")
    none = run(*words, "--days", "4000")

    for row in told["late"]:
        entered = dt.datetime.fromisoformat(row["entered_at"]).date()
        assert (entered - dt.date.fromisoformat(row["on"])).days == row["days"] > 0
    assert f"{len(told['late'])} were entered more than 0 days late." in shown.stderr
    assert len(shown.stdout.splitlines()) == 1 + len(told["late"])
    assert none.stdout.split() == [
        "participant",
        "event",
        "encounter",
        "form",
        "repeat",
        "on",
        "entered_at",
        "days",
        "by",
        "entry",
    ]


@pytest.mark.requirement("D08")
@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-03-01T12:00Z", "2026-03-01T12:00:00"),
        ("2026-03-29T03:30+02:00", "2026-03-29T01:30:00"),
        ("2028-02-29T23:59:59.5Z", "2028-02-29T23:59:59.500000"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999999"),
        ("2038-01-19T03:14:08Z", "2038-01-19T03:14:08"),
    ],
)
def test_instants_as_people_write_them(text: str, utc: str) -> None:
    """Any zone, a leap day, a leap second, beyond 32 bits."""
    moment = read_moment(text)
    assert isinstance(moment, dt.datetime)
    assert moment.astimezone(dt.UTC) == dt.datetime.fromisoformat(f"{utc}+00:00")


@pytest.mark.parametrize(
    "text", ["2026-03-01", "2026-03-01T12:00", "2027-02-29T12:00Z", "", "x" * 64]
)
def test_no_instant_is_guessed(text: str) -> None:
    """Without a zone, or on a day that there is not: EQ-X905."""
    with pytest.raises(Refused) as caught:
        read_moment(text)
    assert [p.code for p in caught.value.problems] == ["EQ-X905"]
