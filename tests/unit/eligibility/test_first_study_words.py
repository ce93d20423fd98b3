"""The first study in words, and what would decide its criteria for a person."""

import datetime as dt
from functools import cache
from pathlib import Path

import pytest
from msgspec.structs import replace

from equipoise.eligibility import (
    ASKED,
    Answer,
    Case,
    Reading,
    assess_case,
    change_criterion,
    find_day,
    say_criterion,
    settle_criterion,
    settle_verdict,
    terms_of,
)
from equipoise.language import Interval, Known, Value, parse, read_month, say_node
from equipoise.language.alternatives import Alternative, say_alternative, say_change
from equipoise.problems import Language
from equipoise.study.load import load_study
from equipoise.study.study import Study

ON = dt.date(2026, 3, 27)
DATA = Path(__file__).parents[2] / "data" / "criteria.txt"
WELL: dict[str, Value] = {
    "birth_month": Known(read_month("1980-05")),
    "sex": Known("female"),
    "may_conceive": Known(False),
    "contraception": Known("other"),
    "insurance": Known(True),
    "guardianship": Known("none"),
    "in_other_trial": Known(False),
    "duration": Known(1.5, "years"),
    "mrss": Known(22),
    "acr_eular": Known(12),
    "better_explained": Known(False),
    "crp": Known(9.0, "mg/L"),
    "hb": Known(11.4, "g/dL"),
    "neutrophils": Known(3.0, "10^9/L"),
    "platelets": Known(200.0, "10^9/L"),
    "lymphocytes": Known(1.0, "10^9/L"),
    "alt": Known(30.0, "U/L"),
    "alt_upper": Known(40.0, "U/L"),
    "ast": Known(30.0, "U/L"),
    "ast_upper": Known(40.0, "U/L"),
    "gfr": Known(90.0, "mL/min"),
    "hiv": Known("negative"),
    "dlco_corrected": Known(90.0, "%"),
    "lvef": Known(60.0, "%"),
    "spap": Known(30.0, "mmHg"),
    "rhc_done": Known(False),
    "neoplasm": Known(False),
    "myelodysplasia": Known(False),
    "bmi": Known(22.0, "kg/m2"),
}
QUESTIONS = ("2-willing", "2-available", "I6", "I7", "E6", "E7", "E10", "E12")


@cache
def first_study() -> Study:
    loaded = load_study(Path(__file__).parents[3] / "studies" / "nct06722105")
    assert loaded.study is not None
    return loaded.study


def case(*missing: str, **values: Value) -> Case:
    """Somebody eligible, except for what is said."""
    given = {n: v for n, v in {**WELL, **values}.items() if n not in missing}
    answers = {
        rule: Answer(
            criterion=rule,
            is_true=not rule.startswith("E"),
            by="ann",
            role="investigator",
            on=ON,
            entry="01:9",
        )
        for rule in QUESTIONS
        if rule not in missing
    }
    return Case(Reading(first_study(), {}, reference_on=ON, given=given), answers)


def plain(said: str) -> str:
    return said.replace("\u00a0", " ").replace("\u202f", " ")


def told(ways: tuple[Alternative, ...], language: Language = "en") -> list[str]:
    names = terms_of(first_study()).names
    return [plain(say_alternative(w, language=language, names=names)) for w in ways]


def changes(person: Case, criterion: str, language: Language = "en") -> list[str]:
    found = change_criterion(first_study(), person, criterion).changes
    names = terms_of(first_study()).names
    days = [[find_day(first_study(), person, s) for s in c.shifts] for c in found]
    pairs = zip(found, days, strict=True)
    return [plain(say_change(c, language=language, names=names, days=d)) for c, d in pairs]


@pytest.mark.requirement("F05")
def test_every_criterion_in_words() -> None:
    """Made from the expressions alone, in both languages; each was read by a person."""
    blocks = DATA.read_text("utf-8").strip().split("\n\n")[1:]
    wanted = {name: (en, fr) for name, en, fr in (block.split("\n") for block in blocks)}
    names = terms_of(first_study()).names
    found = {
        name: tuple(
            plain(say_criterion(name, criterion, language=language, names=names))
            for language in ("en", "fr")
        )
        for name, criterion in first_study().criteria
    }

    assert found == wanted


