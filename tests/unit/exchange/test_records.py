"""Records of every kind: facts in one vocabulary, gaps for the rest, a folder that checks."""

import json
from pathlib import Path

import pytest

from equipoise.conduct import check_folder
from equipoise.exchange.draft import Draft, draft_study, to_answer, write_draft
from equipoise.exchange.record.facts import Facts
from equipoise.problems import Refused

DATA = Path(__file__).parents[2] / "data" / "records"
REGISTRY = Path(__file__).parents[4] / "shared" / "records"
REFUSED = {
    "truncated": "EQ-D010",
    "empty_array": "EQ-D011",
    "other": "EQ-D011",
    "several": "EQ-D012",
}
READ = sorted(p.name for p in DATA.iterdir() if p.name.partition(".")[0] not in REFUSED)
OTHERS = (
    "NCT00973089.json",
    "NCT02210780.json",
    "NCT03418623.json",
    "NCT04207047.json",
    "usdm-v4-cdisc-pilot.json.gz",
)


def draw(name: str) -> Draft:
    return draft_study(DATA / name)


def facts(name: str) -> dict[str, object]:
    found = to_answer(draw(name))["facts"]
    assert isinstance(found, dict)
    return found


def ids(name: str) -> list[str]:
    return [c.id for c in draw(name).criteria]


def whats(name: str, where: str) -> list[str]:
    return [g.what for g in draw(name).gaps if g.where == where]


@pytest.mark.parametrize("name", READ)
def test_every_kind_of_record_gives_a_folder_that_checks(name: str, tmp_path: Path) -> None:
    """No error; the text of each criterion is kept; what the record does not say is a gap."""
    draft = draw(name)
    write_draft(draft, tmp_path / "study")

    checked = check_folder(tmp_path / "study")

    assert checked.is_ok, [str(p) for p in checked.problems if p.severity == "error"]
    answer = to_answer(draft)
    assert list(answer["facts"]) == list(Facts.__struct_fields__)
    unsaid = {key for key, value in answer["facts"].items() if value is None}
    assert unsaid <= {gap.where for gap in draft.gaps}
    assert all(c.review[0] == "needs_review" for c in draft.criteria)
    assert json.loads(json.dumps(answer)) == answer


@pytest.mark.parametrize("name", READ)
def test_the_same_record_gives_the_same_bytes(name: str, tmp_path: Path) -> None:
    """Two drafts of one record write the same files."""
    for folder in ("a", "b"):
        write_draft(draw(name), tmp_path / folder)
    written = [
        {p.relative_to(tmp_path / f): p.read_bytes() for p in (tmp_path / f).rglob("*.yaml")}
        for f in ("a", "b")
    ]

    assert written[0] == written[1]
    assert written[0]


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_single_record_is_a_problem(name: str) -> None:
    """EQ-D010 for a file that was cut off, EQ-D011 for another format, EQ-D012 for several."""
    with pytest.raises(Refused) as refused:
        draft_study(DATA / f"{name}.json")

    assert [p.code for p in refused.value.problems] == [REFUSED[name]]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\x1f\x8b\x08nonsense", "EQ-D009"),
        (b'{"protocolSection": ' + b"[" * 100_000, "EQ-D010"),
        (b'{"protocolSection": NaN}', "EQ-D013"),
        (b"[1, 2]", "EQ-D011"),
        (b'{"study": {"versions": 3}}', "EQ-D013"),
        (
            b'{"protocolSection": {"identificationModule": {"nctId": ' + b"9" * 5000 + b"}}}",
            "EQ-D010",
        ),
    ],
)
def test_broken_documents_are_problems(tmp_path: Path, content: bytes, code: str) -> None:
    """EQ-D009, EQ-D010, EQ-D013: what is wrong with the file is said, and nothing is written."""
    path = tmp_path / "record.json"
    path.write_bytes(content)

    with pytest.raises(Refused) as refused:
        draft_study(path)

    assert [p.code for p in refused.value.problems] == [code]


def test_a_packed_document_is_the_document() -> None:
    """`.json.gz` gives what `.json` gives."""
    assert to_answer(draw("usdm_two_arms.json.gz")) == to_answer(draw("usdm_two_arms.json"))


def test_both_formats_say_the_same_in_the_same_words() -> None:
    """One trial in both formats: equal facts, save what USDM has no place for."""
    registry, usdm = facts("two_arms.json"), facts("usdm_two_arms.json")
    other = ("nct", "sponsor_id", "phase", "status", "start", "completion")

    assert {k: v for k, v in registry.items() if k not in other} == {
        k: v for k, v in usdm.items() if k not in other
    }
    assert (usdm["nct"], usdm["sponsor_id"]) == ("NCT00000020", "HOUSE-20")
    assert (registry["phase"], usdm["phase"]) == ("PHASE2", "PHASE1/PHASE2")
    assert (usdm["status"], usdm["start"], usdm["completion"]) == (None, None, None)


