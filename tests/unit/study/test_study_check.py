"""The checks of a study folder: a fault planted in the first study is told alone, at its line."""

import datetime as dt
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace
from planted import EXPRESSIONS, FAULTS

from equipoise.eligibility.functions import functions_at
from equipoise.problems import LANGUAGES
from equipoise.study.check import check_folder, check_study
from equipoise.study.vocabulary import criteria_functions

Edit = Callable[[str, str, str], int]

FAR = {"EQ-S024", "EQ-S030", "EQ-S032", "EQ-S033", "EQ-S051", "EQ-S062"}
"""Codes told at the other place of two that disagree, or where something is missing."""


def found_in(folder: Path) -> list[tuple[str, str, int | None]]:
    return [(p.code, p.where.file, p.where.line) for p in check_folder(folder).problems]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f"{f[0]}-{f[1]}")
def test_a_planted_fault_is_told_once_and_nothing_else(
    folder: Path, edit: Edit, fault: tuple[str, str, str, str]
) -> None:
    """The problem has the code and the place, speaks both languages, and stops what it must."""
    code, file, old, new = fault
    line = edit(file, old, new)
    loaded = check_folder(folder)
    assert {(p.code, p.where.file) for p in loaded.problems} == {(code, file)}
    for found in loaded.problems:
        assert abs((found.where.line or 0) - line) <= 3 or code in FAR
        for language in LANGUAGES:
            assert "{" not in found.say(language).replace("{decision", "")
            assert found.advise(language)
    assert (loaded.study is None) == (loaded.problems[0].severity == "error")


@pytest.mark.requirement("C65", "F27")
def test_what_is_kept_from_assessors_is_not_told_by_what_is_derived_from_it(
    folder: Path, edit: Edit
) -> None:
    """C-reactive protein, from it a value of one form, from that another, and an assessor's item
    that is shown by it; the same derived from the weight tells nothing."""
    derived = (
        "derive:\n  half: {{label: {{en: Half, fr: Moitié}}, unit: {0}, value: {1} / 2}}\n"
        "  quarter: {{label: {{en: Quarter, fr: Quart}}, unit: {0}, value: half / 2}}\n"
    )
    edit("forms/vital_signs.yaml", "derive:\n", derived.format("kg", "weight"))
    shown = "    required: false\n    when: vital_signs.quarter > 5 {0}\n"
    edit("forms/guess_assessor.yaml", "    required: false\n", shown.format("kg"))
    assert found_in(folder) == []

    edit(
        "forms/vital_signs.yaml",
        "unit: kg, value: weight / 2",
        "unit: mg/L, value: laboratory.crp / 2",
    )
    edit("forms/vital_signs.yaml", "unit: kg, value: half / 2", "unit: mg/L, value: half / 2")
    edit("forms/guess_assessor.yaml", "quarter > 5 kg", "quarter > 5 mg/L")
    assert [(code, file) for code, file, _ in found_in(folder)] == [
        ("EQ-S121", "forms/guess_assessor.yaml")
    ]


@pytest.mark.requirement("C65", "F27")
def test_what_another_role_alone_sees_may_depend_on_it(folder: Path, edit: Edit) -> None:
    """A form of theirs that is expected after a high value is on no page of an assessor."""
    edit("forms/infusion.yaml", "\norder:", "\nwhen: laboratory.crp > 5 mg/L\norder:")
    assert found_in(folder) == []


@pytest.mark.parametrize("zone", ["Europe/Pariss", "CET+1", "../../etc/hosts"])
def test_a_site_names_a_time_zone_that_there_is(folder: Path, edit: Edit, zone: str) -> None:
    """One of the IANA database; with it the study is as good as without."""
    before = found_in(folder)
    wrong, right = (f"fr: Centre 01}}, time_zone: {z}, country" for z in (zone, "Europe/Paris"))
    line = edit("study.yaml", "fr: Centre 01}, country", wrong)
    assert found_in(folder) == [("EQ-C150", "study.yaml", line), *before]
    edit("study.yaml", wrong, right)
    assert found_in(folder) == before


@pytest.mark.parametrize("site", ["R", "r"])
def test_no_site_is_called_like_the_randomization_numbers(
    folder: Path, edit: Edit, site: str
) -> None:
    """Its participant R-001 would be the number R-001 of somebody else, in an emergency too."""
    edit("rehearsal.yaml", '"03":', f'"{site}":')
    line = edit("study.yaml", '    "03": {label', f'    "{site}": {{label')
    assert found_in(folder) == [("EQ-S125", "study.yaml", line)]


def test_the_first_study_has_no_problem(first_study: Path) -> None:
    loaded = check_folder(first_study)
    assert loaded.problems == ()
    assert loaded.study is not None
    assert check_study(loaded.study, loaded.locate) == ()


def test_a_criterion_may_name_an_item_of_a_form(folder: Path, edit: Edit) -> None:
    """Its latest value counts; a name that no form has is told as any other."""
    edit("eligibility.yaml", "is: bmi < 16.5 kg/m^2", "is: laboratory.crp < 3 mg/L")
    assert found_in(folder) == []
    edit("eligibility.yaml", "is: laboratory.crp < 3 mg/L", "is: laboratory.crp < 3 kg")
    assert [code for code, _, _ in found_in(folder)] == ["EQ-L007"]


def test_a_rule_that_says_nothing_is_told(first_study: Path) -> None:
    """Adverse events are a log, and a form asks something: both faults are told."""
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


