"""The facts of the registry record NCT06722105, as the first study holds them."""

import re
from pathlib import Path

import pytest

from equipoise.study.criteria import Criterion, Judgement, Rule
from equipoise.study.load import load_study
from equipoise.study.roles import Role
from equipoise.study.study import Study


@pytest.fixture(scope="module")
def study() -> Study:
    loaded = load_study(Path(__file__).parents[3] / "studies" / "nct06722105")
    assert loaded.study is not None
    return loaded.study


@pytest.fixture(scope="module")
def criteria(study: Study) -> dict[str, Criterion]:
    return dict(study.criteria)


def test_identity_is_that_of_the_record(study: Study) -> None:
    identity = study.identity
    assert identity.identifiers == {"nct": "NCT06722105", "sponsor": "APHP211026"}
    assert identity.sponsor is not None
    assert identity.sponsor.name == "Assistance Publique - Hôpitaux de Paris"
    assert (identity.phase, identity.planned_participants) == (("1", "2"), 18)
    assert (identity.allocation, identity.model) == ("randomized", "parallel")
    assert (identity.purpose, identity.status) == ("treatment", "not_yet_recruiting")
    assert (identity.start, identity.completion) == ("2024-12-01", "2027-05-01")
    assert identity.masking is not None
    assert identity.masking.schema == "double"
    population = identity.population
    assert (population.minimum_age, population.maximum_age) == ("18 years", "70 years")
    assert (population.sex, population.healthy_volunteers) == ("all", False)


def test_three_arms_get_cells_or_placebo_at_m0_and_m3(study: Study) -> None:
    arms = {name: (arm.type, dict(arm.gives)) for name, arm in study.identity.arms.items()}
    assert arms == {
        "two_infusions": ("experimental", {"M0": "cells", "M3": "cells"}),
        "one_infusion": ("experimental", {"M0": "cells", "M3": "placebo"}),
        "placebo": ("placebo", {"M0": "placebo", "M3": "placebo"}),
    }
    assert study.infusion_encounters == ("M0", "M3")
    assert {n: p.active for n, p in study.treatments.products.items()} == {
        "cells": True,
        "placebo": False,
    }


def test_the_dose_is_two_million_cells_per_kilogram(study: Study) -> None:
    assert study.treatments.dose is not None
    assert study.treatments.dose.per_kg == 2e6


def test_the_lists_keep_the_numbers_of_the_record_and_say_that_1_is_lost(
    criteria: dict[str, Criterion],
) -> None:
    """Inclusion 2 to 10 and exclusion 2 to 14, in order, after a gap numbered 1."""
    assert list(criteria) == [f"I{n}" for n in range(1, 11)] + [f"E{n}" for n in range(1, 15)]
    gaps = [name for name, criterion in criteria.items() if criterion.gap]
    assert gaps == ["I1", "E1"]
    assert {criteria[name].assume for name in gaps} == {"not_applicable"}


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("I3", ["18 years <=", "<= 70 years"]),
        ("I4", ["acr_eular >= 9"]),
        ("I5", ["duration <= 2 years", "mrss >= 20", "crp > 5 mg/L", "hb < 11 g/dL"]),
        ("I5", ["mrss >= 15", "dlco < 80 %", "fvc < 80 %", "av_block in {second, third}"]),
        ("I5", ["35 mmHg < spap < 50 mmHg", "20 mmHg < mpap < 40 mmHg"]),
        ("E3", ["dlco_corrected < 30 %", "lvef < 40 %", "gfr < 30 mL/min"]),
        ("E3", ["spap > 50 mmHg", "mpap > 40 mmHg"]),
        ("E4", ["ast > 3 * ast_upper", "alt > 3 * alt_upper"]),
        ("E5", ["neoplasm_age < 5 years", "myelodysplasia"]),
        ("E8", ["hiv in {hiv_1, hiv_2, both}"]),
        ("E9", ["bmi < 16.5 kg/m^2"]),
        ("E11", ["neutrophils < 1 10^9/L", "platelets < 50 10^9/L"]),
        ("E11", ["hb < 8 g/dL", "lymphocytes < 0.5 10^9/L"]),
        ("E14", ["guardianship = tutelle"]),
    ],
)
def test_each_limit_of_the_record_stands_in_its_criterion(
    criteria: dict[str, Criterion], name: str, limits: list[str]
) -> None:
    said = " ; ".join(expressions_in(criteria[name]))
    for limit in limits:
        assert limit in said


