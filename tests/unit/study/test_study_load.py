"""A folder becomes a study, or all the problems that keep it from becoming one."""

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from equipoise.study.load import load_study
from equipoise.study.study import Study

MINIMAL = "study: tiny\ntitle: {en: Tiny, fr: Petit}\n"


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    (tmp_path / "study.yaml").write_text(MINIMAL)
    (tmp_path / "forms").mkdir()
    return tmp_path


def faults(directory: Path) -> list[tuple[str, str, int | None]]:
    return [(p.code, p.where.file, p.where.line) for p in load_study(directory).problems]


def test_a_folder_without_study_yaml_is_none(tmp_path: Path) -> None:
    loaded = load_study(tmp_path)
    assert [p.code for p in loaded.problems] == ["EQ-S001"]
    assert (loaded.study, loaded.locate("study.yaml").line) == (None, 1)


def test_study_yaml_alone_is_a_study(tiny: Path) -> None:
    """Every other file may be absent: a draft begins with what the registry says."""
    loaded = load_study(tiny)
    assert loaded.problems == ()
    assert isinstance(loaded.study, Study)
    assert (loaded.study.identity.study, loaded.study.forms) == ("tiny", {})


def test_strange_files_are_told(tiny: Path) -> None:
    """A misspelt name would silently drop a part of the study."""
    (tiny / "eligibilty.yaml").write_text("")
    (tiny / "study.yml").write_text("")
    (tiny / "forms" / "mrss.yml").write_text("")
    assert {f[1] for f in faults(tiny)} == {"eligibilty.yaml", "study.yml", "forms/mrss.yml"}
    assert {f[0] for f in faults(tiny)} == {"EQ-S004"}


def test_a_folder_in_place_of_a_file_is_told(tiny: Path) -> None:
    (tiny / "schedule.yaml").mkdir()
    assert faults(tiny) == [("EQ-S005", "schedule.yaml", None)]


def test_all_faults_of_shape_come_at_once_with_suggestions(tiny: Path) -> None:
    """Unknown keys name the nearest known one; a misspelt required key is one fault, not two."""
    (tiny / "study.yaml").write_text(
        "study: 1st\n"
        "titel: {en: Tiny, fr: Petit, de: Klein}\n"
        "planned_participants: -3\n"
        "phase: 2\n"
        "sponsor: APHP\n"
        "sites: {too_long_a_code: {label: {en: A}}}\n"
        "roles: {boss: {en: Boss}}\n"
        "xyz: 1\n"
        "arms: [a]\n"
        "randomization: {scheme: coin, ratio: [1, -1], blocks: [2]}\n"
    )
    (tiny / "schedule.yaml").write_text(
        "encounters:\n  M0:\n    label: {en: M0, fr: M0}\n    day: 0.5\n    days: [1]\n"
    )
    (tiny / "forms" / "vital.yaml").write_text(
        "form: other\ntitle: {en: V}\nby: [investigator]\nitems:\n  x:\n    label: {en: X}\n"
        "    type: numbr\n    decimals: 9\n    required: 1\n"
    )
    found = load_study(tiny).problems
    assert [(p.code, p.where.file, p.where.line) for p in found] == [
        ("EQ-S012", "study.yaml", 1),
        ("EQ-S010", "study.yaml", 2),
        ("EQ-S012", "study.yaml", 3),
        ("EQ-S012", "study.yaml", 4),
        ("EQ-S012", "study.yaml", 5),
        ("EQ-S012", "study.yaml", 6),
        ("EQ-S012", "study.yaml", 7),
        ("EQ-S010", "study.yaml", 8),
        ("EQ-S012", "study.yaml", 9),
        ("EQ-S012", "study.yaml", 10),
        ("EQ-S012", "study.yaml", 10),
        ("EQ-S012", "schedule.yaml", 4),
        ("EQ-S012", "schedule.yaml", 5),
        ("EQ-S011", "schedule.yaml", 2),
        ("EQ-S012", "forms/vital.yaml", 7),
        ("EQ-S012", "forms/vital.yaml", 8),
        ("EQ-S012", "forms/vital.yaml", 9),
        ("EQ-S014", "forms/vital.yaml", 1),
    ]
    said = {p.where.line: p.message + p.hint for p in found if p.where.file == "study.yaml"}
    assert "of the form ^[A-Za-z]" in said[1]
    assert "'titel'" in said[2] and "mean: title?" in said[2]
    assert "a whole number >= 0, found -3" in said[3]
    assert "a list, found 2" in said[4]
    assert "a block of keys, found 'APHP'" in said[5]
    assert "'coordinator', 'investigator'" in said[7]
    assert "study, title" in said[8]
    shape = {p.where.line: p for p in found if p.where.file == "schedule.yaml"}
    assert "a whole number" in shape[4].message
    assert "2 values, each a whole number" in shape[5].message
    assert "2 valeurs, chacune un nombre entier" in shape[5].say("fr")


def test_words_of_unions_and_bounds_are_plain(tiny: Path) -> None:
    """What was expected is said in words for every kind of type."""
    (tiny / "rehearsal.yaml").write_text(
        "missed_encounter: 1.5\nevents:\n  - term: {en: A, fr: A}\n    values: {related: 3}\n"
    )
    (tiny / "treatments.yaml").write_text("dose: {per_kg: -1, unit: cells}\n")
    (tiny / "decisions.yaml").write_text(
        "decisions:\n  - {id: a, question: {en: A}, because: {en: A}, on: soon}\n"
    )
    said = [p.message for p in load_study(tiny).problems]
    assert any("a date such as 2026-03-27, found 'soon'" in s for s in said)
    assert any("a number > 0, found -1" in s for s in said)
    assert any("a number >= 0 and <= 1, found 1.5" in s for s in said)
    assert any("true or false or text, found 3" in s for s in said)


