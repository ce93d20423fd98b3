"""`equipoise check` and `draft`: from a registry page to a folder, and what is wrong with it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import RECORD, STUDY, answer_of, codes, command, refused, run

Edit = Callable[[str, str, str], int]

TEN_FAULTS = [
    ("EQ-S010", "study.yaml", "purpose: treatment", "purpos: treatment"),
    ("EQ-S044", "study.yaml", "assume: [9, 9]", "assume: [9, 7]"),
    ("EQ-S050", "decisions.yaml", "id: stratification", "id: ratio"),
    ("EQ-L007", "eligibility.yaml", "hb < 11 g/dL", "hb < 11 mmHg"),
    ("EQ-S020", "schedule.yaml", "epoch: screening", "epoch: screenin"),
    ("EQ-S012", "treatments.yaml", "active: true", "active: perhaps"),
    ("EQ-S071", "safety.yaml", "onset: onset_on", "onset: term"),
    ("EQ-S037", "forms/heart.yaml", "usual: [40, 75]", "usual: [1, 75]"),
    ("EQ-S007", "forms/mrss.yaml", "title: {", "form: mrss\ntitle: {"),
    ("EQ-S073", "rehearsal.yaml", "heart.rhythm: {chance: 0.08}", "heart.rhythm: {low: 0}"),
]

FACTS = {
    "nct",
    "sponsor",
    "sponsor_id",
    "status",
    "phase",
    "planned_participants",
    "allocation",
    "model",
    "masking",
    "purpose",
    "start",
    "completion",
    "minimum_age",
    "maximum_age",
    "sex",
    "healthy_volunteers",
}


def test_the_first_study_has_no_problem_and_lists_what_nobody_decided() -> None:
    """Exit code 0; the decisions are those of the file, each with its question and status."""
    result = run("check", STUDY, "--json")
    answer = answer_of(result)

    assert result.exit_code == 0
    assert answer["ok"] is True
    assert answer["problems"] == []
    written = (STUDY / "decisions.yaml").read_text(encoding="utf-8")
    assert {d["id"] for d in answer["decisions"]} == set(re.findall(r"(?m)^  - id: (\S+)", written))
    assert all(d["question"] and d["status"] == "open" for d in answer["decisions"])


def test_for_a_person_it_counts_and_says_what_may_be_done() -> None:
    """A study with open decisions can be rehearsed, and cannot go live."""
    result = run("check", STUDY)
    n_open = len(answer_of(run("check", STUDY, "--json"))["decisions"])

    assert result.exit_code == 0
    assert f"0 errors, 0 warnings, {n_open} open decisions." in result.stdout
    assert "cannot go live" in result.stdout


def test_ten_planted_faults_are_ten_problems_with_file_and_line(folder: Path, edit: Edit) -> None:
    """Exit code 1, and the same ten for a machine and for a person."""
    planted = [(code, file, edit(file, old, new)) for code, file, old, new in TEN_FAULTS]

    machine = run("check", folder, "--json")
    person = run("check", folder)
    answer = answer_of(machine)

    assert (machine.exit_code, person.exit_code, answer["ok"]) == (1, 1, False)
    found = [(p["code"], p["file"], p["line"]) for p in answer["problems"]]
    assert sorted(found) == sorted(planted)
    for row in answer["problems"]:
        assert {"code", "severity", "file", "line", "message", "hint"} <= set(row)
        assert row["severity"] == "error"
        assert row["message"] and row["hint"]
    shown = re.findall(r"^(\S+?):(\d+)(?::\d+)?  (EQ-\w+)  \S", person.stderr, flags=re.MULTILINE)
    assert sorted((code, file, int(line)) for file, line, code in shown) == sorted(planted)
    assert person.stderr.count("\n    ") == 10, "each problem says what to do"
    assert person.stdout.startswith("10 errors, 0 warnings,")


def test_a_warning_alone_does_not_stop_a_study(folder: Path, edit: Edit) -> None:
    """Exit code 0, and the warning is shown."""
    line = edit("schedule.yaml", "{en: M6, fr: M6}", "{en: M6}")
    result = run("check", folder)

    assert result.exit_code == 0
    assert codes(result) == ["EQ-S080"]
    assert f"schedule.yaml:{line}" in result.stderr
    assert "0 errors, 1 warnings" in result.stdout


def test_a_folder_without_a_study_is_one_problem(tmp_path: Path) -> None:
    """Nothing to check is not a study without faults."""
    machine = run("check", tmp_path, "--json")

    assert machine.exit_code == 1
    assert [p["code"] for p in answer_of(machine)["problems"]] == ["EQ-S001"]
    assert answer_of(machine)["decisions"] == []


def test_problems_are_said_in_french_where_the_terminal_is_french(
    folder: Path, edit: Edit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same problem, the same place, the other language."""
    edit("study.yaml", "assume: [9, 9]", "assume: [9, 7]")
    english = run("check", folder).stderr
    monkeypatch.setattr("locale.getlocale", lambda *_: ("fr_FR", "UTF-8"))
    french = run("check", folder).stderr

    assert "EQ-S044" in english and "EQ-S044" in french
    assert english != french