def test_criterion_5_keeps_its_nesting(criteria: dict[str, Criterion]) -> None:
    """Skin alone, or skin with one organ of three that is due to the disease."""
    skin, organ = criteria["I5"].any_
    assert isinstance(skin, Rule)
    assert isinstance(organ, Rule)
    assert (skin.id, organ.id) == ("5a", "5b")
    floor, organs, attribution = organ.all_
    assert floor == "mrss >= 15"
    assert isinstance(organs, Rule)
    assert isinstance(attribution, Rule)
    assert [r.id for r in organs.any_ if isinstance(r, Rule)] == [
        "5b-lung",
        "5b-kidney",
        "5b-heart",
    ]
    assert attribution.id == "5b-attribution"
    assert isinstance(attribution.judgement, Judgement)


def test_what_a_person_must_judge_says_who_may(criteria: dict[str, Criterion]) -> None:
    judged = {n for n, c in criteria.items() if any(r.judgement for r in rules_in(c))}
    assert judged == {"I2", "I5", "I6", "I7", "E6", "E7", "E10", "E12"}
    for criterion in criteria.values():
        for rule in rules_in(criterion):
            assert rule.judgement is None or rule.judgement.by == (Role.INVESTIGATOR,)


def test_no_sentence_of_the_record_is_copied(criteria: dict[str, Criterion]) -> None:
    """The record's own text is kept by a draft alone."""
    assert {c.record for c in criteria.values()} == {""}


def test_everything_that_the_record_leaves_open_is_an_open_decision(study: Study) -> None:
    ids = {d.id for d in study.decisions}
    assert {
        "ratio", "blocks", "masked-roles", "primary-outcome", "visits", "follow-up", "sites",
        "inclusion-1", "exclusion-1", "age-date", "onset", "lung-binding", "pap-edges",
        "fvc-equation", "dlco-correction", "gfr-formula", "gfr-indexing", "hepatitis",
        "myelodysplasia", "marrow", "lab-window", "weight-of-day", "viable-cells", "bag-format",
        "viability", "dose-cap", "ctcae", "curatelle", "wash-out", "missing-skin-areas",
        "same-rater", "stopping", "training", "access-review",
    } <= ids  # fmt: skip
    assert {d.status for d in study.decisions} == {"open"}
    assert all(len(d.options) >= 2 for d in study.decisions)
    assert not any(a.is_decided for a in study.assumptions)


def test_both_readings_of_the_lung_criterion_are_options(study: Study) -> None:
    """The folder assumes reading A, in which pulmonary hypertension counts alone."""
    (decision,) = [d for d in study.decisions if d.id == "lung-binding"]
    assert list(decision.options) == ["A", "B"]
    (assumed,) = [a for a in study.assumptions if a.decision == "lung-binding"]
    assert isinstance(assumed.value, list)
    assert assumed.value[1] == "35 mmHg < spap < 50 mmHg"


def test_the_skin_score_adds_seventeen_areas(study: Study) -> None:
    form = study.forms["mrss"]
    areas = [name for name, item in form.items.items() if item.area]
    assert len(areas) == 17
    assert {form.items[a].range for a in areas} == {(0, 3)}
    assert set(re.findall(r"[a-z_]+", form.derive["total"].value)) == {"mrss", *areas}


def test_the_forms_that_the_trial_needs_are_there_in_order(study: Study) -> None:
    assert list(study.forms) == [
        "consent", "demography", "ssc_history", "medical_history", "acr_eular", "mrss",
        "vital_signs", "contraception", "laboratory", "lung_function", "heart", "haq", "infusion",
        "monitoring", "guess_assessor", "guess_participant", "adverse_event", "end_of_study",
    ]  # fmt: skip
    assert [f.form for f in study.forms_at("M3")] == [
        "mrss", "vital_signs", "contraception", "laboratory", "haq", "infusion",
        "monitoring",
    ]  # fmt: skip
    assert set(study.identity.roles) == set(Role)


def rules_in(rule: Rule) -> list[Rule]:
    parts = [p for p in (*rule.all_, *rule.any_, *rule.none_) if isinstance(p, Rule)]
    return [rule, *(inner for part in parts for inner in rules_in(part))]


def expressions_in(criterion: Criterion) -> list[str]:
    return [
        expression
        for rule in rules_in(criterion)
        for expression in (rule.is_, *rule.all_, *rule.any_, *rule.none_)
        if isinstance(expression, str) and expression
    ]
