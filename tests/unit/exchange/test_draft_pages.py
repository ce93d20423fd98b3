"""The reader on other pages of the template: shifted, shortened, of other designs, damaged."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.exchange.draft import Draft, draft_study, from_record, to_answer, write_draft
from equipoise.exchange.record.page import RegistryPage, read_registry_page
from equipoise.exchange.record.page_record import from_registry_page as read_page
from equipoise.exchange.record.words import clean_text
from equipoise.problems import has_errors
from equipoise.study.check import check_folder

OWN = Path(__file__).parents[2] / "data" / "NCT00000000.txt"
LINES = OWN.read_text(encoding="utf-8").splitlines()


def from_registry_page(page: RegistryPage) -> Draft:
    return from_record(read_page(page))


def test_removing_any_line_gives_no_wrong_fact(record: Path, draft_text) -> None:
    """Each fact stays right or becomes unknown with a gap; an arm stays right or is missing."""
    lines = record.read_text(encoding="utf-8").splitlines()
    whole = draft_study(record)
    facts = to_answer(whole)["facts"]
    texts = {c.text for c in whole.criteria}
    for index in range(len(lines)):
        draft = draft_text("\n".join(lines[:index] + lines[index + 1 :]))
        answer = to_answer(draft)
        for key, value in answer["facts"].items():
            assert value in (facts[key], None), (lines[index], key)
            if value is None:
                assert any(g.where == key for g in draft.gaps), (lines[index], key)
        descriptions = {arm.name: {arm.description, ""} for arm in whole.arms}
        for arm in draft.arms:
            assert arm.description in descriptions[arm.name], lines[index]
            if not arm.description:
                assert "the arm has no description" in [g.what for g in draft.gaps]
        assert draft.title in (whole.title, ""), lines[index]
        for criterion in draft.criteria:
            assert criterion.text in {*texts, ""}, lines[index]
        kinds = {c.text: c.kind for c in whole.criteria}
        assert all(c.kind == kinds[c.text] for c in draft.criteria if c.text), lines[index]


def test_removing_any_line_leaves_a_folder_that_checks(draft_text, tmp_path: Path) -> None:
    """Whatever is lost, the folder loads and names no error; every seventh line, for time."""
    for index in range(0, len(LINES), 7):
        draft = draft_text("\n".join(LINES[:index] + LINES[index + 1 :]))
        write_draft(draft, tmp_path / str(index))
        problems = check_folder(tmp_path / str(index)).problems
        assert not has_errors(problems), (LINES[index], [str(p) for p in problems])


@settings(max_examples=60)
@given(st.data())
def test_a_damaged_page_never_raises_and_invents_no_fact(data: st.DataObject) -> None:
    """Lines dropped, doubled and moved: no exception, and no value that the page does not have."""
    lines = data.draw(st.permutations(LINES)) if data.draw(st.booleans()) else list(LINES)
    kept = data.draw(st.lists(st.sampled_from(range(len(lines))), max_size=len(lines)))
    text = "\n".join(lines[i] for i in sorted(kept)) + data.draw(st.text(max_size=40))
    page = read_registry_page(text)
    if page is not None:
        draft = from_registry_page(page)
        for value in to_answer(draft)["facts"].values():
            assert (
                value is None
                or isinstance(value, bool)
                or str(value) in clean_text(text.replace("\n", " "))
            )


@settings(max_examples=200)
@given(st.text(max_size=400))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text breaks the reader, and none takes the number away or adds an arm."""
    page = read_registry_page(f"NCT ID: NCT00000001\nEligibility Criteria\n{text}")
    if page is not None:
        answer = to_answer(from_registry_page(page))
        assert answer["facts"]["nct"] in ("NCT00000001", None)
        assert len({c["id"] for c in answer["criteria"]}) == len(answer["criteria"])


def test_sections_in_another_order_give_the_same_facts(draft_text) -> None:
    """A value is known by what it is and where it stands, not by its line."""
    cuts = [
        0,
        *(LINES.index(name) for name in ("Study Design", "Eligibility Criteria", "Sponsors")),
    ]
    head, design, eligibility, rest = (
        LINES[a:b] for a, b in zip(cuts, [*cuts[1:], len(LINES)], strict=True)
    )
    shifted = [*head, "", *rest, "", *eligibility, "  ", *design]

    assert (
        to_answer(draft_text("\n".join(shifted)))["facts"] == to_answer(draft_study(OWN))["facts"]
    )


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(tmp_path: Path) -> None:
    """The page as a Windows editor saves it."""
    path = tmp_path / "NCT00000000.txt"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(LINES).encode())

    assert to_answer(draft_study(path)) == to_answer(draft_study(OWN))


