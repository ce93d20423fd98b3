"""`equipoise draft` on the two pages: facts, arms, criteria, gaps, and a folder that checks."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from equipoise.conduct import check_folder
from equipoise.eligibility import Observation, assess_eligibility
from equipoise.exchange.draft import LARGEST_RECORD, Draft, draft_study, to_answer, write_draft
from equipoise.problems import Refused, has_errors
from equipoise.study.load import load_study

Draw = Callable[[str], Draft]
STUDY = Path(__file__).parents[3] / "studies" / "nct06722105"
FACTS = {
    "sponsor": "Assistance Publique - Hôpitaux de Paris",
    "sponsor_id": "APHP211026",
    "status": "NOT_YET_RECRUITING",
    "phase": "PHASE1/PHASE2",
    "planned_participants": 18,
    "allocation": "RANDOMIZED",
    "model": "PARALLEL",
    "masking": "DOUBLE",
    "purpose": "TREATMENT",
    "start": "2024-12-01",
    "completion": "2027-05-01",
    "minimum_age": "18 Years",
    "maximum_age": "70 Years",
    "sex": "ALL",
    "healthy_volunteers": False,
}


def test_every_fact_is_read_in_the_records_own_words(record: Path) -> None:
    """The sixteen facts of the page, each under its key; the study is named by its number."""
    answer = to_answer(draft_study(record))

    assert answer["facts"] == {"nct": record.stem, **FACTS}
    assert answer["study"] == record.stem.lower()
    assert list(answer) == ["study", "facts", "arms", "criteria", "gaps"]
    assert json.loads(json.dumps(answer)) == answer


def test_arms_are_name_and_description_and_a_lost_type_stays_unknown(record: Path) -> None:
    """Three arms; their types are not on the page and are not guessed."""
    draft = draft_study(record)

    assert [a.name for a in draft.arms] == ["2 infusions of MSC", "1 infusion of MSC", "Placebo"]
    assert [a.type for a in draft.arms] == [None, None, None]
    assert draft.arms[0].description.count("(2x10^6 cells/kg)") == 2
    assert [("M0" in a.description, "M3" in a.description) for a in draft.arms] == [
        (True, True)
    ] * 3
    assert "the type of the arm is lost: Placebo" in [g.what for g in draft.gaps]


def test_criteria_keep_their_numbers_and_nesting(record: Path) -> None:
    """Nine inclusion and thirteen exclusion criteria; under 5 two bullets, under the second 1-3."""
    criteria = draft_study(record).criteria
    top = [c for c in criteria if c.parent is None]

    assert [c.number for c in top if c.kind == "inclusion"] == [str(n) for n in range(2, 11)]
    assert [c.number for c in top if c.kind == "exclusion"] == [str(n) for n in range(2, 15)]
    nested = {c.id: (c.parent, c.number) for c in criteria if c.parent}
    assert nested == {
        "I5.a": ("I5", None),
        "I5.b": ("I5", None),
        "I5.b.1": ("I5.b", "1"),
        "I5.b.2": ("I5.b", "2"),
        "I5.b.3": ("I5.b", "3"),
    }
    assert len({c.id for c in criteria}) == len(criteria) == 27


def test_texts_lose_their_escapes_and_nothing_else(record: Path) -> None:
    """`\\<` becomes `<`; a lost superscript and a decimal comma stay and are marked."""
    by_id = {c.id: c for c in draft_study(record).criteria}

    assert not any("\\" in c.text for c in by_id.values())
    assert "< 50 x 109/L" in by_id["E11"].text
    assert "< 0,5 x 109/L" in by_id["E11"].text
    assert {"lost_superscript", "decimal_comma"} < set(by_id["E11"].review)
    assert by_id["E9"].text == "Body Mass Index < 16.5 kg/m2"


COMPARISONS = (
    *(("I3", ">= 18"), ("I3", "<= 70"), ("I5.a", "<= 2"), ("I5.a", ">= 20"), ("I5.a", "> 5")),
    *(("I5.a", "< 11"), ("I5.b", ">= 15"), ("I5.b.1", "< 80"), ("I5.b.1", "> 35")),
    *(("I5.b.1", "< 50"), ("I5.b.1", "> 20"), ("I5.b.1", "< 40"), ("E3", "< 30 %")),
    *(("E3", "< 40"), ("E3", "> 50"), ("E3", "> 40"), ("E3", "< 30 mL/min"), ("E4", "> 3")),
    *(("E5", "< 5 years"), ("E9", "< 16.5"), ("E11", "< 1 "), ("E11", "< 50")),
    *(("E11", "< 8 "), ("E11", "< 0.5")),
)
"""The 24 comparisons of the registry's page, counted by hand; a number given twice counts once."""
NOT_ON_OWN_PAGE = {("I5.b.1", "> 20"), ("I5.b.1", "< 40"), ("E3", "> 50"), ("E5", "< 5 years")}


