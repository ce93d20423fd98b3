"""The verdict on one person: criterion by criterion, with what is missing and where to enter it."""

import datetime as dt

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.eligibility import (
    Answer,
    Case,
    Observation,
    Opening,
    Reading,
    Verdict,
    assess_case,
    check_eligibility,
    items_read,
    settle,
    terms_of,
)
from equipoise.eligibility.functions import functions_at
from equipoise.language import Interval, Known, Source, Value, unknown
from equipoise.problems import Problem, Text, Where
from equipoise.study.criteria import Criterion, Judgement, Rule, ValueDefinition
from equipoise.study.roles import Role
from equipoise.study.vocabulary import criteria_functions
from tests.unit.eligibility.small_study import (
    EXCLUSION,
    INCLUSION,
    REFERENCE,
    VALUES,
    answered,
    assess,
    judged,
    observed,
    only,
    study,
)

DAY = dt.timedelta(days=1)
WELL = {
    "history__born": "1980-05",
    "history__onset": "2025-06",
    "history__sex": "male",
    "history__fertile": True,
    "history__method": "good",
    "lab__crp": 9,
    "lab__weight": 70,
    "lab__height": 175,
}
WHOLE = study((Criterion(number="1", gap="x", assume="not_applicable"), *INCLUSION[1:]), EXCLUSION)


def statuses(verdict: Verdict) -> dict[str, str]:
    return {c.id: c.status for c in verdict.criteria}


def reasons(verdict: Verdict, criterion: str = "I1") -> list[str]:
    (found,) = [c for c in verdict.criteria if c.id == criterion]
    return [f"{r.kind} {r.name}" for r in found.reasons]


def test_who_satisfies_every_criterion_is_eligible() -> None:
    """Met, not met, and not applicable where a criterion does not concern the person."""
    verdict = assess(WHOLE, answers=(answered("E4", False),), **WELL)

    assert verdict.status == "eligible"
    assert statuses(verdict) == {
        "I1": "not_applicable",
        "I2": "met",
        "I3": "met",
        "I4": "not_applicable",
        "E1": "not_applicable",
        "E2": "not_met",
        "E3": "not_met",
        "E4": "not_met",
    }
    assert not any(c.bars for c in verdict.criteria)
    assert (verdict.reference_on, verdict.study_digest) == (REFERENCE, "0" * 64)


@pytest.mark.parametrize(
    ("changed", "bar"),
    [
        ({"history__born": "2010-01"}, "I2"),
        ({"lab__weight": 45}, "E2"),
        ({"history__method": "bad"}, "E3"),
    ],
)
def test_one_bar_decides_whatever_is_unknown(changed: dict[str, object], bar: str) -> None:
    """An inclusion bars when it is not met, an exclusion when it is."""
    verdict = assess(WHOLE, **{**WELL, **changed})

    assert verdict.status == "not_eligible"
    assert [c.id for c in verdict.criteria if c.bars] == [bar]
    assert statuses(verdict)["E4"] == "unknown"


def test_waiting_for_judgements_alone_is_potential() -> None:
    """The data are complete; a person still has to answer."""
    verdict = assess(WHOLE, **WELL)

    assert verdict.status == "potential"
    assert reasons(verdict, "E4") == ["awaiting_judgement E4"]


def test_what_is_unknown_leaves_the_verdict_undecided() -> None:
    """Nothing entered is nothing decided, and never a no; a gap of the record is unknown too."""
    verdict = assess(study())

    assert verdict.status == "undecided"
    assert reasons(verdict, "I1") == ["not_in_source I1"]
    assert reasons(verdict, "I2") == ["missing born"]
    assert reasons(verdict, "E2") == ["missing weight", "missing height"]