def _page(**sections: str) -> str:
    body = "\n".join(f"{name.replace('_', ' ')}\n{text}" for name, text in sections.items())
    return f"A trial of something\nNCT ID: NCT00000007\nLast Updated: 2025-01-02\n{body}\n"


def test_an_observational_page_of_one_arm(draft_text) -> None:
    """No phase, no allocation, no masking: unknown, listed; its own words are kept."""
    draft = draft_text(
        _page(
            Basic_Information="COMPLETED\n1,240 participants\nOBSERVATIONAL\n2019-03\n2021-08-31",
            Study_Design="COHORT\nPROSPECTIVE",
            Study_Groups="Everybody\nAll people seen in the clinic with the disease.",
            Eligibility_Criteria="Inclusion Criteria:\n* Seen in the clinic\n* Any disease stage\n"
            "40 Years\nFEMALE\nYes",
        )
    )

    facts = draft.facts
    assert (facts.status, facts.planned_participants) == ("COMPLETED", 1240)
    assert (facts.start, facts.completion) == ("2019-03", "2021-08-31")
    assert (facts.phase, facts.allocation, facts.masking, facts.purpose) == (None,) * 4
    assert (facts.model, facts.sex, facts.healthy_volunteers) == ("COHORT", "FEMALE", True)
    assert [(a.name, a.description) for a in draft.arms] == [
        ("Everybody", "All people seen in the clinic with the disease.")
    ]
    whats = [g.what for g in draft.gaps]
    assert "not placed: PROSPECTIVE" in whats
    assert any("lowest or highest age cannot be told: 40 Years" in w for w in whats)
    assert [(c.id, c.number, c.text) for c in draft.criteria] == [
        ("I1", None, "Seen in the clinic"),
        ("I2", None, "Any disease stage"),
    ]


def test_phase_not_applicable_single_group_other_purpose(draft_text) -> None:
    """`NA` is a phase in one section and an allocation in the other; OTHER is the purpose."""
    draft = draft_text(
        _page(
            Basic_Information="RECRUITING\nNA\n40 participants\nINTERVENTIONAL\n"
            "2024-01-10\n2025-01-10",
            Study_Design="NA\nSINGLE_GROUP\nOTHER\nNONE",
        )
    )

    facts = draft.facts
    assert (facts.phase, facts.allocation, facts.model) == ("NA", "NA", "SINGLE_GROUP")
    assert (facts.purpose, facts.masking) == ("OTHER", "NONE")
    ids = {g.where for g in draft.gaps}
    assert not {"allocation-ratio", "masked-roles"} & ids


def test_arms_with_type_words(draft_text) -> None:
    """Name, type word, description; masked roles that the page names are kept."""
    draft = draft_text(
        _page(
            Study_Design="RANDOMIZED\nCROSSOVER\nPREVENTION\nTRIPLE\n"
            "Participants Investigators Outcome Assessors",
            Study_Groups="Drug\nEXPERIMENTAL\nTen mg a day.\n"
            "Usual care\nNO_INTERVENTION\nAs usual.",
        )
    )

    assert [(a.name, a.type, a.description) for a in draft.arms] == [
        ("Drug", "EXPERIMENTAL", "Ten mg a day."),
        ("Usual care", "NO_INTERVENTION", "As usual."),
    ]
    assert "masked-roles" not in {g.where for g in draft.gaps}
    assert list(draft.pieces["study.yaml"]["masking"]["masked"]) == [
        "participant",
        "investigator",
        "outcome_assessor",
    ]


def test_arms_that_name_their_interventions(draft_text) -> None:
    """An arm's name that is no intervention begins the arm; what it is given describes it."""
    draft = draft_text(
        _page(
            Study_Groups="Arm one\nDrug X\nTen mg a day.\nArm two\nDrug Y\nFive mg a day.",
            Interventions="Drug X\nTen mg a day.\nDrug Y\nFive mg a day.",
        )
    )

    assert [(a.name, a.description) for a in draft.arms] == [
        ("Arm one", "Ten mg a day."),
        ("Arm two", "Five mg a day."),
    ]


