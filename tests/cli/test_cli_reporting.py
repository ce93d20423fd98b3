"""`equipoise report` and `export`: what leaves a trial, and what never leaves it blinded."""

import csv
import hashlib
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from equipoise.cli.folders import load_checked
from equipoise.cli.rehearsing import cells_beside
from equipoise.cli.reporting import check_opening
from equipoise.conduct import TrialState, fold
from equipoise.ledger import open_store

from .conftest import STUDY, Rehearsed, answer_of, refused, run

Edit = Callable[[str, str, str], int]
POOLED = "Nothing in this report tells one arm from another."
BY_ARM = "By the real arms. The data were locked before the arms were known."


def report(trial: Rehearsed, output: Path, *more: object) -> str:
    """The HTML of a report that was written."""
    result = run("report", STUDY, "--store", trial.store, "-o", output, *more)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"Written: {output}\n"
    return output.read_text(encoding="utf-8")


def openings(trial: Rehearsed) -> list[tuple[str, str]]:
    """Who opened the list of a vault, and why, by the vault's own log."""
    with closing(sqlite3.connect(trial.vault / "vault.db")) as log:
        return log.execute(
            "SELECT by, reason FROM ledger_entry WHERE type = 'OpenList' ORDER BY position"
        ).fetchall()


@pytest.fixture(scope="module")
def arm_words() -> list[str]:
    """Every name that the study has for an arm."""
    arms = load_checked(STUDY).identity.arms
    return [*arms, *(a.label.en for a in arms.values()), *(a.label.fr for a in arms.values())]


@pytest.mark.requirement("C44", "C66")
def test_a_report_is_blinded_unless_somebody_opens_the_code(own: Rehearsed, tmp_path: Path) -> None:
    """Marked as a rehearsal, with the ledger's seal, and made where there is no vault at all."""
    seal = answer_of(run("ledger", "verify", "--store", own.store, "--json"))["seal"]
    own.vault.rename(tmp_path / "elsewhere")
    page = report(own, tmp_path / "report.html")

    assert seal in page
    assert POOLED in page and BY_ARM not in page
    assert "REHEARSAL" in page
    assert 'lang="en"' in page
    by_patient = re.findall(r"Placebo \(|Two infusions of cells \(|One infusion of cells \(", page)
    assert by_patient == [], "no group of participants is called like an arm"


def test_a_report_speaks_french(own: Rehearsed, tmp_path: Path) -> None:
    """Another language, the same trial."""
    page = report(own, tmp_path / "rapport.html", "--language", "fr")

    assert 'lang="fr"' in page
    assert "RÉPÉTITION" in page and POOLED not in page


def test_dummy_arms_show_the_tables_and_say_nothing(own: Rehearsed, tmp_path: Path) -> None:
    """Three arms A, B, C, by a seed and not by the vault; another seed deals otherwise."""
    first = report(own, tmp_path / "1.html", "--dummy", 1)
    again = report(own, tmp_path / "2.html", "--dummy", 1)
    other = report(own, tmp_path / "3.html", "--dummy", 2)

    for label in ("A", "B", "C"):
        assert f"Dummy arm {label}" in first
    assert _without_time(first) == _without_time(again) != _without_time(other)
    assert openings(own) == []


def test_after_the_lock_the_report_is_by_arm(own: Rehearsed, tmp_path: Path) -> None:
    """The arms have names and six people each; the vault has logged who opened the code and why."""
    page = report(
        own, tmp_path / "report.html", "--vault", own.vault, "--by", "unblinded_statistician"
    )

    assert BY_ARM in page and POOLED not in page
    assert openings(own) == [("unblinded_statistician", "analysis after the lock")]


@pytest.mark.requirement("F40")
def test_what_was_received_is_not_taken_from_the_arm(own: Rehearsed, tmp_path: Path) -> None:
    """Read from the cell unit's ledger beside the vault; without one the report says otherwise."""
    opened = ("--vault", own.vault, "--by", "unblinded_statistician")
    assert "read from the bags" in report(own, tmp_path / "1.html", *opened)
    away = cells_beside(own.vault).rename(tmp_path / "cells.db")
    assert "is taken from the arm" in report(own, tmp_path / "2.html", *opened)
    assert "read from the bags" in report(own, tmp_path / "3.html", *opened, "--cells", away)