@pytest.mark.parametrize(
    ("person", "inclusion", "exclusion"),
    [
        (("female", True, "good"), "met", "not_met"),
        (("female", True, "bad"), "not_met", "met"),
        (("female", False, None), "not_applicable", "not_applicable"),
        (("male", True, None), "not_applicable", "unknown"),
        (("female", None, "good"), "met", "not_met"),
        (("female", None, "bad"), "unknown", "unknown"),
        ((None, True, None), "unknown", "unknown"),
    ],
)
def test_a_condition_frees_those_whom_it_does_not_concern(
    person: tuple[str | None, bool | None, str | None], inclusion: str, exclusion: str
) -> None:
    """Who uses a good method satisfies the criterion, whether it concerns them or not."""
    sex, fertile, method = person
    verdict = assess(study(), history__sex=sex, history__fertile=fertile, history__method=method)

    assert (statuses(verdict)["I4"], statuses(verdict)["E3"]) == (inclusion, exclusion)


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        (answered("E4", True), "met", []),
        (answered("E4", False), "not_met", []),
        (answered("E4", False, on=REFERENCE - 28 * DAY), "not_met", []),
        (answered("E4", False, on=REFERENCE - 29 * DAY), "unknown", ["stale E4"]),
        (answered("E4", False, role="coordinator"), "unknown", ["awaiting_judgement E4"]),
    ],
)
def test_a_judgement_counts_from_the_right_role_while_it_is_valid(
    answer: Answer, status: str, reason: list[str]
) -> None:
    """On its last day it still counts; the day after it must be given again."""
    verdict = assess(study(), answers=(answer,))

    assert statuses(verdict)["E4"] == status
    assert reasons(verdict, "E4") == reason


def test_a_judgement_within_a_criterion_is_answered_by_its_own_id() -> None:
    """`3c` alone satisfies criterion 3, and keeps who said so and in which entry."""
    verdict = assess(study(), answers=(answered("3c", True),))
    (criterion,) = [c for c in verdict.criteria if c.id == "I3"]
    judgement = criterion.explanation.children[2]

    assert criterion.status == "met"
    assert (judgement.id, judgement.part, judgement.value) == ("3c", "judgement", True)
    assert judgement.inputs[0].sources[0].name == "ann (investigator)"
    assert judgement.inputs[0].sources[0].entry == "01:9"


@pytest.mark.parametrize(
    ("days", "expected"),
    [(0, "met"), (28, "met"), (29, "unknown"), (-1, "unknown")],
)
def test_an_observation_counts_within_its_days_and_never_from_the_future(
    days: int, expected: str
) -> None:
    """28 days old is in the window, 29 is stale, tomorrow has not happened."""
    verdict = assess(only("hb < 11 g/dL"), observed("lab.hb", 10, on=REFERENCE - days * DAY))

    assert statuses(verdict)["I1"] == expected
    assert reasons(verdict) == {29: ["stale hb"], -1: ["missing hb"]}.get(days, [])


def test_the_latest_counts_unless_the_first_is_asked_for() -> None:
    """`pick` decides; values after the reference date are not among them."""
    old, new, later = (REFERENCE - 20 * DAY, REFERENCE - DAY, REFERENCE + DAY)
    hb = [observed("lab.hb", v, on=on) for v, on in ((10, old), (12, new), (9, later))]
    crp = [observed("lab.crp", v, on=on) for v, on in ((1, new), (9, old))]

    assert statuses(assess(only("hb < 11 g/dL"), *hb))["I1"] == "not_met"
    assert statuses(assess(only("crp > 5 mg/L"), *crp))["I1"] == "met"


@pytest.mark.parametrize(
    ("observations", "expected"),
    [
        ([observed("lab.hb", 10), observed("lab.hb", 12)], ["conflicting hb"]),
        ([observed("lab.hb", 10), observed("lab.hb", 100, unit="g/L")], []),
        ([observed("lab.hb", 10), observed("lab.hb", None), observed("lab.hb", "")], []),
        ([observed("lab.hb", 1.5)], ["implausible hb"]),
        ([observed("lab.hb", 30)], ["implausible hb"]),
        ([observed("lab.hb", 6.2, unit="mmol/L")], ["unit_unknown hb"]),
        ([observed("lab.hb", "high")], ["undefined hb"]),
    ],
)
def test_doubtful_observations_are_unknown_for_their_own_reason(
    observations: list[Observation], expected: list[str]
) -> None:
    """Two values of one day conflict unless they are the same in any unit; nothing is guessed."""
    assert reasons(assess(only("hb < 11 g/dL"), *observations)) == expected