def test_a_trial_of_the_registry() -> None:
    """Facts, arms with their types, the outcome in the question."""
    draft = draw("two_arms.json")

    assert (draft.study, draft.title) == (
        "nct00000001",
        "A Randomized Study of a Tablet in Adults With Asthma",
    )
    assert [(a.name, a.type) for a in draft.arms] == [
        ("Tablet", "EXPERIMENTAL"),
        ("Placebo", "PLACEBO_COMPARATOR"),
    ]
    assert "Attacks of asthma (6 months)" in whats("two_arms.json", "primary-outcome")[0]
    assert not whats("two_arms.json", "masked-roles")
    assert whats("two_arms.json", "Conditions") == ["not placed: Asthma"]


def test_an_observational_study() -> None:
    """Its model is kept; what only trials have is unknown; the number of those who came is told."""
    found = facts("observational.json")

    assert (found["model"], found["phase"], found["masking"]) == ("COHORT", None, None)
    assert (found["planned_participants"], found["healthy_volunteers"]) == (1200, True)
    assert "1200 is the number of those who took part" in "".join(
        whats("observational.json", "planned_participants")
    )
    assert [a.type for a in draw("observational.json").arms] == [None, None]
    assert any("OBSERVATIONAL" in g for g in whats("observational.json", "Study Type"))


def test_one_arm_and_none() -> None:
    """An arm is described by what it is given where it has no words of its own; no arm is a gap."""
    arms = draw("one_arm.json").arms

    assert [(a.name, a.description) for a in arms] == [("Device", "Device: A small device")]
    assert facts("one_arm.json")["sex"] == "FEMALE"
    assert draw("no_arms.json").arms == ()
    assert "the record has no arms" in whats("no_arms.json", "arms")
    assert ids("no_arms.json") == ["E1", "E2"]
    assert facts("no_arms.json")["planned_participants"] is None


def test_ages_in_months_and_without_an_end() -> None:
    """`6 Months` stays; `N/A` is no age."""
    infants = facts("infants.json")

    assert (infants["minimum_age"], infants["maximum_age"]) == ("6 Months", "24 Months")
    assert facts("required_characteristics.json")["maximum_age"] is None
    assert ids("infants.json") == ["I1", "I2", "E1", "E2"]


def test_two_phases_are_one_word() -> None:
    """A list of phases is joined as the registry's pages join it."""
    assert facts("required_characteristics.json")["phase"] == "PHASE1/PHASE2"
    assert facts("infants.json")["phase"] == "EARLY_PHASE1"
    assert facts("one_arm.json")["phase"] == "NA"


def test_masked_roles_are_those_of_the_record() -> None:
    """The four roles of the registry; the care provider is no role of a folder and is a gap."""
    masking = draw("cohorts.json").pieces["study.yaml"]["masking"]

    assert list(masking["masked"]) == ["participant", "investigator", "outcome_assessor"]
    assert "no role of a study folder: CARE_PROVIDER" in whats("cohorts.json", "Study Design")


def test_escapes_and_hidden_characters_are_undone() -> None:
    """Markdown's and HTML's escapes; French letters and pictures stay; nothing else changes."""
    draft = draw("escapes.json")

    assert draft.title == "Étude d’une crème — « Sœurs » \N{GRINNING FACE}"
    assert [c.text for c in draft.criteria] == [
        "Age >= 18 & <= 70 years",
        "CRP > 5 mg/l [high]",
        "2x10^6 cells/kg",
        "AST or ALT > 3 x ULN",
        '"Smoking" * ever',
    ]
    assert draft.pieces["study.yaml"]["sponsor"]["kind"] == "government"


def test_wrong_types_are_gaps() -> None:
    """Every value of a wrong type is unknown and named; what is right is kept."""
    assert draw("wrong_types.json").title == "A study with wrong types"
    assert set(facts("wrong_types.json").values()) == {None}
    places = {gap.where for gap in draw("wrong_types.json").gaps}
    assert {
        "identificationModule.nctId",
        "designModule.enrollmentInfo.count",
        "eligibilityModule.healthyVolunteers",
        "eligibilityModule.minimumAge",
        "sex",
    } <= places


def test_a_paragraph_has_no_kind_that_it_does_not_say() -> None:
    """Sentences become criteria of no kind, and a decision asks where they belong."""
    draft = draw("paragraph.json")

    assert draft.title == "A cream"
    assert [c.kind for c in draft.criteria] == ["unknown"] * 3
    assert "unplaced-criteria" in {d.id for d in draft.pieces["decisions.yaml"]["decisions"]}


def test_the_only_study_of_a_list_is_read() -> None:
    """The answer of a search that found one study."""
    assert facts("one_in_a_list.json")["nct"] == "NCT00000011"