@pytest.mark.requirement("F40", "F09")
def test_after_the_lock_an_export_keeps_the_three_apart(own: Rehearsed, tmp_path: Path) -> None:
    """Every planned infusion once: what list, ledger and bags say of it, each by itself."""
    opened = ("--vault", own.vault, "--by", "unblinded_statistician")
    out = tmp_path / "tables"
    told = run("export", STUDY, "--store", own.store, "-o", out, *opened)
    assert told.exit_code == 0, told.output
    with (out / "listing.treatments.csv").open(encoding="utf-8") as file:
        rows = [*csv.DictReader(file)]
    assert len(rows) == len({(r["number"], r["encounter"]) for r in rows}) == 2 * 18
    assert sorted(Counter(r["arm"] for r in rows).values()) == [12, 12, 12]
    given = [r for r in rows if r["received_on"]]
    entries = [*open_store(own.store, read_only=True).read()]
    assert len(given) == sum(e.type == "InfusionGiven" for e in entries)
    for row in given:
        assert row["planned"] == row["dispensed"] == row["received"]
        assert (row["received_cells"] == "0") == (row["received"] == "placebo")
        assert row["label"] and row["received_ml"] == "50.0"
    assert openings(own) == [("unblinded_statistician", "analysis after the lock")]

    assert refused("export", STUDY, "--store", own.store, "-o", out, *opened) == ["EQ-X001"]
    assert len(openings(own)) == 1
    new = ("export", STUDY, "--store", own.store, "-o", tmp_path / "new")
    assert refused(*new, "--vault", own.vault) == ["EQ-X900"]
    assert refused(*new, "--vault", own.vault, "--by", "coordinator") == ["EQ-C002"]
    cells_beside(own.vault).unlink()
    assert refused(*new, *opened) == ["EQ-L024"]
    assert len(openings(own)) == 1 and not (tmp_path / "new").exists()


@pytest.mark.requirement("F40", "C69")
def test_no_export_tells_an_arm_before_the_lock(unlocked: Rehearsed, tmp_path: Path) -> None:
    opened = ("--vault", unlocked.vault, "--by", "unblinded_statistician")
    words = ("export", STUDY, "--store", unlocked.store, "-o", tmp_path / "tables")
    assert refused(*words, *opened) == ["EQ-A001"]


@pytest.mark.requirement("C66", "C69")
def test_what_was_agreed_opens_no_other_vault(own: Rehearsed, tmp_path: Path) -> None:
    """A rehearsal's lock tells nothing of another list, and another list makes no report."""
    other = own._replace(vault=tmp_path / "other.vault")
    assert run("vault", other.vault, "--create", STUDY, "--realm", "rehearsal").exit_code == 0
    by = ("--by", "unblinded_statistician")
    words = ("--store", own.store, "-o", tmp_path / "r.html", "--vault", other.vault)
    assert refused("report", STUDY, *words, *by) == ["EQ-V015"]
    words = ("--study", STUDY, "--ledger", own.store, "-o", tmp_path / "list.json")
    assert refused("vault", "open", other.vault, *words, *by, "--reason", "r") == ["EQ-V015"]
    assert openings(other) == []
    assert not (tmp_path / "r.html").exists() and not (tmp_path / "list.json").exists()


@pytest.mark.parametrize(
    ("by", "code"),
    [("nobody", "EQ-C001"), ("statistician", "EQ-C002"), ("investigator", "EQ-C002")],
)
def test_who_may_not_know_an_arm_opens_nothing(
    own: Rehearsed, tmp_path: Path, by: str, code: str
) -> None:
    """Unknown names and blinded roles; the vault is not even asked."""
    words = ("--store", own.store, "-o", tmp_path / "r.html", "--vault", own.vault, "--by", by)

    assert refused("report", STUDY, *words) == [code]
    assert openings(own) == []
    assert not (tmp_path / "r.html").exists()