def test_a_number_without_a_unit_is_never_assumed_to_fit() -> None:
    """The warehouse that lost the unit gets no verdict."""
    bare = msgspec.structs.replace(observed("lab.hb", 10), unit="")

    assert reasons(assess(only("hb < 11 g/dL"), bare)) == ["unit_unknown hb"]


@pytest.mark.parametrize(
    ("born", "status"),
    [
        ("2008-02", "met"),
        ("2008-03", "unknown"),
        ("2008-04", "not_met"),
        ("1955-04", "met"),
        ("1955-03", "unknown"),
        ("1955-02", "not_met"),
        ("2027-01", "unknown"),
    ],
)
def test_a_month_of_birth_decides_outside_its_own_month(born: str, status: str) -> None:
    """At the bounds the day would decide; who is not yet born is implausible."""
    assert statuses(assess(study(), history__born=born))["I2"] == status


@pytest.mark.requirement("C81")
@pytest.mark.parametrize(
    ("born", "said", "status", "why"),
    [
        ("2008-03", None, "unknown", ["ambiguous age", "awaiting_judgement I1"]),
        ("2008-03", answered("I1", True), "met", []),
        ("1955-03", answered("I1", False), "not_met", []),
        ("2008-03", answered("I1", True, role="coordinator"), "unknown", None),
        (
            "2008-03",
            answered("I1", True, on=REFERENCE - DAY),
            "unknown",
            ["ambiguous age", "stale I1"],
        ),
        ("2008-04", answered("I1", True), "not_met", []),  # too young, whatever anybody says
        ("1980-01", answered("I1", False), "met", []),
        (None, answered("I1", True), "unknown", ["missing born"]),
    ],
)
def test_an_attestation_counts_where_the_month_of_birth_cannot_tell(
    born: str | None, said: Answer | None, status: str, *, why: list[str] | None
) -> None:
    """At the bounds alone, from the right role, on the day; the full date is never recorded."""
    attested = Criterion(number="1", is_="18 years <= age <= 70 years", attest=judged(valid_days=0))
    answers = (said,) if said else ()
    values = {} if born is None else {"history__born": born}

    part = Rule(id="I1", is_=attested.is_, attest=attested.attest)
    for shape in (attested, Criterion(number="1", any_=(part, "age > 99 years"))):
        assessed = study((shape,), ())
        verdict = assess(assessed, answers=answers, **values)
        assert statuses(verdict)["I1"] == status
        if why is not None:
            assert reasons(verdict) == why
        brief = assess_case(
            assessed,
            Case(
                Reading(
                    assessed,
                    {"history.born": [observed("history.born", born)]},
                    reference_on=REFERENCE,
                ),
                {a.criterion: a for a in answers},
                is_brief=True,
            ),
        )
        assert (brief.status, [c.reasons for c in brief.criteria]) == (
            verdict.status,
            [c.reasons for c in verdict.criteria],
        )


def test_an_attestation_replaces_no_missing_value() -> None:
    """Precision is not all that is lacking: the answer about the age says nothing of the CRP."""
    rule = "age >= 18 years and crp > 5 mg/L"
    attested = study((Criterion(number="1", is_=rule, attest=judged()),), ())
    verdict = assess(attested, answers=(answered("I1", True),), history__born="2008-03")
    assert reasons(verdict) == ["ambiguous age", "missing crp"]