def test_usdm_criteria_keep_identifiers_nesting_and_tags() -> None:
    """Letters of the list, a table's cells, a tag's value; a tag without one is named."""
    draft = draw("usdm_two_arms.json")

    assert [(c.id, c.number, c.text) for c in draft.criteria] == [
        ("I1", "1", "Adults of at least 18 years."),
        ("I2", "2", "At least one of the following:"),
        ("I2.a", "a", "Cough at night"),
        ("I2.b", "b", "FEV1 < 80 % of predicted"),
        ("I2.b.a", None, "before the dose"),
        ("I2.b.b", None, "after it"),
        ("E3", "3", "Hemoglobin < 8 g/dL"),
        ("E4b", "4b", "EX2"),
        ("E4b.a", None, "Smoking"),
        ("E4b.b", None, "Pipe | 1 week"),
        ("E5", "5", "Treatment with [drug]"),
    ]
    assert "the tag drug has no value" in whats("usdm_two_arms.json", "Eligibility Criteria")
    assert not any("starts at" in w for w in whats("usdm_two_arms.json", "Exclusion Criteria"))
    assert [(a.name, a.type) for a in draft.arms] == [
        ("Tablet", "EXPERIMENTAL"),
        ("PLACEBO", "PLACEBO_COMPARATOR"),
    ]
    assert list(draft.pieces["study.yaml"]["masking"]["masked"]) == ["participant", "investigator"]


def test_usdm_that_says_less_or_otherwise() -> None:
    """One cohort's people are the trial's; a design without a registry word is none."""
    found = facts("usdm_one_cohort.json")

    assert (found["planned_participants"], found["sex"]) == (12, "FEMALE")
    assert (found["minimum_age"], found["maximum_age"]) == ("6 Months", None)
    assert (found["model"], found["purpose"], found["masking"]) == (None, None, "NONE")
    assert "no word of the registry: Group Sequential Design" in whats(
        "usdm_one_cohort.json", "model"
    )
    assert "the record gives several values: TREATMENT, PREVENTION" in whats(
        "usdm_one_cohort.json", "purpose"
    )
    assert any("yet these are masked" in w for w in whats("usdm_one_cohort.json", "masking"))
    assert draw("usdm_sparse.json").title == "A study with little on record"


def test_identifiers_of_every_form_keep_their_decisions(tmp_path: Path) -> None:
    """A letter after the number, lists within lists: ids stay what a folder takes."""
    document = json.loads((DATA / "usdm_two_arms.json").read_text(encoding="utf-8"))
    rows = document["study"]["versions"][0]["studyDesigns"][0]["eligibilityCriteria"]
    for row, identifier in zip(rows, ("1x", "2", "3x", "4-2", "5"), strict=True):
        row["identifier"] = identifier
    nested = "".join(f"<ul><li>One of {n}:" for n in range(40)) + "</li></ul>" * 40
    document["study"]["versions"][0]["eligibilityCriterionItems"][3]["text"] = nested
    (tmp_path / "record.json").write_text(json.dumps(document), encoding="utf-8")

    draft = draft_study(tmp_path / "record.json")
    write_draft(draft, tmp_path / "study")

    checked = check_folder(tmp_path / "study")
    assert checked.is_ok, [str(p) for p in checked.problems if p.severity == "error"]
    assert [c.id for c in draft.criteria][:2] == ["I1x", "I2"]
    assert max(len(c.id) for c in draft.criteria) <= 32


def test_a_drafted_criterion_names_its_decisions(tmp_path: Path) -> None:
    """Each open question about a criterion stands beside it, by an id that the folder has."""
    write_draft(draft_study(DATA.parent / "NCT00000000.txt"), tmp_path / "study")
    study = check_folder(tmp_path / "study").study

    assert study is not None
    named = {d for _, criterion in study.criteria for d in criterion.decisions}
    known = {decision.id for decision in study.decisions}
    assert named and named <= known
    about = {d for d in known if d.endswith("-rule")}
    assert about and about <= named


@pytest.mark.parametrize("name", OTHERS)
def test_records_of_the_registry_and_of_cdisc(name: str, tmp_path: Path) -> None:
    """Published records, where they lie beside this checkout: read, and the folder checks."""
    if not (REGISTRY / name).is_file():
        pytest.skip("the published records do not lie beside this checkout")
    draft = draft_study(REGISTRY / name)
    write_draft(draft, tmp_path / "study")

    assert check_folder(tmp_path / "study").is_ok
    assert draft.criteria
    assert {c.kind for c in draft.criteria} <= {"inclusion", "exclusion"}


def test_published_records_are_cut_right() -> None:
    """Counts of numbered items and of their parts, by hand from the published texts."""
    if not (REGISTRY / OTHERS[0]).is_file():
        pytest.skip("the published records do not lie beside this checkout")

    def count(name: str) -> tuple[int, int, int]:
        found = draft_study(REGISTRY / name).criteria
        top = [c for c in found if c.parent is None]
        n = [sum(c.kind == kind for c in top) for kind in ("inclusion", "exclusion")]
        return n[0], n[1], len(found) - len(top)

    assert count("NCT00973089.json") == (5, 3, 0)
    assert count("NCT02210780.json") == (5, 7, 0)
    assert count("NCT04207047.json") == (9, 19, 6)
    assert count("usdm-v4-cdisc-pilot.json.gz")[:2] == (8, 23)