@pytest.mark.parametrize(
    ("lines", "arms"),
    [
        (
            [
                "Drug",
                "Ten mg a day.",
                "Drug",
                "A tablet.",
                "Sham",
                "As a tablet.",
                "Sham",
                "Empty.",
            ],
            [("Drug", "Ten mg a day."), ("Sham", "As a tablet.")],
        ),
        (
            ["Drug", "Treated people", "Sham", "Other people"],
            [("Drug", "Treated people")],
        ),
        (
            ["Tablet", "Inside.", "Arm two", "Syrup", "Sweet."],
            [("Arm two", "Sweet.")],
        ),
    ],
)
def test_arms_without_type_words(draft_text, lines: list[str], arms: object) -> None:
    """Named again after its own description; or the rest is listed and no text goes astray."""
    given = (
        "Drug\nA tablet.\nSham\nEmpty."
        if "A tablet." in lines
        else "Tablet\nInside.\nSyrup\nSweet."
    )
    draft = draft_text(_page(Study_Groups="\n".join(lines), Interventions=given))

    assert [(a.name, a.description) for a in draft.arms] == arms
    placed = {text for arm in draft.arms for text in (arm.name, arm.description)}
    listed = {g.what.removeprefix("not placed: ") for g in draft.gaps}
    assert set(lines) - placed <= listed | set(given.splitlines())


def test_a_lost_type_word_gives_no_arm_the_text_of_another(draft_text) -> None:
    """Where the second arm's word is lost its lines belong to nobody."""
    lines = [
        "Drug",
        "EXPERIMENTAL",
        "Ten mg.",
        "Care",
        "As usual.",
        "Sham",
        "SHAM_COMPARATOR",
        "A sham.",
    ]
    draft = draft_text(_page(Study_Groups="\n".join(lines)))

    assert [(a.name, a.description) for a in draft.arms] == [
        ("Drug", "Ten mg."),
        ("Sham", "A sham."),
    ]
    assert {"not placed: Care", "not placed: As usual."} <= {g.what for g in draft.gaps}


@pytest.mark.parametrize(
    ("tail", "ages"),
    [
        ("1. Aged 50 years or older\n50 Years\nALL\nNo", ("50 Years", None)),
        ("1. Age ≤ 12 years\n12 Years\nALL\nNo", (None, "12 Years")),
        ("1. In good health\n18 Years\nALL\nNo", ("18 Years", None)),
        ("1. In good health\n18 Years\n-\nALL\nNo", ("18 Years", None)),
        ("1. In good health\n-\n17 Years\nALL\nNo", (None, "17 Years")),
        ("1. In good health\n6 Months\n5 Years\nALL\nNo", ("6 Months", "5 Years")),
        ("1. In good health\n45 Years\nALL\nNo", (None, None)),
        ("1. In good health\nMinimum Age: 45 Years\nALL\nNo", ("45 Years", None)),
    ],
)
def test_one_age_is_what_the_criteria_say_it_is(draft_text, tail: str, ages: object) -> None:
    """A lone age is lowest or highest by the criteria, by a dash for the other, or unknown."""
    facts = draft_text(_page(Eligibility_Criteria=f"Inclusion Criteria:\n{tail}")).facts

    assert (facts.minimum_age, facts.maximum_age) == ages


def test_labels_are_understood_where_a_page_kept_them(draft_text) -> None:
    """The same template with its labels, before the value or on a line of their own."""
    facts = draft_text(
        _page(
            Basic_Information="Recruitment Status: RECRUITING\nStudy Start Date\n2024-02-03",
            Study_Design="Primary Study Purpose: OTHER\nBlinding Strategy\nSINGLE",
        )
    ).facts

    assert (facts.status, facts.start, facts.completion) == ("RECRUITING", "2024-02-03", None)
    assert (facts.purpose, facts.masking) == ("OTHER", "SINGLE")


def test_criteria_in_prose_and_headings_inline(draft_text) -> None:
    """Paragraphs become criteria without numbers; what stands under no heading has no kind."""
    prose = draft_text(
        _page(
            Eligibility_Criteria="Inclusion Criteria: Adults with asthma who can give consent.\n"
            "Exclusion Criteria: Smokers.\nPeople with heart failure."
        )
    )
    assert [(c.id, c.text) for c in prose.criteria] == [
        ("I1", "Adults with asthma who can give consent."),
        ("E1", "Smokers."),
        ("E2", "People with heart failure."),
    ]
    bare = draft_text(_page(Eligibility_Criteria="Healthy adults of any age may take part."))
    assert [(c.kind, c.text) for c in bare.criteria] == [
        ("unknown", "Healthy adults of any age may take part.")
    ]
    assert "inclusion" not in bare.pieces["eligibility.yaml"]
    assert "unplaced-criteria" in {d.id for d in bare.pieces["decisions.yaml"]["decisions"]}