def test_every_comparison_of_the_page_is_in_a_rule(record: Path) -> None:
    """24 of 24 on the registry's page, 20 on the project's own, whose words are fewer."""
    rules = {c.id: c.expression or "" for c in draft_study(record).criteria}
    wanted = [c for c in COMPARISONS if record.stem != OWN_STUDY or c not in NOT_ON_OWN_PAGE]

    found = [c for c in wanted if c[1] in rules[c[0]] + " "]

    assert len(wanted) == (20 if record.stem == OWN_STUDY else 24)
    assert found == wanted


OWN_STUDY = "NCT00000000"


def test_rules_say_what_the_words_say(record: Path) -> None:
    """Whole rules of both pages; what says only a part is marked; judgements have no rule."""
    criteria = {c.id: c for c in draft_study(record).criteria}
    rules = {c.id: c.expression for c in criteria.values()}

    assert rules["I3"] == "age >= 18 years and age <= 70 years"
    assert rules["I5.a"] == (
        "disease_duration <= 2 years and mrss >= 20 and (crp > 5 mg/L or hemoglobin < 11 g/dL)"
    )
    assert rules["E4"] == "ast > 3 * ast_upper or alt > 3 * alt_upper"
    assert rules["E9"] == "bmi < 16.5 kg/m2"
    assert rules["E11"] == (
        "neutrophils < 1 10^9/L or platelets < 50 10^9/L or hemoglobin < 8 g/dL"
        " or lymphocytes < 0.5 10^9/L"
    )
    partial = {c.id for c in criteria.values() if "partial" in c.review}
    assert {"I5.b", "I5.b.1", "E4", "E5"} <= partial
    assert not {"I3", "I5.a", "E9", "E11"} & partial
    no_rule = ("I2", "I6", "I7", "I8", "I9", "E2", "E6", "E7", "E10", "E12")
    assert {rules[own_id] for own_id in no_rule} == {None}
    assert all(c.review[0] == "needs_review" for c in criteria.values())


def test_review_marks_stand_where_the_record_is_ambiguous(record: Path) -> None:
    """The marks that both pages share, at their criteria."""
    review = {c.id: set(c.review) for c in draft_study(record).criteria}

    assert {"and_or", "binding"} <= review["I5.a"]
    assert {"and_or", "binding"} <= review["I5.b.1"]
    assert {"such_as", "scope"} <= review["I5.b.3"]
    assert "scope" in review["I5.b"]
    assert "judgement" in review["I6"]
    assert "conditional" in review["I8"]
    assert "comma_list" in review["E3"]
    assert {"comma_list", "upper_limit"} <= review["E4"]
    assert {"exception", "truncated"} <= review["E5"]
    assert "no_threshold" in review["E6"]