@pytest.mark.requirement("F18")
@pytest.mark.parametrize(("said", "found"), [("", ["EQ-S130"]), ("  leaves_out: []\n", [])])
def test_whom_minimization_counts_is_said(
    folder: Path, edit: Edit, said: str, found: list[str]
) -> None:
    """Silence counts everybody, and is told; an empty list says the same aloud."""
    edit("study.yaml", "scheme: permuted_blocks", "scheme: minimization")
    edit("study.yaml", "  blocks: {decision: blocks, assume: [9, 9]}\n", "  floor: 0.1\n" + said)
    codes = [p.code for p in check_folder(folder).problems]
    assert [c for c in codes if c == "EQ-S130"] == found


@pytest.mark.parametrize("words", ["decided", "waived"])
def test_a_decision_that_was_taken_says_who_when_and_why(
    folder: Path, edit: Edit, words: str
) -> None:
    """Complete, and told with `is` in the folder, it is no problem; the assumption becomes one."""
    told = 'status: open\n    affects: ["study.yaml:randomization.ratio"]'
    done = f'status: {words}\n    choice: "1:1:1"\n    by: DSMB\n    on: 2026-01-02\n    why: Fair'
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


@pytest.mark.parametrize("fault", EXPRESSIONS, ids=lambda f: f"{f[0]}-{f[1]}")
def test_a_planted_fault_of_an_expression_is_told_at_its_line(
    folder: Path, edit: Edit, fault: tuple[str, str, str, str]
) -> None:
    code, file, old, new = fault
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


def test_a_file_with_a_directive_is_told_alone(folder: Path, edit: Edit) -> None:
    """None of it was read, so nothing is said of the places that name what stands in it."""
    edit("decisions.yaml", "decisions:\n", "%YAML 1.1\n---\ndecisions:\n")
    assert [(p.code, p.where.file) for p in check_folder(folder).problems] == [
        ("EQ-S006", "decisions.yaml")
    ]


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


@pytest.mark.parametrize(
    "edited",
    [
        ("schedule.yaml", "    day: 0\n", "    day: zero\n"),
        ("forms/mrss.yaml", "range: [0, 3]", "range: 3"),
        ("study.yaml", "assume: [1, 1, 1]", "assume: equal"),
        ("eligibility.yaml", "- mrss >= 20", "- 20"),
    ],
    ids=str,
)  # fmt: skip
def test_what_only_follows_from_a_fault_of_shape_is_not_told(
    folder: Path, edit: Edit, edited: tuple[str, str, str]
) -> None:
    """An encounter whose day is no number is one problem, not also an encounter without a day."""
    edit(*edited)
    found = [(p.code, p.where.file) for p in check_folder(folder).problems]
    assert found == [("EQ-S012", edited[0])]


@pytest.mark.parametrize(
    "edited",
    [
        ("study.yaml", "  scheme: p", "  stratify: [site]\n  scheme: p"),
        ("safety.yaml", "fatal_if: fatal\n", ""),
        ("study.yaml", 'start: "2024-12-01"', 'start: "2024-12"'),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_study_may_also_say_is_no_problem(
    folder: Path, edit: Edit, edited: tuple[str, str, str]
) -> None:
    """Strata by site, no rule for deaths, a month in place of a day."""
    edit(*edited)
    assert check_folder(folder).problems == ()


def test_a_study_that_is_not_randomized_needs_no_plan(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text("study: a\ntitle: {en: A, fr: A}\n")
    assert [p.code for p in check_folder(tmp_path).problems] == ["EQ-S046"]


def test_the_check_knows_the_functions_that_eligibility_has() -> None:
    """What passes the check can be evaluated at the bedside, with the same types."""
    known, bound = criteria_functions(), functions_at(dt.date(2026, 1, 5))
    assert set(known) == set(bound)
    for name, function in known.items():
        assert (function.parameters, function.result) == (
            bound[name].parameters,
            bound[name].result,
        )


@pytest.mark.parametrize("is_installed", [True, False])
def test_tables_that_are_not_installed_are_told_before_the_first_participant(
    folder: Path, edit: Edit, monkeypatch: pytest.MonkeyPatch, *, is_installed: bool
) -> None:
    """A prediction of lung function without its tables: warned of here, no gap at the bedside."""
    line = edit(
        "forms/lung_function.yaml",
        "    value: round(dlco_corrected(dlco, laboratory.hemoglobin, demography.sex), 1)\n",
        "    value: dlco_gli_2017_percent(20 mL/min/mmHg, 50 years, 170 cm, demography.sex)\n",
    )
    if not is_installed:
        monkeypatch.setitem(sys.modules, "pyspiro", None)
    loaded = check_folder(folder)

    expected = [] if is_installed else [("EQ-S092", "forms/lung_function.yaml", line)]
    assert [(p.code, p.where.file, p.where.line) for p in loaded.problems] == expected
    assert loaded.study is not None


@pytest.mark.parametrize(
    ("scheme", "setting"),
    [
        ("permuted_blocks\n  block_order: random", "blocks: [3, 6]"),
        ("big_stick", "tolerance: 2"),
        ("block_urn", "lambda: 2"),
        ("minimization\n  floor: 0.1", "probability: 0.8"),
        ("biased_coin", "probability: {decision: blocks, assume: 0.8}"),
    ],
)
def test_the_first_study_could_be_allocated_otherwise(
    folder: Path, edit: Edit, scheme: str, setting: str
) -> None:
    """Each scheme is written beside its ratio, and a setting may rest on a decision as before."""
    edit("study.yaml", "  scheme: permuted_blocks", f"  scheme: {scheme}")
    edit("study.yaml", "  blocks: {decision: blocks, assume: [9, 9]}", f"  {setting}")
    assert [p for p in check_folder(folder).problems if p.severity == "error"] == []