def test_the_person_of_these_tests_is_eligible() -> None:
    """So that what is taken away is all that is missing."""
    assert assess_case(first_study(), case()).status == "eligible"


@pytest.mark.requirement("F05")
def test_either_of_two_values_may_settle_and_both_surely_do() -> None:
    """C-reactive protein or hemoglobin alone if it is high or low enough; both in any case."""
    found = settle_criterion(first_study(), case("crp", "hb", mrss=Known(21)), "I5")

    assert told(found.true)[:2] == ["C-reactive protein: above 5 mg/L", "Hemoglobin: below 11 g/dL"]
    assert told(found.true, "fr")[0] == "Protéine C réactive : plus de 5 mg/L"
    assert found.sure[0][:2] == ("crp", "hb")
    assert found.is_exact


def test_two_conditions_on_one_value_are_settled_together() -> None:
    """Between 35 and 50 mmHg counts for I5, above 50 against E3: one measurement answers both."""
    person = case("spap", "crp", hb=Known(12.0, "g/dL"))
    found = settle_criterion(first_study(), person, "E3")

    assert found.sure == (("spap",),)
    assert told(found.true) == ["Systolic pulmonary pressure: above 50 mmHg"]
    assert told(found.false, "fr") == ["PAP systolique : au plus 50 mmHg"]


def test_a_question_settles_too() -> None:
    """What only a person can say stands among the rest, by the id of its rule."""
    found = settle_criterion(first_study(), case("E6"), "E6")

    assert found.sure == ((f"{ASKED}E6",),)
    assert told(found.true, "fr") == ["Y a-t-il une hypertension artérielle non contrôlée ? oui"]


def test_an_imprecise_value_settles_within_its_bounds() -> None:
    """A body mass index of 16 to 17: nobody need think of more."""
    found = settle_criterion(first_study(), case(bmi=Known(Interval(16, 17), "kg/m^2")), "E9")

    assert told(found.true) == ["Body mass index: below 16.5 kg/m²"]
    assert told(found.false) == ["Body mass index: at least 16.5 kg/m²"]


def test_what_a_month_cannot_tell_a_person_attests() -> None:
    """17 or 18 years, by the month of birth: the question is asked, the day is not."""
    found = settle_criterion(first_study(), case(age=Known(Interval(17, 18), "years")), "I3")

    assert found.names == (f"{ASKED}I3",)


def test_a_condition_that_frees_is_a_way_too() -> None:
    """Who cannot have a child satisfies I8 whatever the method."""
    found = settle_criterion(first_study(), case("may_conceive", "contraception"), "I8")

    assert told(found.true)[0] == "Able to have a child: no"
    assert found.sure == (("may_conceive", "contraception"),)


def test_one_unknown_exclusion_may_decide_the_whole() -> None:
    """Hemoglobin below 8 bars alone; for eligibility both answers are needed."""
    found = settle_verdict(first_study(), case("hb", "E6"))

    assert told(found.false) == [
        "Is arterial hypertension uncontrolled? yes",
        "Hemoglobin: below 8 g/dL",
    ]
    assert told(found.true) == [
        "Is arterial hypertension uncontrolled? no, and Hemoglobin: at least 8 g/dL"
    ]
    assert found.sure == (("hb", f"{ASKED}E6"),)


def test_nothing_at_all_is_known() -> None:
    """Too much to list everything: what is said is right, and that it is not all is said."""
    nobody = Case(Reading(first_study(), {}, reference_on=ON), {})
    found = settle_verdict(first_study(), nobody)

    assert not found.is_exact
    assert found.sure == ()
    assert {"mrss", "hb", f"{ASKED}E6"} <= set(found.names)
    assert "Modified Rodnan skin score: below 15" in told(found.false)