def test_gaps_name_what_is_lost_and_what_nobody_decided(record: Path) -> None:
    """Item 1 of each list, the superscript, empty sections, the ratio, the outcome, the roles."""
    gaps = [(g.where, g.what) for g in draft_study(record).gaps]

    assert ("Inclusion Criteria", "the list starts at 2") in gaps
    assert ("Exclusion Criteria", "the list starts at 2") in gaps
    assert ("E11", "lost superscript? 109/L may be 10^9/L") in gaps
    assert ("Conditions", "the section is empty on the page") in gaps
    assert {"allocation-ratio", "primary-outcome", "masked-roles"} <= {w for w, _ in gaps}


def test_the_folder_checks_without_an_error(record: Path, tmp_path: Path) -> None:
    """What is written is a study folder: no error, and its decisions are open."""
    write_draft(draft_study(record), tmp_path / "study")

    loaded = check_folder(tmp_path / "study")

    assert not has_errors(loaded.problems), [str(p) for p in loaded.problems]
    assert loaded.study is not None
    decisions = {d.id: d for d in loaded.study.decisions}
    assert {d.status for d in decisions.values()} == {"open"}
    assert {
        "allocation-ratio",
        "primary-outcome",
        "masked-roles",
        "visit-schedule",
        "follow-up",
        "criterion-I1",
        "criterion-E1",
        "E11-lost-superscript",
        "I5_b_1-and-or",
        "I3-rule",
        "arm-types",
    } <= set(decisions)
    assert all(d.question.fr and d.because.fr for d in decisions.values())
    assumed = {a.decision for a in loaded.study.assumptions}
    assert {"arm-types", "masked-roles", "I3-rule", "E9-rule", "E11-rule"} <= assumed
    assert not {"I5_b_1-rule", "E4-rule", "E5-rule"} & assumed
    assert (tmp_path / "study" / "forms").is_dir()


AGES = """NCT ID: NCT00000001
Eligibility Criteria
Inclusion Criteria
1. Aged 18 to 70 years
2. CRP > 5 mg/L or age > 60 years
Exclusion Criteria
1. Infants younger than 28 days
"""


@pytest.mark.requirement("C81")
def test_no_draft_asks_for_the_day_of_birth(draft_text: Draw, tmp_path: Path) -> None:
    """The month and the year, as the first study has them; at a limit of age a person attests."""
    write_draft(draft_text(AGES), tmp_path / "study")

    loaded, first = check_folder(tmp_path / "study"), load_study(STUDY).study

    assert loaded.is_ok, [str(p) for p in loaded.problems]
    assert loaded.study is not None and first is not None
    items, own = loaded.study.forms["screening"].items, first.forms["demography"].items
    assert items["birth_month"].type == own["birth_month"].type == "month"
    assert items["birth_month"].help == own["birth_month"].help
    assert [name for name, item in items.items() if item.type == "date"] == []
    assert loaded.study.eligibility.values["age"].value == first.eligibility.values["age"].value
    criteria = dict(loaded.study.criteria)
    assert criteria["E1"].is_ == "years_since(birth_month) < 28 days"
    for criterion in criteria.values():
        attest, text = criterion.attest, criterion.text
        assert attest is not None and text is not None
        assert (attest.by, attest.valid_days) == (("investigator",), 0)
        assert attest.ask.en.startswith("Only the month of birth is recorded.")
        assert attest.ask.fr.startswith("Seul le mois de naissance est enregistré.")
        assert attest.ask.en.endswith(text.en)


@pytest.mark.requirement("C81")
@pytest.mark.parametrize(
    ("born", "said"),
    [("2008-02", "met"), ("2008-03", "unknown"), ("2008-04", "not_met")],
)
def test_a_drafted_age_is_decided_outside_the_month_of_the_birthday(
    draft_text: Draw, tmp_path: Path, born: str, said: str
) -> None:
    write_draft(draft_text(AGES), tmp_path / "study")
    study = load_study(tmp_path / "study").study
    assert study is not None
    on = dt.date(2026, 3, 27)
    entered = Observation(
        form="screening", item="birth_month", encounter="", value=born, unit="", on=on, entry="s:1"
    )
    verdict = assess_eligibility(
        study, observations={"screening.birth_month": [entered]}, answers={}, reference_on=on
    )
    (found,) = (c for c in verdict.criteria if c.id == "I1")
    assert found.status == said
    asked = [r.kind for r in found.reasons]
    assert asked == (["ambiguous", "awaiting_judgement"] if said == "unknown" else [])


