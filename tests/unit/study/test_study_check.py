"""The checks of a study folder: each fault planted in the first study is told, at its line, alone."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from equipoise.problems import LANGUAGES
from equipoise.study.check import check_folder, check_study
from equipoise.study.load import load_study

Edit = Callable[[str, str, str], int]

FAULTS = [
    # code, file, what stands there, what is planted
    ("EQ-S020", "study.yaml", "gives: {M0: cells, M3: cells}", "gives: {M0: cells, M4: cells}"),
    ("EQ-S020", "study.yaml", "{M0: placebo, M3: placebo}", "{M0: placebo, M3: saline}"),
    ("EQ-S020", "study.yaml", "[participant, investigator, ", "[patient, investigator, "),
    ("EQ-S020", "study.yaml", "  scheme: permuted_blocks", "  stratify: [route]\n  scheme: permuted_blocks"),
    ("EQ-S020", "schedule.yaml", "epoch: screening", "epoch: selection"),
    ("EQ-S020", "treatments.yaml", "weight: vital_signs.weight", "weight: vital_signs.mass"),
    ("EQ-S020", "forms/heart.yaml", "at: [screening, M12]", "at: [screening, M13]"),
    ("EQ-S020", "safety.yaml", "form: adverse_event", "form: adverse_events"),
    ("EQ-S020", "safety.yaml", "grade: grade", "grade: severity"),
    ("EQ-S020", "analysis.yaml", "    item: lung_function.fvc", "    item: lung_function.fev1"),
    ("EQ-S020", "analysis.yaml", "- heart.lvef", "- hart.lvef"),
    ("EQ-S020", "rehearsal.yaml", "{I6: 0.06,", "{I3: 0.06,"),
    ("EQ-S020", "rehearsal.yaml", "  mrss.rater:", "  mrss.total:"),
    ("EQ-S020", "rehearsal.yaml", "  mrss: {normal", "  lung_function: {normal"),
    ("EQ-S020", "rehearsal.yaml", "effect: {cells: -5}", "effect: {cell: -5}"),
    ("EQ-S020", "rehearsal.yaml", "{placebo: 0.04, cells: 0.10}", "{placebo: 0.04, cell: 0.10}"),
    ("EQ-S020", "rehearsal.yaml", "special_interest: thrombosis", "special_event: thrombosis"),
    ("EQ-S020", "eligibility.yaml", "{from: heart.rhythm,", "{from: heart.rythm,"),
    ("EQ-S020", "eligibility.yaml", "decisions: [marrow]", "decisions: [marow]"),
    ("EQ-S020", "eligibility.yaml", "decision: curatelle, assume", "decision: curatele, assume"),
    ("EQ-S021", "schedule.yaml", "    day: 0\n", "    day: 0\n    days: [0, 1]\n"),
    ("EQ-S021", "schedule.yaml", "    day: 0\n", ""),
    ("EQ-S022", "schedule.yaml", "assume: [-28, -1]", "assume: [-1, -28]"),
    ("EQ-S022", "study.yaml", 'completion: "2027-05-01"', 'completion: "2024-05-01"'),
    ("EQ-S022", "treatments.yaml", "[30, 150]", "[150, 30]"),
    ("EQ-S022", "forms/mrss.yaml", "range: [0, 3]", "range: [3, 0]"),
    ("EQ-S022", "forms/heart.yaml", "usual: [12, 60]", "usual: [60, 12]"),
    ("EQ-S022", "eligibility.yaml", "plausible: [0, 51]", "plausible: [51, 0]"),
    ("EQ-S022", "rehearsal.yaml", "low: 12, high: 45", "low: 45, high: 12"),
    ("EQ-S023", "study.yaml", 'start: "2024-12-01"', 'start: "December 2024"'),
    ("EQ-S023", "rehearsal.yaml", 'start: "2026-01-05"', 'start: "2026-02-30"'),
    ("EQ-S024", "schedule.yaml", "assume: {before: 28, after: 28}", "assume: {before: 90, after: 28}"),
    ("EQ-S030", "forms/end_of_study.yaml", "at: [M12]\n", ""),
    ("EQ-S032", "forms/mrss.yaml", "area_item: {type: scale, range: [0, 3], may_be_not_done: true}\n", ""),
    ("EQ-S033", "forms/mrss.yaml", "  rater:\n", "  face:\n    {label: {en: F, fr: V}, type: text}\n  rater:\n"),
    ("EQ-S033", "forms/haq.yaml", "derive:\n", "derive:\n  grip: {label: {en: G, fr: G}, value: reach}\n"),
    ("EQ-S033", "forms/adverse_event.yaml", "- id: fatal-grade", "- id: grade-five"),
    ("EQ-S034", "forms/consent.yaml", "  is_copy_given:\n", "  is_copy_given:\n    choices: {a: {en: A, fr: A}}\n"),
    ("EQ-S035", "forms/haq.yaml", "fr: Se lever}, type: scale, range: [0, 3]", "fr: Se lever}, type: scale"),
    ("EQ-S036", "forms/consent.yaml", "    type: date\n", "    type: date\n    usual: [0, 1]\n"),
    ("EQ-S037", "forms/heart.yaml", "usual: [40, 75]", "usual: [40, 95]"),
    ("EQ-S040", "study.yaml", "investigator, outcome_assessor]}", "investigator, cell_unit]}"),
    ("EQ-S041", "study.yaml", "schema: double", "schema: none"),
    ("EQ-S042", "study.yaml", "planned_participants: 18", "planned_participants: 0"),
    ("EQ-S043", "study.yaml", "assume: [1, 1, 1]", "assume: [2, 1]"),
    ("EQ-S044", "study.yaml", "assume: [9, 9]", "assume: [9, 8]"),
    ("EQ-S044", "study.yaml", "assume: [9, 9]", "assume: []"),
    ("EQ-S045", "study.yaml", "assume: [9, 9]", "assume: [12]"),
    ("EQ-S048", "treatments.yaml", "weight: vital_signs.weight", "weight: demography.height"),
    ("EQ-S051", "decisions.yaml", 'status: open\n    affects: ["study.yaml:sites", ', 'status: waived\n    affects: ["study.yaml:sites", '),
    ("EQ-S052", "decisions.yaml", 'affects: ["study.yaml:sites", ', 'choice: two\n    affects: ["study.yaml:sites", '),
    ("EQ-S053", "study.yaml", "blocks: {decision: blocks, assume:", "blocks: {decision: blocks, is:"),
    ("EQ-S060", "eligibility.yaml", "birth_month: {from: demography.birth_month}", "birth_month: {}"),
    ("EQ-S061", "eligibility.yaml", "    is: insurance", "    is: insurance\n    any: [insurance]"),
    ("EQ-S061", "eligibility.yaml", "    is: insurance\n", ""),
    ("EQ-S062", "eligibility.yaml", "- id: 5-cancer", "- id: 5-myelodysplasia"),
    ("EQ-S062", "eligibility.yaml", 'number: "14"', 'number: "13"'),
    ("EQ-S063", "eligibility.yaml", "    is: insurance", "    is: insurance\n    assume: not_applicable"),
    ("EQ-S071", "safety.yaml", "onset: onset_on", "onset: term"),
    ("EQ-S071", "analysis.yaml", "    item: lung_function.fvc", "    item: demography.sex"),
    ("EQ-S072", "rehearsal.yaml", '"03": 0.3', '"03": 0'),
    ("EQ-S073", "rehearsal.yaml", "heart.rhythm: {chance: 0.08}", "heart.rhythm: {chance: 0.08, uniform: [0, 1]}"),
    ("EQ-S073", "rehearsal.yaml", "heart.rhythm: {chance: 0.08}", "heart.rhythm: {}"),
    ("EQ-S074", "rehearsal.yaml", "mrss.rater: {choice: {R1: 1}}", "mrss.rater: {choice: {R1: 0}}"),
    ("EQ-S074", "rehearsal.yaml", '{"2": 40, "3": 60}', '{"2": 0}'),
    ("EQ-S075", "rehearsal.yaml", "{choice: {female: 78, male: 22}}", "{choice: {woman: 78, male: 22}}"),
    ("EQ-S075", "rehearsal.yaml", "special_interest: thrombosis", "special_interest: clot"),
    ("EQ-S076", "rehearsal.yaml", "low: 7.4, high: 16.5", "low: 1.4, high: 16.5"),
    ("EQ-S077", "rehearsal.yaml", "{lognormal: [5.5, 0.9]", "{lognormal: [0, 0.9]"),
    ("EQ-S077", "rehearsal.yaml", "{normal: [61, 6]", "{normal: [61, -6]"),
    ("EQ-S080", "schedule.yaml", "{en: M6, fr: M6}", "{en: M6}"),
    ("EQ-S081", "schedule.yaml", "{en: M6, fr: M6}", '{en: "", fr: M6}'),
]  # fmt: skip


FAR = {"EQ-S024", "EQ-S030", "EQ-S032", "EQ-S033", "EQ-S051", "EQ-S062"}
"""Codes told at the other place of two that disagree, or where something is missing."""


def found_in(folder: Path) -> list[tuple[str, str, int | None]]:
    return [(p.code, p.where.file, p.where.line) for p in check_folder(folder).problems]


@pytest.mark.parametrize(("code", "file", "old", "new"), FAULTS)
def test_a_planted_fault_is_told_once_and_nothing_else(
    folder: Path, edit: Edit, code: str, file: str, old: str, new: str
) -> None:
    """The problem names the code and the file, in both languages, and stops the study if it must."""
    line = edit(file, old, new)
    loaded = check_folder(folder)
    assert {(p.code, p.where.file) for p in loaded.problems} == {(code, file)}
    for found in loaded.problems:
        assert abs((found.where.line or 0) - line) <= 3 or code in FAR
        for language in LANGUAGES:
            assert "{" not in found.say(language).replace("{decision", "")
            assert found.advise(language)
    assert (loaded.study is None) == (loaded.problems[0].severity == "error")


def test_the_first_study_has_no_problem(first_study: Path) -> None:
    loaded = check_folder(first_study)
    assert loaded.problems == ()
    assert loaded.study is not None
    assert check_study(loaded.study, loaded.locate) == ()


def test_a_rule_that_says_nothing_is_told(first_study: Path) -> None:
    """A log form for adverse events repeats; a form asks something; both are told where they say no."""
    loaded = check_folder(first_study)
    assert loaded.study is not None
    forms = dict(loaded.study.forms)
    forms["adverse_event"] = replace(forms["adverse_event"], repeats=False, at=("M0",))
    forms["heart"] = replace(forms["heart"], items={}, derive={}, checks=())
    codes = {p.code for p in check_study(replace(loaded.study, forms=forms), loaded.locate)}
    assert {"EQ-S070", "EQ-S031"} <= codes


def test_a_study_of_the_registry_alone_can_be_checked(tmp_path: Path) -> None:
    """A draft has no plan and no site yet: warnings, and the study loads."""
    (tmp_path / "study.yaml").write_text(
        "study: draft\ntitle: {en: Draft}\nallocation: randomized\nplanned_participants: 18\n"
    )
    loaded = check_folder(tmp_path)
    assert [p.code for p in loaded.problems] == ["EQ-S046", "EQ-S080", "EQ-S047"]
    assert {p.severity for p in loaded.problems} == {"warning"}
    assert loaded.study is not None


@pytest.mark.parametrize("words", ["decided", "waived"])
def test_a_decision_that_was_taken_says_who_when_and_why(
    folder: Path, edit: Edit, words: str
) -> None:
    """Complete, and told with `is` in the folder, it is no problem; the assumption becomes one."""
    told = 'status: open\n    affects: ["study.yaml:randomization.ratio"]'
    done = f'status: {words}\n    choice: "1:1:1"\n    by: Board\n    on: 2026-01-02\n    why: "Six each."'
    edit("decisions.yaml", told, done)
    expected = ["EQ-S054"] if words == "decided" else []
    assert [p.code for p in check_folder(folder).problems] == expected
    edit("study.yaml", "{decision: ratio, assume: [1, 1, 1]}", "{decision: ratio, is: [1, 1, 1]}")
    assert check_folder(folder).problems == ()


def test_a_decision_taken_without_its_facts_names_each(folder: Path, edit: Edit) -> None:
    edit(
        "decisions.yaml",
        'status: open\n    affects: ["study.yaml:randomization.ratio"]',
        "status: decided\n    by: Board",
    )
    edit("study.yaml", "{decision: ratio, assume: [1, 1, 1]}", "{decision: ratio, is: [1, 1, 1]}")
    (found,) = check_folder(folder).problems
    assert (found.code, found.values["keys"]) == ("EQ-S051", "choice, on, why")


def test_a_decision_defined_twice_is_told_at_the_second(folder: Path, edit: Edit) -> None:
    line = edit("decisions.yaml", "- id: stratification", "- id: blocks")
    assert found_in(folder) == [("EQ-S050", "decisions.yaml", line)]


def test_roles_are_checked_against_those_that_the_study_names(folder: Path, edit: Edit) -> None:
    """A form filled in, or a question answered, by a role the study does not have is told."""
    edit("study.yaml", "  investigator: {en: Investigator, fr: Investigateur}\n", "")
    problems = check_folder(folder).problems
    assert {p.code for p in problems} == {"EQ-S020"}
    files = {p.where.file for p in problems}
    assert {"eligibility.yaml", "forms/mrss.yaml", "forms/heart.yaml"} <= files


def test_a_file_that_cannot_be_read_stops_the_checks_between_files(
    folder: Path, edit: Edit
) -> None:
    """Nobody is told that every encounter is unknown because the schedule lacks a bracket."""
    line = edit("schedule.yaml", "assume: [-28, -1]", "assume: [-28, -1")
    (found,) = check_folder(folder).problems
    assert (found.code, found.where.file) == ("EQ-S003", "schedule.yaml")
    assert found.where.line in (line, line + 1)
    assert check_folder(folder / "forms").problems[0].code == "EQ-S001"


def test_ten_faults_in_ten_places_are_ten_problems(folder: Path, edit: Edit) -> None:
    """Faults of text, shape, reference, rule and unit come together, each once, at its line."""
    planted = [
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
    expected = [(code, file, edit(file, old, new)) for code, file, old, new in planted]
    loaded = check_folder(folder)
    found = [(p.code, p.where.file, p.where.line) for p in loaded.problems]
    assert sorted(found) == sorted(expected)
    assert loaded.study is None


EXPRESSIONS = [
    ("EQ-L001", "eligibility.yaml", "is: bmi < 16.5 kg/m^2", "is: bmi < < 16.5 kg/m^2"),
    ("EQ-L006", "eligibility.yaml", "- mrss >= 20", "- mrs >= 20"),
    ("EQ-L006", "eligibility.yaml", "when: sex = male and may_conceive", "when: sexe = male"),
    ("EQ-L013", "eligibility.yaml", "is: in_other_trial", "is: hb"),
    ("EQ-L011", "eligibility.yaml", "years_since(neoplasm_on)", "years_sinse(neoplasm_on)"),
    ("EQ-S038", "eligibility.yaml", "from: heart.spap, unit: mmHg", "from: heart.spap, unit: mmHG2"),
    ("EQ-S064", "eligibility.yaml", "from: heart.spap, unit: mmHg", "from: heart.spap, unit: g/L"),
    ("EQ-S065", "eligibility.yaml", "{value: age(birth_month), unit: years", "{value: 2 * age, unit: years"),
    ("EQ-S038", "forms/heart.yaml", "unit: mmHg\n    range: [5, 150]", "unit: mmHg2\n    range: [5, 150]"),
    ("EQ-L006", "forms/demography.yaml", "when: may_conceive", "when: may_conceve"),
    ("EQ-L006", "forms/haq.yaml", "sum(dressing, ", "sum(dress, "),
    ("EQ-L010", "forms/lung_function.yaml", "fvc_equation = other", "fvc_equation = others"),
    ("EQ-L007", "forms/vital_signs.yaml", "> 8 kg", "> 8 cm"),
    ("EQ-L006", "safety.yaml", "  fatal or life", "  fatale or life"),
    ("EQ-L006", "safety.yaml", "fatal_if: fatal", "fatal_if: died"),
    ("EQ-L006", "analysis.yaml", "randomized: randomized", "randomized: randomised"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "file", "old", "new"), EXPRESSIONS)
def test_a_planted_fault_of_an_expression_is_told_at_its_line(
    folder: Path, edit: Edit, code: str, file: str, old: str, new: str
) -> None:
    line = edit(file, old, new)
    found = check_folder(folder).problems
    assert {(p.code, p.where.file) for p in found} == {(code, file)}
    assert all(abs((p.where.line or 0) - line) <= 3 for p in found if p.where.file == file)


def test_the_column_of_a_problem_is_that_of_the_wrong_words(folder: Path, edit: Edit) -> None:
    """Quoted or not, the column points into the expression."""
    old = '- "effusion in {mild, moderate}"'
    line = edit("eligibility.yaml", old, '- "effusion in {mild, modest}"')
    text = (folder / "eligibility.yaml").read_text().splitlines()[line - 1]
    (found,) = check_folder(folder).problems
    assert (found.code, found.where.line) == ("EQ-L010", line)
    assert found.where.column == text.index("effusion") + 1


def test_an_expression_that_cannot_be_read_hides_no_circle(folder: Path, edit: Edit) -> None:
    edit("eligibility.yaml", "years_since(neoplasm_on)", "years_since(neoplasm_on")
    assert [p.code for p in check_folder(folder).problems] == ["EQ-L018"]


def test_a_value_without_a_unit_is_typed_by_what_it_computes(folder: Path, edit: Edit) -> None:
    """A named condition may be used like any other; a broken one is told once."""
    edit(
        "eligibility.yaml",
        "  neoplasm_on: {from: medical_history.neoplasm_on}\n",
        "  neoplasm_on: {from: medical_history.neoplasm_on}\n  is_light: {value: weight < 40 kg}\n",
    )
    edit("eligibility.yaml", "    is: insurance", "    all: [insurance, not is_light]")
    assert check_folder(folder).problems == ()
    edit("eligibility.yaml", "{value: weight < 40 kg}", "{value: weight <}")
    assert [p.code for p in check_folder(folder).problems] == ["EQ-L018"]