def test_who_opens_the_code_must_be_said(own: Rehearsed, tmp_path: Path) -> None:
    words = ("--store", own.store, "-o", tmp_path / "r.html", "--vault", own.vault)

    assert refused("report", STUDY, *words) == ["EQ-X900"]
    assert openings(own) == []


@pytest.mark.requirement("C71")
def test_before_the_lock_the_vault_is_not_asked(unlocked: Rehearsed, tmp_path: Path) -> None:
    """Refused before a question is put: no arm reaches the memory of this process."""
    by = ("--by", "unblinded_statistician")
    words = ("--store", unlocked.store, "-o", tmp_path / "r.html", "--vault", unlocked.vault, *by)

    assert refused("report", STUDY, *words) == ["EQ-A001"]
    assert openings(unlocked) == []
    assert refused("report", STUDY, *words, "--dummy", 1) == ["EQ-A001", "EQ-A005"]
    assert not (tmp_path / "r.html").exists()
    assert report(unlocked, tmp_path / "blinded.html")


def test_a_report_never_overwrites_the_ledger(own: Rehearsed, tmp_path: Path) -> None:
    """Whatever is there stays; a place that cannot be written is a problem."""
    before = own.store.read_bytes()

    assert refused("report", STUDY, "--store", own.store, "-o", own.store) == ["EQ-X002"]
    assert own.store.read_bytes() == before
    absent = tmp_path / "absent" / "r.html"
    assert refused("report", STUDY, "--store", own.store, "-o", absent) == ["EQ-X003"]


@pytest.mark.requirement("C15", "C44", "C65")
def test_an_export_has_a_table_for_each_form(
    own: Rehearsed, tmp_path: Path, arm_words: list[str]
) -> None:
    """As many rows as the manifest says, its digests hold, and no arm stands anywhere."""
    result = run("export", STUDY, "--store", own.store, "-o", tmp_path / "tables")
    seal = answer_of(run("ledger", "verify", "--store", own.store, "--json"))["seal"]
    forms = {p.stem for p in (STUDY / "forms").glob("*.yaml")}
    tables = {p.stem: p for p in (tmp_path / "tables").glob("*.csv")}
    manifest = json.loads((tmp_path / "tables" / "manifest.json").read_text(encoding="utf-8"))

    assert result.exit_code == 0, result.output
    assert result.stdout == f"Written to {tmp_path / 'tables'}. Seal {seal}\n"
    assert (manifest["seal"], manifest["realm"]) == (seal, "rehearsal")
    assert re.fullmatch(r"equipoise \d+\.\d+\.\d+", manifest["made_by"]), "of derived values"
    assert set(tables) == {
        *forms,
        "listing.copies",
        "listing.deviations",
        "listing.populations",
        "listing.signatures",
    }
    written = json.dumps(manifest)
    for name, path in tables.items():
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert rows or name not in forms, name
        assert {row["realm"] for row in rows} <= {"rehearsal"}
        assert hashlib.sha256(path.read_bytes()).hexdigest() in written
        text = path.read_text(encoding="utf-8")
        assert [word for word in arm_words if word and word in text] == []


def test_an_export_says_who_is_analyzed_together(own: Rehearsed, tmp_path: Path) -> None:
    """Every participant once; in each population who the entries of the ledger say."""
    run("export", STUDY, "--store", own.store, "-o", tmp_path / "tables")
    with (tmp_path / "tables" / "listing.populations.csv").open(encoding="utf-8") as file:
        rows = {row["participant"]: row for row in csv.DictReader(file)}
    happened: dict[str, set[str]] = {}
    for entry in open_store(own.store, read_only=True).read():
        happened.setdefault(entry.type, set()).add(entry.stream)

    def members(name: str) -> set[str]:
        return {code for code, row in rows.items() if row[name] == "true"}

    assert set(rows) == happened["ParticipantScreened"]
    assert members("randomized") == happened["ParticipantRandomized"]
    infused = happened["InfusionGiven"] & happened["ParticipantRandomized"]
    assert members("treated") == infused
    assert members("per_protocol") <= infused
    assert {row["randomized"] for row in rows.values()} == {"true", "false"}
    assert {row["randomized.reasons"] for row in rows.values()} == {""}