def test_the_folder_keeps_every_fact_and_text(record: Path, tmp_path: Path) -> None:
    """Identity, arms and criteria are in the folder, each text as on the page, none in French."""
    draft = draft_study(record)
    write_draft(draft, tmp_path)

    study = load_study(tmp_path).study

    assert study is not None
    identity = study.identity
    assert identity.identifiers == {"nct": record.stem, "sponsor": "APHP211026"}
    assert (identity.phase, identity.planned_participants) == (("1", "2"), 18)
    assert [(a.type, a.label.fr) for a in identity.arms.values()] == [
        ("other", ""),
        ("other", ""),
        ("placebo", ""),
    ]
    assert identity.randomization is None
    assert study.schedule.encounters == {}
    assert [c.number for c in study.eligibility.inclusion] == [str(n) for n in range(1, 11)]
    assert study.eligibility.inclusion[0].gap == "the list starts at 2"
    severe = study.eligibility.inclusion[4]
    assert [getattr(rule, "id", None) for rule in severe.any_] == ["I5.a", "I5.b"]
    for criterion in draft.criteria:
        own = (
            study.eligibility.inclusion
            if criterion.kind == "inclusion"
            else study.eligibility.exclusion
        )
        assert any(criterion.text in c.record for c in own)


def test_a_folder_that_holds_anything_is_refused(tmp_path: Path, draft_text) -> None:
    """EQ-D006: nothing is overwritten, nothing is added."""
    draft = draft_text("NCT ID: NCT00000001\nBasic Information\nRECRUITING\n")

    with pytest.raises(Refused) as refused:
        write_draft(draft, tmp_path)

    assert [p.code for p in refused.value.problems] == ["EQ-D006"]
    assert [p.name for p in tmp_path.iterdir()] == ["record.txt"]


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path, draft_text) -> None:
    """EQ-D007: a file stands where the folder should be."""
    draft = draft_text("NCT ID: NCT00000001\nBasic Information\nRECRUITING\n")

    with pytest.raises(Refused) as refused:
        write_draft(draft, tmp_path / "record.txt" / "study")

    assert [p.code for p in refused.value.problems] == ["EQ-D007"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "EQ-D002"),
        (b" \n\n", "EQ-D002"),
        (b"%PDF-1.7\n\xff\xfe\x00\x80", "EQ-D003"),
        (b"text\x00text", "EQ-D003"),
        (b"<!DOCTYPE html><html><body>NCT06722105</body></html>", "EQ-D004"),
        (b"Dear colleague,\nthe trial NCT06722105 is open.\n", "EQ-D005"),
        (b'{"protocolSection": {}}', "EQ-D013"),
        (b"x" * (LARGEST_RECORD + 1), "EQ-D008"),
    ],
)
def test_what_is_no_record_is_a_problem(tmp_path: Path, content: bytes, code: str) -> None:
    """Empty, binary, HTML, a letter, another format, a heap: each is said for what it is."""
    path = tmp_path / "record.txt"
    path.write_bytes(content)

    with pytest.raises(Refused) as refused:
        draft_study(path)

    assert [p.code for p in refused.value.problems] == [code]


def test_a_missing_record_is_a_problem(tmp_path: Path) -> None:
    """EQ-D001, for a file that is not there and for a folder."""
    for path in (tmp_path / "none.txt", tmp_path):
        with pytest.raises(Refused) as refused:
            draft_study(path)
        assert [p.code for p in refused.value.problems] == ["EQ-D001"]


def test_a_draft_is_the_same_each_time(record: Path) -> None:
    """No clock, no chance: two readings give the same bytes."""
    first, second = (msgspec.json.encode(to_answer(draft_study(record))) for _ in range(2))

    assert first == second