def test_an_attestation_is_part_of_the_proof() -> None:
    """Who said it, in which role, when, in which entry, beside the values that could not tell."""
    attested = study((Criterion(number="1", is_="age >= 18 years", attest=judged()),), ())
    verdict = assess(attested, answers=(answered("I1", True),), history__born="2008-03")
    found = verdict.criteria[0].explanation
    written, said = found.children

    assert (found.part, found.value, written.value, said.value) == ("attest", True, None, True)
    assert written.inputs[0].value == (17, 18)
    assert said.inputs[0].sources == (Source("ann (investigator)", REFERENCE, "01:9"),)
    opened = settle(attested, assess(attested, history__born="2008-03"))
    assert [o.judgement for o in opened if o.judgement] == ["I1"]
    assert settle(attested, assess(attested, history__born="1980-03")) == ()


@pytest.mark.parametrize(
    ("onset", "expected"),
    [("2024-04", "met"), ("2024-03", "unknown"), ("2024-02", "not_met")],
)
def test_a_duration_from_a_month_is_a_span(onset: str, expected: str) -> None:
    """Two years from some day of March 2024 may or may not be over on 27 March 2026."""
    assert statuses(assess(only("duration <= 2 years"), history__onset=onset))["I1"] == expected


def test_computed_values_carry_the_sources_of_their_inputs() -> None:
    """The body mass index names the weight and the height that it came from."""
    verdict = assess(only("bmi < 16.5 kg/m2"), lab__weight=42, lab__height=160)
    (read,) = verdict.criteria[0].explanation.inputs

    assert read.value == pytest.approx(16.40625)
    assert [s.name for s in read.sources] == ["lab.height", "lab.weight"]
    assert [s.entry for s in read.sources] == ["01:lab.height", "01:lab.weight"]


@pytest.mark.parametrize(
    ("rule", "values", "expected"),
    [
        ("bmi < 16.5 kg/m2", {"lab__weight": 70, "lab__height": 0}, ["undefined bmi"]),
        ("bmi < 16.5 kg/m2", {"lab__weight": 70, "lab__height": 20}, ["implausible bmi"]),
        ("a > 3", {}, ["undefined a"]),
        ("odd > 3 kg", {"lab__weight": 70}, ["unit_unknown odd"]),
        ("dated > 3", {"history__born": "1980-01"}, ["undefined dated"]),
        ("lost > 3", {}, ["missing lost"]),
        ("nobody > 3", {}, ["undefined nobody"]),
        ("worded > 3 kg", {"history__sex": "male"}, ["undefined "]),
    ],
)
def test_faulty_definitions_never_break_an_assessment(
    rule: str, values: dict[str, object], expected: list[str]
) -> None:
    """What the study's check would have refused is unknown at the bedside, not an exception."""
    definitions = {
        "a": ValueDefinition(value="b + 1"),
        "b": ValueDefinition(value="a + 1"),
        "odd": ValueDefinition(value="weight", unit="cm"),
        "dated": ValueDefinition(from_="history.born", plausible=(0, 3)),
        "lost": ValueDefinition(from_="lab.nowhere"),
        "worded": ValueDefinition(from_="history.sex", unit="kg"),
    }

    assert reasons(assess(only(rule, **definitions), **values)) == expected


def test_items_and_the_reference_date_may_be_named_directly() -> None:
    """`form.item` reads the latest, and derived items are items."""
    rule = "history.skin >= 3 points and reference_date >= 2026-03-27 and days_since(born) > 3 days"

    assert statuses(assess(only(rule), history__skin=5, history__born="1980-01"))["I1"] == "met"


def test_the_items_that_criteria_read_are_known_beforehand() -> None:
    """Those behind every value, and those that a rule or its condition names, however deep."""
    deep = Rule(all_=("fertile", Rule(none_=("history.skin < 4 points",))))
    named = Criterion(number="1", when="history.hand > 1", any_=(deep,))
    extra = ValueDefinition(value="lab.weight - history.face", unit="kg")
    found = items_read(study((named,), (), {"crp": VALUES["crp"], "extra": extra}))

    assert {form: found[form] for form in ("lab", "history")} == {
        "lab": {"crp", "weight"},
        "history": {"hand", "skin", "face"},
    }