def test_a_record_becomes_a_folder_that_the_check_accepts(tmp_path: Path) -> None:
    """What the draft says is what the page says; nothing in the folder is an error."""
    drafted = run("draft", RECORD, "-o", tmp_path / "study", "--json")
    answer = answer_of(drafted)
    checked = run("check", tmp_path / "study", "--json")

    assert drafted.exit_code == 0
    assert {"study", "facts", "arms", "criteria", "gaps"} <= set(answer)
    assert set(answer["facts"]) >= FACTS
    assert answer["study"] == "nct00000000"
    assert answer["facts"]["nct"] == "NCT00000000"
    assert answer["facts"]["planned_participants"] == 18
    assert [a["name"] for a in answer["arms"]] == [
        "2 infusions of MSC",
        "1 infusion of MSC",
        "Placebo",
    ]
    for arm in answer["arms"]:
        assert {"name", "type", "description"} <= set(arm)
    for criterion in answer["criteria"]:
        keys = {"id", "kind", "number", "parent", "text", "expression", "review"}
        assert keys <= set(criterion)
    assert all({"where", "what"} <= set(gap) and gap["what"] for gap in answer["gaps"])
    assert checked.exit_code == 0
    assert answer_of(checked)["ok"] is True
    assert answer_of(checked)["decisions"]


def test_a_draft_for_a_person_says_what_comes_next(tmp_path: Path) -> None:
    """Without a folder nothing is written, and it says so."""
    shown = run("draft", RECORD)
    written = run("draft", RECORD, "-o", tmp_path / "study")

    assert (shown.exit_code, written.exit_code) == (0, 0)
    assert "Nothing was written" in shown.stdout
    assert f"equipoise check {tmp_path / 'study'}" in written.stdout
    assert [p.name for p in tmp_path.iterdir()] == ["study"]


def test_a_draft_never_overwrites(tmp_path: Path) -> None:
    """A folder with anything in it is refused and stays as it was."""
    (tmp_path / "notes.txt").write_text("mine")

    assert refused("draft", RECORD, "-o", tmp_path) == ["EQ-D006"]
    assert [p.read_text() for p in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "EQ-D002"),
        (b"a\0b", "EQ-D003"),
        (b"\xff\xfe\xfa", "EQ-D003"),
        (b"Dear colleague,\nplease find attached\n", "EQ-D005"),
    ],
)
def test_a_record_that_is_none_is_a_problem(tmp_path: Path, content: bytes, code: str) -> None:
    """Empty, binary, not UTF-8, some other text: never a traceback, and nothing is written."""
    path = tmp_path / "record.txt"
    path.write_bytes(content)

    assert refused("draft", path, "-o", tmp_path / "study") == [code]
    assert not (tmp_path / "study").exists()


def test_a_place_that_cannot_be_written_is_a_problem(tmp_path: Path) -> None:
    """A file stands where a folder should be."""
    (tmp_path / "file").touch()

    assert refused("draft", RECORD, "-o", tmp_path / "file" / "study") == ["EQ-D007"]


def test_the_program_itself_answers_like_the_function(tmp_path: Path) -> None:
    """The exit codes reach the shell: 0, 1 and 2."""
    good = command("check", STUDY, "--json")
    bad = command("check", tmp_path, "--json")
    wrong = command("check")

    assert (good.returncode, bad.returncode, wrong.returncode) == (0, 1, 2)
    assert good.stdout.startswith("{\n") and good.stderr == ""
    assert '"EQ-S001"' in bad.stdout
    assert "Missing argument" in wrong.stderr