def test_a_file_that_is_a_list_is_told(tiny: Path) -> None:
    (tiny / "schedule.yaml").write_text("- a\n")
    (tiny / "forms" / "a.yaml").write_text("- a\n")
    assert faults(tiny) == [("EQ-S012", "schedule.yaml", 1), ("EQ-S012", "forms/a.yaml", 1)]


def test_a_value_may_rest_on_a_decision_anywhere(tiny: Path) -> None:
    """The value takes the decision's place, the assumption is listed, and places stay right."""
    (tiny / "schedule.yaml").write_text(
        "encounters:\n"
        "  decision: visits\n"
        "  assume:\n"
        "    M0: {label: {en: M0, fr: M0}, epoch: t, day: {decision: day, is: 3}}\n"
    )
    loaded = load_study(tiny)
    assert loaded.study is not None
    assert loaded.study.schedule.encounters["M0"].day == 3
    assert [(a.decision, a.path, a.is_decided) for a in loaded.study.assumptions] == [
        ("day", "schedule.yaml:encounters.assume.M0.day", True),
        ("visits", "schedule.yaml:encounters", False),
    ]
    assert loaded.study.assumptions[0].where.line == 4
    assert loaded.locate("schedule.yaml", ("encounters", "M0", "epoch")).line == 4


def test_a_decision_without_exactly_one_value_is_one_problem(tiny: Path) -> None:
    (tiny / "schedule.yaml").write_text("epochs:\n  decision: e\n  asume: {}\nday_zero: consent\n")
    (tiny / "treatments.yaml").write_text(
        "dose: {per_kg: {decision: d, is: 1.0, assume: 2.0}, unit: cells}\n"
    )
    assert faults(tiny) == [("EQ-S013", "schedule.yaml", 1), ("EQ-S013", "treatments.yaml", 1)]


def test_an_item_may_be_called_decision(tiny: Path) -> None:
    """Only a text under `decision` makes an assumption."""
    (tiny / "forms" / "a.yaml").write_text(
        "form: a\ntitle: {en: A}\nby: [investigator]\n"
        "items: {decision: {label: {en: D}, type: text}}\n"
    )
    loaded = load_study(tiny)
    assert loaded.study is not None
    assert list(loaded.study.forms["a"].items) == ["decision"]


def test_a_map_gives_one_item_for_each_area_and_side(tiny: Path) -> None:
    (tiny / "forms" / "skin.yaml").write_text(
        "form: skin\ntitle: {en: S}\nby: [investigator]\nmap: body\norder: 2\n"
        "areas: [{area: face, label: {en: Face}}, {area: hand, label: {en: Hand}, both: true}]\n"
        "area_item: {range: [0, 3]}\n"
    )
    (tiny / "forms" / "zero.yaml").write_text(
        "form: zero\ntitle: {en: Z}\nby: [investigator]\norder: 1\nat: [M0]\n"
    )
    study = load_study(tiny).study
    assert study is not None
    assert list(study.forms) == ["zero", "skin"]
    items = study.forms["skin"].items
    assert [(n, i.area, i.side) for n, i in items.items()] == [
        ("face", "face", ""),
        ("hand_right", "hand", "right"),
        ("hand_left", "hand", "left"),
    ]
    assert items["face"].range == (0, 3)
    assert [f.form for f in study.forms_at("M0")] == ["zero"]


def test_dates_stay_dates(tiny: Path) -> None:
    (tiny / "decisions.yaml").write_text(
        "decisions:\n  - {id: a, question: {en: A}, because: {en: A}, on: 2026-03-27}\n"
    )
    study = load_study(tiny).study
    assert study is not None
    assert study.decisions[0].on == dt.date(2026, 3, 27)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(2, 40))
def test_the_digest_changes_with_any_byte(tiny: Path, place: int) -> None:
    """One byte of one file, even in a comment, gives another digest; undone, the same again."""
    path = tiny / "schedule.yaml"
    content = f"# {'a' * 40}\nday_zero: consent\n".encode()
    path.write_bytes(content)
    before = load_study(tiny).study
    path.write_bytes(content[:place] + b"b" + content[place + 1 :])
    after = load_study(tiny).study
    path.write_bytes(content)
    assert before is not None
    assert after is not None
    assert after.digest != before.digest
    assert len(before.digest) == 64
    assert load_study(tiny).study == before


def test_the_digest_changes_with_the_name_of_a_form(tiny: Path) -> None:
    text = "title: {{en: A}}\nby: [investigator]\nform: {}\n"
    digests = set()
    for name in ("a", "b"):
        (tiny / "forms" / f"{name}.yaml").write_text(text.format(name))
        study = load_study(tiny).study
        assert study is not None
        digests.add(study.digest)
        (tiny / "forms" / f"{name}.yaml").unlink()
    assert len(digests) == 2


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(alphabet="abdecisonum: -[]{},&*!'\"\n?|>#%@0159.~", max_size=60))
def test_no_text_in_a_file_makes_the_loader_raise(tiny: Path, text: str) -> None:
    """Whatever stands in a file, the answer is a study or problems."""
    for name in ("study.yaml", "schedule.yaml", "forms/f.yaml"):
        (tiny / name).write_text(text)
    loaded = load_study(tiny)
    assert (loaded.study is None) == bool(loaded.problems)
    (tiny / "study.yaml").write_text(MINIMAL)