def test_intervals_convert_too() -> None:
    """An imprecise duration in days is imprecise in years."""
    months = ValueDefinition(value="days_since(onset)", unit="weeks")
    reading = Reading(
        only("true", months=months),
        {"history.onset": [observed("history.onset", "2026-01")]},
        reference_on=REFERENCE,
    )

    assert reading.lookup("months") == Known(
        Interval(pytest.approx(55 / 7), pytest.approx(85 / 7)),  # type: ignore[arg-type]
        "weeks",
        sources=reading.lookup("onset").sources,  # type: ignore[union-attr]
    )


def test_a_verdict_is_stored_and_comes_back_the_same() -> None:
    """It is the proof that the ledger keeps, and it is small."""
    verdict = assess(WHOLE, answers=(answered("E4", False),), **WELL)
    stored = msgspec.json.encode(verdict)

    assert msgspec.json.decode(stored, type=Verdict) == verdict
    assert len(stored) < 4000


def test_an_explanation_keeps_the_rules_own_ids_and_shape() -> None:
    """3, within it 3a, 3b, 3c, and what each read."""
    explanation = assess(study(), **WELL).criteria[2].explanation

    said = explanation.say("en", terms_of(study()).names).replace("\u00a0", " ")
    assert said.split("\n") == [
        "yes – I3 at least one of",
        "  yes – 3a all of",
        "    yes – duration: at most 2 years"
        " [duration = 0.7397 – 0.8192 years (27 Mar 2026, History, entry 01:history.onset)]",
        "    yes – at least one of",
        "      yes – CRP: above 5 mg/L [CRP = 9 mg/L (27 Mar 2026, Laboratory, entry 01:lab.crp)]",
        "      cannot tell – Hb: below 11 g/dL [Hb: missing]",
        "  cannot tell – 3b none of",
        "    cannot tell – Skin: below 4 points [Skin: missing]",
        "  cannot tell (3c awaiting a judgement) – 3c Is it so?",
    ]


def test_a_conditional_criterion_explains_when_it_applies() -> None:
    """First the condition, then the rule, under the criterion's id."""
    explanation = assess(study(), history__sex="male").criteria[3].explanation

    assert (explanation.id, explanation.part) == ("I4", "when")
    assert [c.text for c in explanation.children] == ["sex = female and fertile", "method = good"]
    assert [c.id for c in explanation.children] == ["", ""]


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "born": st.just(Known(Interval(dt.date(2008, 3, 1), dt.date(2008, 3, 31)))),
            "crp": st.sampled_from([Known(4, "mg/L"), Known(6, "mg/L")]),
            "sex": st.sampled_from([Known("female"), unknown("missing", "sex")]),
            "fertile": st.sampled_from([Known(True), Known(False)]),
            "bmi": st.sampled_from([Known(15.0, "kg/m2"), Known(20.0, "kg/m2")]),
        },
    ),
    st.booleans(),
)
def test_a_brief_assessment_decides_the_same(values: dict[str, Value], is_judged: bool) -> None:
    """Counting a million people leaves out the reading, not the reasoning."""
    assessed = study()
    answers = {"E4": answered("E4", False)} if is_judged else {}
    whole, brief = (
        assess_case(
            assessed,
            Case(
                Reading(assessed, {}, reference_on=REFERENCE, given=values),
                answers,
                is_brief=is_brief,
            ),
        )
        for is_brief in (False, True)
    )

    assert whole.status == brief.status
    assert [(c.id, c.status, c.reasons) for c in whole.criteria] == [
        (c.id, c.status, c.reasons) for c in brief.criteria
    ]


def test_what_would_settle_a_verdict_leads_to_the_form_or_the_question() -> None:
    """Computed values lead to the items behind them; a gap leads nowhere."""
    circular = ValueDefinition(value="circular + 1")
    assessed = study(
        (*INCLUSION[:2], Criterion(number="3", is_="circular > 3"), *INCLUSION[3:]),
        EXCLUSION,
        {**VALUES, "circular": circular},
    )
    verdict = assess(assessed, history__born="2008-03", lab__weight=70, history__fertile=False)

    assert settle(assessed, verdict) == (
        Opening(criterion="I1", kind="not_in_source", name="I1"),
        Opening(criterion="I2", kind="ambiguous", name="age", form="history", item="born"),
        Opening(criterion="I3", kind="undefined", name="circular"),
        Opening(criterion="E2", kind="missing", name="height", form="lab", item="height"),
        Opening(criterion="E4", kind="awaiting_judgement", name="E4", judgement="E4"),
    )