@pytest.mark.requirement("C16", "C49")
def test_an_export_shows_every_signature(own: Rehearsed, tmp_path: Path) -> None:
    """Name, instant, meaning, what it is bound to, whether it stands, and its seal."""
    run("export", STUDY, "--store", own.store, "-o", tmp_path / "tables")
    with (tmp_path / "tables" / "listing.signatures.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    entries = list(open_store(own.store, read_only=True).read())
    names = {json.loads(e.body or b"")["person"]: e for e in entries if e.type == "PersonAdded"}
    sealed = {e.at: json.loads(e.body or b"")["root"] for e in entries if e.type == "StudySealed"}
    kinds = ("CasebookSigned", "PopulationsSigned", "UnblindingAgreed", "AccessReviewed")
    signed = {f"{e.chain}:{e.seq}": e for e in entries if e.type in kinds}

    assert {row["entry"] for row in rows} == set(signed)
    for row in rows:
        entry = signed[row["entry"]]
        body = json.loads(entry.body or b"")
        assert (row["meaning"], row["digest"]) == (body["meaning"], body["digest"])
        assert row["proof"] == body.get("proof", "")
        assert row["name"] == json.loads(names[entry.by].body or b"")["name"]
        assert row["at"][:19] == entry.at.isoformat()[:19]
        assert row["seal"] == sealed[entry.at]
    assert {row["stands"] for row in rows if row["participant"]} == {"true"}
    trial = [signed[row["entry"]].type for row in rows if not row["participant"]]
    assert set(trial) == set(kinds[1:])


@pytest.mark.requirement("C71")
def test_the_code_stays_shut_without_two_signatures(own: Rehearsed) -> None:
    """After the lock too: nobody signed the populations, or nobody agreed to these."""
    with closing(open_store(own.store, read_only=True)) as store:
        state = fold(TrialState(), store.read())
    assert state.populations is not None
    study = load_checked(Path(STUDY))

    def found(state: TrialState) -> list[str]:
        asker = "unblinded_statistician"
        return [p.code for p in check_opening(study, state, by=asker, dummy=None)]

    assert found(state) == []
    assert found(replace(state, unblinding=None)) == ["EQ-V037"]
    assert found(replace(state, populations=None)) == ["EQ-V037"]
    other = replace(state.populations, digest="0" * 64)
    assert found(replace(state, populations=other)) == ["EQ-V039"]


def test_an_export_never_overwrites(own: Rehearsed, tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "mine.csv").write_text("mine")

    words = ("--store", own.store, "-o", tmp_path / "tables")
    assert refused("export", STUDY, *words) == ["EQ-X001"]
    assert [p.name for p in (tmp_path / "tables").iterdir()] == ["mine.csv"]


def test_another_text_of_the_study_is_refused(own: Rehearsed, folder: Path, edit: Edit) -> None:
    """One word of one label differs from the folder that the trial was opened on."""
    edit("schedule.yaml", "{en: M6, fr: M6}", "{en: Month 6, fr: M6}")
    output = folder.with_name("out")

    for verb in ("report", "export"):
        assert refused(verb, folder, "--store", own.store, "-o", output) == ["EQ-C019"]
        assert not output.exists()


@pytest.mark.parametrize("verb", ["report", "export"])
def test_what_only_reads_leaves_no_trace_in_the_store(
    own: Rehearsed, tmp_path: Path, verb: str
) -> None:
    """The record is opened for reading alone."""
    before = own.store.read_bytes()

    assert run(verb, STUDY, "--store", own.store, "-o", tmp_path / "out").exit_code == 0
    assert own.store.read_bytes() == before
    assert not own.store.with_name("own.db.lock").exists()


def _without_time(page: str) -> str:
    """A report without the minute in which it was made."""
    return re.sub(r"20\d\d-\d\d-\d\d \d\d:\d\d", "", page)