@pytest.mark.requirement("F05")
@pytest.mark.parametrize(
    ("person", "criterion", "english", "french"),
    [
        (
            {"crp": Known(3.0, "mg/L"), "mrss": Known(21)},
            "I5",
            "C-reactive protein: above 5 mg/L (now 3 mg/L, difference 2 mg/L)",
            "Protéine C réactive : plus de 5 mg/L (actuellement 3 mg/L, écart 2 mg/L)",
        ),
        (
            {"bmi": Known(15.9, "kg/m2")},
            "E9",
            "Body mass index: at least 16.5 kg/m² (now 15.9 kg/m², difference 0.6 kg/m²)",
            "Indice de masse corporelle : au moins 16,5 kg/m²"
            " (actuellement 15,9 kg/m², écart 0,6 kg/m²)",
        ),
        (
            {"ast": Known(130.0, "U/L")},
            "E4",
            "AST: at most 3 times “AST upper limit” (now 130 U/L, difference 10 U/L)",
            "ASAT : au plus 3 fois « Limite supérieure ASAT »"
            " (actuellement 130 UI/L, écart 10 UI/L)",
        ),
        (
            {"hiv": Known("hiv_1")},
            "E8",
            "HIV serology: “Negative” (now HIV-1)",
            "Sérologie VIH : « Négative » (actuellement VIH-1)",
        ),
        (
            {"insurance": Known(False)},
            "I10",
            "Health insurance: yes (now no)",
            "Sécurité sociale : oui (actuellement non)",
        ),
        (
            {"birth_month": Known(read_month("2008-05"))},
            "I3",
            "Age: from 18 to 70 years"
            " (now 17 years, difference 1 year, will be so from 31 May 2026)",
            "Âge : de 18 à 70 ans"
            " (actuellement 17 ans, écart 1 an, ce sera le cas à partir du 31/05/2026)",
        ),
    ],
)
def test_what_would_have_to_be_different(
    person: dict[str, Value], criterion: str, english: str, french: str
) -> None:
    """The value now, the limit, how far it lies, and the day on which time alone brings it."""
    barred = case(**person)

    assert english in changes(barred, criterion)
    assert french in changes(barred, criterion, "fr")


def test_a_cancer_grows_old() -> None:
    """Five years after June 2022, whatever day of June it was; other values would do as well."""
    values = {"neoplasm": Known(True), "neoplasm_kind": Known("other")}
    person = case(**values, neoplasm_on=Known(read_month("2022-06")))

    assert [c.partition(" (")[0] for c in changes(person, "E5")] == [
        "Cancer at any time: no",
        "Kind of cancer: “Basal cell carcinoma of the skin” or “Carcinoma in situ of the cervix”",
        "Years since the cancer: at least 5 years",
    ]
    assert changes(person, "E5")[2].endswith("will be so from 30 Jun 2027)")


def test_nobody_grows_younger() -> None:
    """At 80 no day will come."""
    assert changes(case(birth_month=Known(read_month("1946-01"))), "I3") == [
        "Age: from 18 to 70 years (now 80 years, difference 10 years)"
    ]


def test_an_unknown_part_of_a_change_is_said() -> None:
    """The skin is not enough: it would take an organ, and somebody to attribute it."""
    person = case("5b-attribution", mrss=Known(17), renal_crisis=Known(False))
    said = changes(person, "I5")

    assert "Modified Rodnan skin score: at least 20 (now 17, difference 3)" in said
    assert any("(now unknown); Past renal crisis: yes (now no)" in c for c in said)


def test_a_gap_of_the_record_is_never_settled() -> None:
    """Only a decision of the study can; no value of a person does."""
    study = first_study()
    gap = replace(study.eligibility.inclusion[0], assume="")
    eligibility = replace(study.eligibility, inclusion=(gap, *study.eligibility.inclusion[1:]))
    open_study = replace(study, eligibility=eligibility)
    found = settle_criterion(open_study, case(), "I1")

    assert found.sure == found.true == found.false == found.names == ()
    assert say_criterion("I1", gap, names=terms_of(open_study).names).endswith("consent): yes")


def test_an_item_that_a_rule_names_itself_is_called_by_its_question() -> None:
    """With its choices, and as a day where it is one."""
    names = terms_of(first_study()).names
    rule = parse("medical_history.neoplasm_on < 2026-01 and heart.av_block = second").root

    assert plain(say_node(rule, language="fr", names=names)).endswith(
        ": avant le mois de janvier 2026, et Bloc auriculo-ventriculaire : « Deuxième degré »"
    )


def test_studies_take_turns() -> None:
    """The terms of few are kept, none is taken for another."""
    studies = [replace(first_study(), digest=str(n)) for n in range(20)]

    for study in studies:
        assert terms_of(study).study is study