def test_collaborators_and_further_identifiers_are_listed(draft_text) -> None:
    """The first name is the sponsor; the others and the second number are gaps, not facts."""
    draft = draft_text(
        _page(
            Sponsors="Acme\nINDUSTRY\nUniversity of Somewhere\nOTHER",
            Other_Identifiers="2020-001234-12\nIdentifier Type: EUDRACT_NUMBER\n"
            "Identifier Source: secondary_id\nAC-7\nIdentifier Type: -\n"
            "Identifier Source: org_study_id",
        )
    )

    assert (draft.facts.sponsor, draft.facts.sponsor_id) == ("Acme", "AC-7")
    assert draft.pieces["study.yaml"]["sponsor"]["kind"] == "industry"
    whats = {g.what for g in draft.gaps}
    assert "a further organization: University of Somewhere" in whats
    assert "EUDRACT_NUMBER: 2020-001234-12" in whats


def test_numbers_of_other_trials_are_no_identity(draft_text) -> None:
    """Only the page's own line counts; without it the study is named by the sponsor's number."""
    text = "\n".join(line for line in LINES if not line.startswith("NCT ID"))
    draft = draft_text(text)

    assert draft.facts.nct is None
    assert draft.study == "aphp211026"


def test_contradictions_are_not_resolved(draft_text) -> None:
    """Two statuses, dates out of order, an age that the criteria contradict: unknown and listed."""
    draft = draft_text(
        _page(
            Basic_Information="RECRUITING\nCOMPLETED\n2025-01-01\n2024-01-01",
            Eligibility_Criteria="Inclusion Criteria:\n1. Age ≥ 21 years\n18 Years\n60 Years\nALL",
        )
    )

    assert (draft.facts.status, draft.facts.start, draft.facts.completion) == (None, None, None)
    assert ("status", "the page gives several values: RECRUITING, COMPLETED") in [
        (g.where, g.what) for g in draft.gaps
    ]
    assert "age-bounds" in {g.where for g in draft.gaps}


def test_outcomes_that_a_page_has_are_quoted_in_the_question(draft_text) -> None:
    """The outcome's text is in the decision and among the gaps; nothing is made of it."""
    draft = draft_text(_page(Primary_Outcomes="Change of the skin score at 6 months"))

    question = next(g for g in draft.gaps if g.where == "primary-outcome")
    assert "Change of the skin score at 6 months" in question.what


def test_values_of_a_missing_section_are_known_where_they_mean_one_thing(draft_text) -> None:
    """Without the headings of two sections their plain words count; NONE and OTHER do not."""
    without = ("Basic Information", "Get the essentials", "Study Design", "Understand how")
    facts = draft_text("\n".join(x for x in LINES if not x.startswith(without))).facts

    assert (facts.status, facts.phase, facts.planned_participants) == (
        "NOT_YET_RECRUITING",
        "PHASE1/PHASE2",
        18,
    )
    assert (facts.allocation, facts.model) == ("RANDOMIZED", "PARALLEL")
    assert (facts.start, facts.completion, facts.masking) == (None, None, None)


def test_what_stands_among_the_values_and_is_none_is_listed(draft_text) -> None:
    """A third date, a role without a place, a word of no shape: each is a gap with its text."""
    draft = draft_text(
        _page(
            Basic_Information="Primary Completion Date: 2025-01-01\nsoon\n2024-01-01\n"
            "2024-06-01\n2026-01-01",
            Study_Design="DOUBLE\nParticipants Care Provider\nOpen label",
            Study_Groups="Group Type: EXPERIMENTAL\nDrug\nGroup Type EXPERIMENTAL\nTen mg.",
            Sponsors="OTHER\nAcme",
        )
    )

    whats = {g.what for g in draft.gaps}
    assert (draft.facts.start, draft.facts.completion) == ("2024-01-01", "2026-01-01")
    assert {
        "primary_completion: 2025-01-01",
        "not placed: soon",
        "not placed: 2024-06-01",
        "no role of a study folder: Participants Care Provider",
        "not placed: Open label",
        "a name is lost before: OTHER",
        "the name of an arm is lost before: EXPERIMENTAL",
    } <= whats
    assert draft.facts.sponsor is None
    assert [(a.name, a.type) for a in draft.arms] == [("Drug", "EXPERIMENTAL")]


def test_parts_that_all_hold_are_written_as_all(draft_text, tmp_path: Path) -> None:
    """`all of the following` is a rule over its parts; arms of one name get names of their own."""
    draft = draft_text(
        _page(
            Study_Groups="A\nOTHER\nx.\nA\nOTHER\ny.",
            Eligibility_Criteria="Exclusion Criteria:\n1. All of the following:\n"
            "* fever\n* cough\n2. Age < 18 years",
        )
    )
    write_draft(draft, tmp_path / "study")

    study = check_folder(tmp_path / "study").study
    assert study is not None
    assert [getattr(r, "id", "") for r in study.eligibility.exclusion[0].all_] == ["E1.a", "E1.b"]
    assert list(study.identity.arms) == ["a", "a_v2"]
    assert draft.criteria[-1].expression == "age < 18 years"