def test_a_study_without_fault_has_no_problem() -> None:
    """Every judgement can be given and no criterion waits for review."""
    assert check_eligibility(study()) == ()


def test_judgements_that_nobody_can_give_and_drafts_are_told() -> None:
    """Each at its place in the file, in both languages."""
    nobody = Judgement(ask=Text("?"), by=())
    faulty = study(
        (
            Criterion(number="1", any_=("sex = male", Rule(all_=(Rule(judgement=judged()),)))),
            Criterion(number="2", judgement=nobody, review=("a bare = before 18", "and/or")),
        ),
        (Criterion(number="1", none_=(Rule(id="1a", judgement=nobody),)),),
    )

    def locate(path: tuple[str | int, ...]) -> Where:
        return Where(record=".".join(map(str, path)))

    found = check_eligibility(faulty, locate)

    assert [(p.code, str(p.where)) for p in found] == [
        ("EQ-E012", "inclusion.0.any.1.all.0"),
        ("EQ-E009", "inclusion.1"),
        ("EQ-E011", "inclusion.1.judgement"),
        ("EQ-E011", "exclusion.0.none.0.judgement"),
    ]
    assert [p.severity for p in found] == ["error", "warning", "error", "error"]
    assert "a bare = before 18; and/or" in found[1].message
    assert all(isinstance(p, Problem) and p.say("fr") and p.advise("fr") for p in found)
    assert check_eligibility(faulty)[0].where == Where("eligibility.yaml")


def test_rules_may_call_what_the_study_check_knows() -> None:
    """The functions bound to a day are those that expressions were checked against."""
    bound, checked = functions_at(REFERENCE), criteria_functions()

    assert set(bound) == set(checked)
    for name, function in bound.items():
        assert function.parameters == checked[name].parameters
        assert function.result == checked[name].result


def test_a_judgement_takes_any_of_its_roles() -> None:
    """Two roles may answer; each alone is enough."""
    both = study(
        (Criterion(number="1", judgement=judged(Role.INVESTIGATOR, Role.COORDINATOR)),), ()
    )

    for role in ("investigator", "coordinator"):
        assert assess(both, answers=(answered("I1", True, role=role),)).status == "eligible"


@pytest.mark.parametrize(
    ("value", "unit", "status"),
    [
        (6.8, "mmol/L", "met"),  # 10.96 g/dL
        (6.9, "mmol/L", "not_met"),  # 11.12 g/dL
        (109, "g/L", "met"),
        (10.9, "g/dL", "met"),
        (11, "g/dL", "not_met"),
        (6.8, "", "unknown"),
        (6.8, "L", "unknown"),
    ],
)
def test_a_site_may_report_the_amount_of_an_analyte(value: float, unit: str, status: str) -> None:
    """Hemoglobin in mmol/L is compared in g/dL by the molar mass of its monomer (0.6206)."""
    hemoglobin = ValueDefinition(from_="lab.hb", unit="g/dL", analyte="hemoglobin")
    for rule in ("anemia < 11 g/dL", "anemia < 6.8266 mmol/L"):
        assessed = only(rule, anemia=hemoglobin)
        found = Observation(
            form="lab", item="hb", encounter="M0", value=value, unit=unit, on=REFERENCE, entry="1"
        )
        assert statuses(assess(assessed, found))["I1"] == status


def test_without_an_analyte_mass_and_amount_stay_apart() -> None:
    """Nobody guesses the substance."""
    verdict = assess(study(), observed("lab.hb", 6.8, unit="mmol/L"))

    assert "unit_unknown hb" in reasons(verdict, "I3")


def test_a_study_may_bring_its_own_substance() -> None:
    """A molar mass in g/mol, under `analytes:`; urate has 168.11."""
    urate = ValueDefinition(from_="lab.crp", unit="mg/L", analyte="urate")
    assessed = only("urate > 60 mg/L", urate=urate)
    eligibility = msgspec.structs.replace(assessed.eligibility, analytes={"urate": 168.11})
    assessed = msgspec.structs.replace(assessed, eligibility=eligibility)

    for amount, status in ((356, "not_met"), (357, "met")):
        found = observed("lab.crp", amount, unit="umol/L")
        assert statuses(assess(assessed, found))["I1"] == status


@pytest.mark.parametrize("code", ["10*9/L", "10^9/L", "G/L"])
def test_units_of_observations_may_be_ucum_codes(code: str) -> None:
    """What a laboratory sends is read as it is."""
    cells = ValueDefinition(from_="lab.crp", unit="10^9/L")
    found = observed("lab.crp", 3, unit=code)

    assert statuses(assess(only("cells < 4 10^9/L", cells=cells), found))["I1"] == "met"


INDEXED = ValueDefinition(from_="lab.crp", unit="mL/min/1.73m2")
PLAIN = ValueDefinition(from_="lab.crp", unit="mL/min")


@pytest.mark.parametrize(
    ("definition", "code", "status"),
    [
        (PLAIN, "mL/min", "met"),
        (PLAIN, "mL/min/{1.73_m2}", "unknown"),
        (INDEXED, "mL/min/{1.73_m2}", "met"),
        (INDEXED, "mL/min", "unknown"),
        (PLAIN, "mL/min/{annotated}", "unknown"),
    ],
)
def test_indexed_filtration_is_never_taken_for_unindexed(
    definition: ValueDefinition, code: str, status: str
) -> None:
    """The annotation of UCUM that a reader might drop is the whole difference."""
    rule = f"gfr > 30 {definition.unit}"

    assert statuses(assess(only(rule, gfr=definition), observed("lab.crp", 40, unit=code)))[
        "I1"
    ] == (status)


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("missing", []),
        ("stale", [("lab.hb", 12, 40, "g/dL")]),
        ("conflicting", [("lab.hb", 12, 0, "g/dL"), ("lab.hb", 13, 0, "g/dL")]),
        ("unit_unknown", [("lab.hb", 12, 0, "kg")]),
        ("implausible", [("lab.hb", 120, 0, "g/dL")]),
    ],
)
def test_each_reason_of_an_observation(kind: str, found: list[tuple[str, float, int, str]]) -> None:
    """Too old, contradictory, in a wrong unit, beyond belief: each is told as what it is."""
    seen = [observed(p, v, on=REFERENCE - days * DAY, unit=u) for p, v, days, u in found]
    rule = only("hb < 110 g/L")

    assert reasons(assess(rule, *seen)) == [f"{kind} hb"]


def test_the_other_reasons_of_an_unknown_criterion() -> None:
    """Imprecise, waiting for a judgement, not in the source."""
    assert reasons(assess(only("onset < 2025-06-15"), history__onset="2025-06")) == [
        "ambiguous onset"
    ]
    assessed = study((Criterion(number="1", judgement=judged()), Criterion(number="2", gap="x")))
    assert reasons(assess(assessed)) == ["awaiting_judgement I1"]
    assert reasons(assess(assessed), "I2") == ["not_in_source I2"]


def test_observations_after_the_reference_date_do_not_count() -> None:
    """One of tomorrow alone is as if there were none."""
    assert reasons(assess(only("hb < 110 g/L"), observed("lab.hb", 9, on=REFERENCE + DAY))) == [
        "missing hb"
    ]


def test_studies_take_turns() -> None:
    """Each is made ready once, few are kept, none is taken for another."""
    for limit in range(30):
        found = assess(only(f"crp > {limit} mg/L"), lab__crp=9)
        assert statuses(found)["I1"] == ("met" if limit < 9 else "not_met")
