"""A whole virtual trial of a small study: what happens, to whom, by whom, and what never does."""

import datetime as dt
import itertools
import re
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rehearsal_study import STUDY, run, scenario, study

from equipoise.cli.folders import load_checked
from equipoise.conduct import (
    ACTS,
    RunningTrial,
    TrialState,
    check_duty,
    check_tells_nothing,
    fold,
    open_trial,
)
from equipoise.conduct.acts.people import derive_review_day
from equipoise.conduct.cells.state import CellState, fold_cells
from equipoise.conduct.events import reason_of
from equipoise.conduct.reviewing import trail
from equipoise.conduct.reviewing.trail import derive_trail_days, list_reviews
from equipoise.ledger import MemoryStore, SqliteStore, open_store, verify
from equipoise.problems import Refused, Text, Where
from equipoise.rehearsal import (
    Rehearsal,
    check_rehearsal,
    demo_people,
    nature_from,
    prepare_rehearsal_vault,
    rehearse,
    start_of,
    vault_contents,
    world,
)
from equipoise.rehearsal.following import forms_around_infusion
from equipoise.rehearsal.screening import judgements, screening_encounters
from equipoise.study.criteria import Criterion, Judgement, ValueDefinition
from equipoise.study.protocol import Encounter, Epoch, ReleaseTest, Schedule, StoppingRule, Training
from equipoise.study.roles import Role
from equipoise.study.scenario import Draw, EventDraw
from equipoise.study.study import Study
from equipoise.vault import LocalVault, VaultClient, read_token

replace = msgspec.structs.replace
FIRST_STUDY = Path(__file__).parents[3] / "studies" / "nct06722105"
Usual = tuple[Rehearsal, MemoryStore]
ALONE = {
    "missed_encounter": 0.0,
    "missing_item": 0.0,
    "correction": 0.0,
    "withdrawal_per_month": 0.0,
}


def state_of(store: MemoryStore) -> TrialState:
    return fold(TrialState(), store.read())


def bodies(store: MemoryStore) -> list[tuple[Any, ...]]:
    """All that was recorded, but for what rests on the random salts of ledger and vault."""
    salted = ("AllocationCommitted", "StudySealed")
    return [(e.type, e.at, e.by, e.reason, e.body) for e in store.read() if e.type not in salted]


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Usual:
    """The small study with everything that may happen."""
    return run(tmp_path_factory.mktemp("usual") / "v", study())


def refusal(given: Study, tmp_path: Path) -> set[str]:
    with pytest.raises(Refused) as caught:
        run(tmp_path / "refused", given)
    return {p.code for p in caught.value.problems}


def test_a_rehearsal_runs_from_the_opening_to_the_lock(tmp_path: Path) -> None:
    """The planned number is randomized in balance, everybody leaves, casebooks are signed."""
    came, store = run(tmp_path / "v", study(**ALONE))
    state = state_of(store)

    assert came.randomized == 8 and came.completed == 8
    assert came.by_arm == {"falcon": 4, "heron": 4}
    assert came.refused == ()
    assert came.screened == len(state.participants) >= 8
    assert state.locked is not None and state.seals[-1].root == came.seal
    assert all(not p.is_in_trial for p in state.participants.values())
    assert came.entries == sum(1 for _ in store.read())
    assert verify(store).ok
    assert came.seconds > 0


@pytest.mark.requirement("F10")
def test_arms_are_balanced_in_each_block_of_a_site(tmp_path: Path) -> None:
    """With blocks of four stratified by site, no site is ever off balance by more than two."""
    plan = replace(STUDY.identity.randomization, stratify=("site",))
    given = replace(study(**ALONE), identity=replace(STUDY.identity, randomization=plan))
    _, store = run(tmp_path / "v", given)
    vault = LocalVault(tmp_path / "v")
    client = VaultClient(vault, read_token(tmp_path / "v", "nature"))

    for site in "AB":
        arms = [client.nature(p.number) for p in state_of(store).at_site(site) if p.number]
        for n in range(len(arms)):
            counts = Counter(arms[: n + 1])
            assert abs(counts["falcon"] - counts["heron"]) <= 2
    vault.close()


def test_the_same_seed_gives_the_same_events_and_another_seed_others(tmp_path: Path) -> None:
    """Every body, instant and reason again; with another seed, another trial."""
    _, first = run(tmp_path / "1", study(), seed=5)
    _, again = run(tmp_path / "2", study(), seed=5)
    _, other = run(tmp_path / "3", study(), seed=6)

    assert bodies(first) == bodies(again)
    assert bodies(first) != bodies(other)


def test_entries_are_in_the_order_of_time_within_working_hours(usual: Usual) -> None:
    """Acts of all sites follow each other; each is recorded from Monday to Friday, 8 to 18."""
    _, store = usual
    entries = list(store.read())

    assert all(a.at <= b.at for a, b in itertools.pairwise(entries))
    sites = [e for e in entries if e.chain != "control"]
    assert all(e.at.weekday() < 5 and 8 <= e.at.hour < 18 for e in sites)
    acts = [(e.chain, e.at) for e in sites if e.type != "ConsentSigned"]
    assert len(set(acts)) == len(acts)


@pytest.mark.requirement("C78")
def test_everything_is_done_by_somebody_whose_role_allows_it(usual: Usual) -> None:
    """Consent comes first, forms by their roles, preparation by the cell unit, the lock by data
    management; people of a site act at that site alone."""
    _, store = usual
    people = {p.person: p for p in demo_people(study())}
    roles: dict[str, set[str]] = {}
    for entry in store.read():
        if entry.by != "system":
            roles.setdefault(entry.type, set()).add(entry.role)
            assert people[entry.by].role == entry.role
            if people[entry.by].sites and entry.type != "AccountabilityAccepted":
                assert entry.chain == f"site-{people[entry.by].sites[0]}"

    assert roles["InfusionPrepared"] == {"cell_unit"}
    assert roles["DataLocked"] == {"data_manager"}
    assert roles["CasebookSigned"] == {"investigator"}
    assert roles["CriterionJudged"] <= {"investigator", "coordinator"}
    for subject in state_of(store).participants.values():
        assert subject.consent is not None
        for record in subject.forms.values():
            assert record.stamp.role in study().forms[record.form].by
            assert record.on >= subject.consent.on


def test_nobody_is_named_after_a_person() -> None:
    """There is an account for each role, staff for each site, and no human name."""
    people = demo_people(STUDY)

    assert {p.person for p in people} >= {r.value for r in Role}
    assert {p.person for p in people if p.sites == ("A",)} == {
        "coordinator-a", "investigator-a", "outcome_assessor-a",
    }  # fmt: skip
    named = replace(STUDY, identity=replace(STUDY.identity, roles={Role.MONITOR: Text("Watcher")}))
    assert {p.name for p in demo_people(named)} >= {"Watcher", "Cell unit", "Coordinator, A"}


@pytest.mark.requirement("C07", "C65")
def test_no_entry_tells_an_arm_or_a_product(usual: Usual) -> None:
    """What a virtual body received draws its values and is written nowhere."""
    _, store = usual
    written = b"".join(bytes(e.body or b"") + e.reason.encode() for e in store.read())

    for word in (b"falcon", b"heron", b"ruby", b"opal"):
        assert word not in written


@pytest.mark.requirement("C67")
def test_no_text_of_a_rehearsal_is_taken_for_one_that_tells(usual: Usual) -> None:
    """The sentences that people of a trial write pass the filter of telling words, as they must."""
    texts = {e.reason for e in usual[1].read() if e.reason}
    for entry in usual[1].read():
        said = re.findall(rb'"((?:[^"\\]|\\.)* (?:[^"\\]|\\.)*)"', bytes(entry.body or b""))
        texts |= {text.decode() for text in said}
    assert len(texts) > 20
    assert not check_tells_nothing(load_checked(FIRST_STUDY), texts, where=Where())


def test_infusions_are_ordered_prepared_and_given_with_the_weight_of_the_day(
    tmp_path: Path,
) -> None:
    """Each randomized person is infused at D0, on the day they were weighed, under a label."""
    _, store = run(tmp_path / "v", study(**ALONE))
    labels = set()
    for subject in state_of(store).randomized:
        infusion = subject.infusions["D0"]
        labels.add(infusion.label)
        record = subject.forms["D0", "visit", 0]
        assert infusion.status == "given" and infusion.given_on == record.on
        assert infusion.weight_kg == record.values["weight"]
        given_at = subject.forms["D0", "infusion", 0].stamp.at
        assert given_at > record.stamp.at
    assert len(labels) == 8


@pytest.mark.requirement("C73")
def test_every_test_after_thawing_is_done_of_each_product(tmp_path: Path) -> None:
    """Tests beside the count, of cells and of placebo: nobody's infusion waits for one for ever."""
    looks = ReleaseTest(
        id="aspect",
        label=Text("Appearance"),
        choices={"clear": Text("Clear"), "cloudy": Text("Cloudy")},
        equals="clear",
        at="thaw",
    )
    given, beside = study(**ALONE), MemoryStore("small", "rehearsal")
    products = {
        name: replace(p, specification=(looks,)) for name, p in given.treatments.products.items()
    }
    given = replace(given, treatments=replace(given.treatments, products=products))
    came, store = run(tmp_path / "v", given, cells=beside)

    assert came.refused == ()
    assert {p.infusions["D0"].status for p in state_of(store).randomized} == {"given"}
    state = fold_cells(CellState(), beside.read())
    used = [b for b in state.bags.values() if b.status == "used"]
    assert {(state.batches[b.batch].product, *b.results.items()) for b in used} == {
        ("ruby", ("aspect", "clear")),
        ("opal", ("aspect", "clear")),
    }


def test_a_body_shows_the_effect_of_what_it_received(tmp_path: Path) -> None:
    """With an effect far above the noise, the scores part after the infusion."""
    strong = scenario(**ALONE)
    draw = replace(strong.items["visit.score"], effect={"ruby": -30}, monthly=0.0, person=1.0)
    given = replace(STUDY, scenario=replace(strong, items={**strong.items, "visit.score": draw}))
    _, store = run(tmp_path / "v", given)
    vault = LocalVault(tmp_path / "v")
    client = VaultClient(vault, read_token(tmp_path / "v", "nature"))

    for subject in state_of(store).randomized:
        before = subject.forms["D0", "visit", 0].values["score"]
        after = subject.forms["D60", "visit", 0].values["score"]
        assert isinstance(before, int) and isinstance(after, int)
        is_active = client.nature(subject.number) == "falcon"
        assert after < before - 10 if is_active else after == before
    vault.close()


def test_encounters_fall_in_their_windows_and_sometimes_after(tmp_path: Path) -> None:
    """Most come inside the window, in the order of the schedule; a few come late."""
    big = replace(STUDY.identity, planned_participants=40, randomization=None)
    plan = replace(STUDY.identity.randomization, blocks=(4,))
    given = replace(study(**ALONE), identity=replace(big, randomization=plan))
    _, store = run(tmp_path / "v", given)
    days = [
        ((s.forms[e, "visit", 0].on - s.forms["D0", "visit", 0].on).days, e)
        for s in state_of(store).randomized
        for e in ("D30", "D60")
    ]

    # A weekend may push a visit two days further.
    inside = [abs(d - (30 if e == "D30" else 60)) <= (7 if e == "D30" else 9) for d, e in days]
    assert 0.8 < sum(inside) / len(inside) < 1
    assert len({d for d, _ in days}) > 8


@pytest.mark.parametrize(("chance", "expected"), [(0.0, 0), (1.0, 16)])
def test_encounters_are_missed_at_their_chance(
    tmp_path: Path, chance: float, expected: int
) -> None:
    """Never at 0; at 1 all but the first infusion, each with a reason, and the trial still ends."""
    came, store = run(tmp_path / "v", study(**{**ALONE, "missed_encounter": chance}))
    missed = [e for e in store.read() if e.type == "EncounterMissed"]

    assert len(missed) == expected
    assert all(len(reason_of(e)) > 10 for e in missed)
    assert came.completed == 8 and came.refused == ()


@pytest.mark.parametrize(("chance", "expected"), [(0.0, 0), (0.6, 8), (1.0, 8)])
def test_people_withdraw_at_their_rate(tmp_path: Path, chance: float, expected: int) -> None:
    """Never at 0; at high rates nearly everybody, with a reason, a last form and a signature."""
    came, store = run(tmp_path / "v", study(**{**ALONE, "withdrawal_per_month": chance}))
    state = state_of(store)
    withdrawn = [p for p in state.randomized if p.status == "withdrawn"]

    assert expected - 3 <= len(withdrawn) <= expected
    assert came.completed == 8 - len(withdrawn)
    assert came.refused == () and state.locked is not None
    for subject in withdrawn:
        assert len(subject.cause) > 5
        assert subject.forms["", "end", 0].values["cause"] == "withdrew"


def test_missing_items_have_reasons(tmp_path: Path) -> None:
    """What may be not done is missing at its chance, with a reason; eligibility needs it."""
    came, store = run(tmp_path / "v", study(**{**ALONE, "missing_item": 0.5}))
    records = [r for p in state_of(store).participants.values() for r in p.forms.values()]
    missing = [reason for r in records for reason in r.not_done.values()]

    assert missing and all(len(reason) > 10 for reason in missing)
    assert came.randomized == 8 and came.refused == ()
    later = [reason_of(e) for e in store.read() if e.type == "ItemCorrected"]
    assert later and all("eligibility" in reason for reason in later)


@pytest.mark.requirement("C14")
@pytest.mark.parametrize(("chance", "expects"), [(0.0, False), (0.4, True)])
def test_slips_are_corrected_with_a_reason(tmp_path: Path, chance: float, expects: bool) -> None:
    """A mistyped value is replaced within days; the first one stays in the ledger."""
    came, store = run(tmp_path / "v", study(**{**ALONE, "correction": chance}))
    corrected = [e for e in store.read() if e.type == "ItemCorrected"]

    assert bool(corrected) is expects
    assert all(len(reason_of(e)) > 10 for e in corrected)
    assert came.refused == ()


def test_adverse_events_come_by_rate_and_by_product(tmp_path: Path) -> None:
    """A chance of 1 after the cells and 0 after the medium: exactly those who got cells have it."""
    event = EventDraw(term=Text("Chills"), after_infusion={"ruby": 1.0}, grades={"2": 1.0})
    _, store = run(tmp_path / "v", study(**ALONE, events=(event,)))
    vault = LocalVault(tmp_path / "v")
    client = VaultClient(vault, read_token(tmp_path / "v", "nature"))

    for subject in state_of(store).randomized:
        records = [r for r in subject.forms.values() if r.form == "adverse_event"]
        assert len(records) == (client.nature(subject.number) == "falcon")
        for record in records:
            assert record.values["term"] == "Chills" and record.values["grade"] == 2
            assert record.values["fatal"] is False
            onset = dt.date.fromisoformat(str(record.values["onset_on"]))
            infused_on = subject.infusions["D0"].given_on
            assert infused_on is not None and 0 <= (onset - infused_on).days <= 1
    vault.close()


def test_a_death_ends_the_participation(tmp_path: Path) -> None:
    """A fatal event is entered, the person leaves with that cause, and the trial still ends."""
    event = EventDraw(
        term=Text("Sudden death"), per_month=3.0, grades={"5": 1.0}, values={"fatal": True}
    )
    came, store = run(tmp_path / "v", study(**ALONE, events=(event,)))
    dead = [p for p in state_of(store).randomized if p.cause == "Death"]

    assert len(dead) >= 6 and came.refused == ()
    assert all(p.forms["", "end", 0].values["cause"] == "died" for p in dead)
    assert all(p.is_randomized and p.signature for p in dead)


def test_without_a_safety_plan_nobody_reports_events(tmp_path: Path) -> None:
    """A study without safety.yaml rehearses without adverse events."""
    came, store = run(tmp_path / "v", replace(study(), safety=None))

    assert came.randomized == 8
    assert all(
        r.values["term"] == "Rehearsal"
        for p in state_of(store).participants.values()
        for r in p.forms.values()
        if r.form == "adverse_event"
    )


def test_some_people_fail_screening_and_the_ledger_says_why(tmp_path: Path) -> None:
    """A criterion not met bars; a judgement may go against; each failure has its cause."""
    came, store = run(tmp_path / "v", study(**ALONE, judgement_unmet={"I2": 0.5, "E1": 0.2}))
    failed = [p for p in state_of(store).participants.values() if p.status == "screen_failed"]

    assert came.screened - came.randomized == len(failed) > 3
    assert {c for p in failed for c in p.failed_criteria} >= {"I2", "E1"}


def test_every_question_is_answered_in_favor_unless_the_scenario_says_otherwise() -> None:
    """In favor is yes to an inclusion, no to an exclusion, and the reverse under `none`."""
    found = {rule: favor for _, rule, _, favor in judgements(STUDY)}

    assert found == {"I2": True, "1a": False, "1c": True}


def test_an_attestation_is_asked_where_the_month_does_not_tell(tmp_path: Path) -> None:
    """Of whom it does tell, nobody asks; whoever is asked goes on or fails by the answer."""
    values = {**STUDY.eligibility.values, "born": ValueDefinition(from_="visit.birth_month")}
    asked = Judgement(ask=Text("Fifteen days old?"), by=(Role.INVESTIGATOR,), valid_days=0)
    young = Criterion(number="3", is_="days_since(born) >= 15 days", attest=asked)
    given = study(**ALONE)
    eligibility = replace(
        given.eligibility, values=values, inclusion=(*given.eligibility.inclusion, young)
    )
    items = {**given.scenario.items, "visit.birth_month": Draw(days_ago=(0, 30))}
    given = replace(given, eligibility=eligibility, scenario=replace(given.scenario, items=items))
    came, store = run(tmp_path / "v", given)
    people = state_of(store).participants.values()
    attested = [p for p in people if "I3" in p.answers]

    assert came.refused == ()
    assert 0 < len(attested) < len(people)
    assert {p.answers["I3"].is_true for p in attested} == {True, False}
    assert any(p.is_randomized for p in attested)
    assert {p.failed_criteria for p in attested if not p.answers["I3"].is_true} == {("I3",)}


def test_a_study_without_scenario_is_rehearsed_from_its_forms_alone(tmp_path: Path) -> None:
    """Types, ranges and choices are enough; nothing else is asked of a draft."""
    came, _ = run(tmp_path / "v", STUDY, start=dt.date(2026, 1, 5))

    assert came.randomized == 8
    assert came.refused == ()


def test_a_study_of_judgements_alone_is_rehearsed(tmp_path: Path) -> None:
    """Criteria without any expression, as a draft has them, are answered by people."""
    only = replace(STUDY.eligibility, inclusion=STUDY.eligibility.inclusion[1:], values={})
    came, _ = run(tmp_path / "v", replace(study(), eligibility=only))

    assert came.randomized == 8


def test_a_study_without_infusions_counts_from_randomization(tmp_path: Path) -> None:
    """No products, no doses, and the end form at the last encounter: it still runs to the lock."""
    arms = {name: replace(arm, gives={}) for name, arm in STUDY.identity.arms.items()}
    forms = {**STUDY.forms, "end": replace(STUDY.forms["end"], at=("D60",))}
    given = replace(
        study(missed_encounter=0.0),
        identity=replace(STUDY.identity, arms=arms),
        treatments=type(STUDY.treatments)(),
        forms=forms,
    )
    came, store = run(tmp_path / "v", given)

    assert came.randomized == 8 and came.refused == ()
    assert came.by_arm == {"falcon / heron": 8}
    assert all(not p.infusions for p in state_of(store).randomized)


def test_an_arm_that_receives_nothing_is_not_infused(tmp_path: Path) -> None:
    """Where the vault has nothing for an arm the cell unit prepares nothing."""
    arms = dict(STUDY.identity.arms)
    arms["heron"] = replace(arms["heron"], type="no_intervention", gives={})
    given = replace(study(**ALONE), identity=replace(STUDY.identity, arms=arms))
    _, store = run(tmp_path / "v", given)

    statuses = Counter(p.infusions["D0"].status for p in state_of(store).randomized)
    assert statuses == {"given": 4, "ordered": 4}


@pytest.mark.parametrize("day_zero", ["randomization", "consent"])
def test_the_schedule_may_count_from_other_days(tmp_path: Path, day_zero: Any) -> None:
    """Day zero is what schedule.yaml says; the last encounter with no form is recorded as such."""
    schedule = replace(
        STUDY.schedule,
        day_zero=day_zero,
        encounters={
            **STUDY.schedule.encounters,
            "D90": Encounter(label=Text("D90"), epoch="treatment", days=(80, 100)),
        },
    )
    came, store = run(tmp_path / "v", replace(study(**ALONE), schedule=schedule))

    assert came.completed == 8 and came.refused == ()
    assert all("D90" in p.missed for p in state_of(store).randomized)


def test_screening_comes_before_randomization_in_a_study_of_one_epoch() -> None:
    """Without a second epoch the encounters up to day 0 are the screening, at least the first."""
    one = {"all": Epoch(label=Text("All"))}
    days = {"S": -7, "D0": 0, "D7": 7}
    encounters = {n: Encounter(label=Text(n), epoch="all", day=d) for n, d in days.items()}
    schedule = Schedule(epochs=one, encounters=encounters)
    late = replace(schedule, encounters={"D7": encounters["D7"], "D0": encounters["D0"]})

    assert screening_encounters(replace(STUDY, schedule=schedule)) == ("S", "D0")
    assert screening_encounters(replace(STUDY, schedule=late)) == ("D0",)
    only = replace(schedule, encounters={"D7": encounters["D7"]})
    assert screening_encounters(replace(STUDY, schedule=only)) == ("D7",)
    assert screening_encounters(STUDY) == ("screening",)


def test_screening_may_take_several_encounters(tmp_path: Path) -> None:
    """A second screening encounter comes as many days later as planned."""
    encounters = {
        "screening": Encounter(label=Text("S"), epoch="screening", day=-20),
        "again": Encounter(label=Text("S2"), epoch="screening", day=-13),
        **{n: e for n, e in STUDY.schedule.encounters.items() if n != "screening"},
    }
    forms = {
        **STUDY.forms,
        "visit": replace(STUDY.forms["visit"], at=("screening", "again", "D0", "D30", "D60")),
    }
    given = replace(
        study(**ALONE), schedule=replace(STUDY.schedule, encounters=encounters), forms=forms
    )
    came, store = run(tmp_path / "v", given)

    assert came.randomized == 8
    subject = state_of(store).randomized[0]
    first, again = subject.forms["screening", "visit", 0], subject.forms["again", "visit", 0]
    assert 7 <= (again.on - first.on).days <= 9


def test_forms_that_only_infusions_have_come_after_the_infusion() -> None:
    """The weight comes before the order, the infusion's own form after it."""
    before, after = forms_around_infusion(STUDY, "D0")

    assert [f.form for f in before] == ["visit"]
    assert [f.form for f in after] == ["infusion"]


def test_a_rehearsal_may_stop_in_the_middle(tmp_path: Path) -> None:
    """`until` leaves a trial in progress, sealed, not locked, nothing later than that day."""
    until = dt.date(2026, 3, 20)
    came, store = run(tmp_path / "v", study(), until=until)
    state = state_of(store)

    assert state.locked is None and state.seals[-1].root == came.seal
    assert any(p.is_in_trial for p in state.participants.values())
    assert max(e.at for e in store.read()).date() <= until


def test_progress_is_told(tmp_path: Path) -> None:
    """The callback hears how far the trial is, and the last word is the end."""
    heard: list[tuple[int, int, str]] = []
    run(tmp_path / "v", study(**ALONE), progress=lambda *said: heard.append(said))

    assert heard[-1][:2] == (16, 16)
    assert [h[0] for h in heard] == sorted(h[0] for h in heard)
    assert "8 of 8 randomized" in heard[-1][2]


def test_a_start_some_weeks_later_is_the_same_trial_some_weeks_later(tmp_path: Path) -> None:
    """Nothing but dates moves, so that a demo can be shown up to today."""
    first, later = dt.date(2026, 1, 5), dt.date(2026, 6, 1)
    _, early = run(tmp_path / "1", study(), start=first)
    _, late = run(tmp_path / "2", study(), start=later)

    moved = [(e.type, e.stream, e.at + (later - first)) for e in early.read()]
    assert moved == [(e.type, e.stream, e.at) for e in late.read()]


def test_the_trial_starts_when_the_scenario_or_the_record_says() -> None:
    """The scenario decides, then the record; a month counts from its first day."""
    assert start_of(study()) == dt.date(2026, 1, 5)
    recorded = replace(STUDY, identity=replace(STUDY.identity, start="2024-12"))
    assert start_of(recorded) == dt.date(2024, 12, 1)
    assert start_of(STUDY).year == 2026


def test_the_store_holds_all_of_it(tmp_path: Path) -> None:
    """In a file as in memory: the chains verify and a fresh reader folds the same state."""
    prepare_rehearsal_vault(STUDY, tmp_path / "v", seed=1)
    vault = LocalVault(tmp_path / "v")
    store: SqliteStore = open_store(
        tmp_path / "s.db", study="small", realm="rehearsal", create=True
    )
    came = rehearse(
        study(),
        store=store,
        vault=VaultClient(vault, read_token(tmp_path / "v", "assign")),
        nature=nature_from(study(), VaultClient(vault, read_token(tmp_path / "v", "nature"))),
        seed=1,
    )
    state = RunningTrial(study(), store).state

    assert verify(store).ok
    assert state == fold(TrialState(), store.read())
    assert len(state.randomized) == came.randomized == 8
    store.close()
    vault.close()


@pytest.mark.requirement("C44", "F35")
def test_virtual_people_never_enter_a_live_store(tmp_path: Path) -> None:
    """A live store is refused before anything is recorded (EQ-R001)."""
    prepare_rehearsal_vault(STUDY, tmp_path / "v", seed=1)
    store = MemoryStore("small", "live")
    vault = LocalVault(tmp_path / "v")
    with pytest.raises(Refused) as caught:
        rehearse(study(), store=store, vault=VaultClient(vault), nature=lambda *_: "", seed=1)
    vault.close()

    assert [p.code for p in caught.value.problems] == ["EQ-R001"]
    assert list(store.read()) == []


def test_a_store_in_use_is_refused(tmp_path: Path) -> None:
    """A rehearsal starts on an empty store; the trial there is open already (EQ-C010)."""
    prepare_rehearsal_vault(STUDY, tmp_path / "v", seed=1)
    vault = LocalVault(tmp_path / "v")
    store = MemoryStore("small", "rehearsal")
    at = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
    open_trial(RunningTrial(study(), store), at=at, people=())
    with pytest.raises(Refused) as caught:
        rehearse(study(), store=store, vault=VaultClient(vault), nature=lambda *_: "", seed=1)
    vault.close()

    assert [p.code for p in caught.value.problems] == ["EQ-C010"]


def test_all_that_is_lacking_is_told_at_once() -> None:
    """A bare draft lacks arms, a number, sites, encounters and a consent form: five problems."""
    bare = Study(identity=replace(STUDY.identity, arms={}, sites={}, planned_participants=0))
    codes = [p.code for p in check_rehearsal(bare, realm="rehearsal")]

    assert codes == ["EQ-R002", "EQ-R003", "EQ-R004", "EQ-R005", "EQ-R007"]
    assert check_rehearsal(study(), realm="rehearsal") == ()


def test_a_study_without_randomization_has_no_vault(tmp_path: Path) -> None:
    """Nothing to draw: refused with what is missing (EQ-R002), by name."""
    alone = replace(STUDY, identity=replace(STUDY.identity, randomization=None))
    with pytest.raises(Refused) as caught:
        vault_contents(alone)

    assert [p.code for p in caught.value.problems] == ["EQ-R002"]
    assert refusal(alone, tmp_path) == {"EQ-R002"}


def test_a_trial_that_nobody_ever_comes_to_is_refused(tmp_path: Path) -> None:
    """An accrual of zero at every site would run for ever (EQ-R006)."""
    assert refusal(study(accrual_per_month={"A": 0.0}), tmp_path) == {"EQ-R006"}


def test_a_form_that_nobody_at_a_site_may_enter_is_refused(tmp_path: Path) -> None:
    """A form by the auditor alone would never be entered (EQ-R008)."""
    forms = {**STUDY.forms, "visit": replace(STUDY.forms["visit"], by=(Role.AUDITOR,))}

    assert refusal(replace(study(), forms=forms), tmp_path) == {"EQ-R008"}


def test_a_scenario_in_which_nobody_is_eligible_is_refused(tmp_path: Path) -> None:
    """After some hundred screen failures the rehearsal stops and names the criterion (EQ-R009)."""
    with pytest.raises(Refused) as caught:
        run(tmp_path / "v", study(**ALONE, judgement_unmet={"I2": 1.0}))

    (found,) = caught.value.problems
    assert found.code == "EQ-R009" and found.values["criterion"] == "I2"


def test_what_the_trial_refuses_is_told_and_the_rehearsal_goes_on(tmp_path: Path) -> None:
    """A scenario that draws what a form does not accept shows as a problem, not as a crash."""
    items = {
        **scenario().items,
        "visit.color": msgspec.convert(
            {"choice": {"green": 1}}, type(scenario().items["visit.score"])
        ),
    }
    came, _ = run(tmp_path / "v", study(**ALONE, items=items), until=dt.date(2026, 3, 1))

    assert came.refused and {p.code[:4] for p in came.refused} <= {"EQ-F", "EQ-B"}


def test_only_known_acts_are_used(usual: Usual) -> None:
    """Every type of entry about people comes from an act that `conduct` lists."""
    _, store = usual

    assert {e.type for e in store.read()} >= {"ParticipantScreened", "FormSubmitted"}
    assert {"screen_participant", "submit_form", "lock_data"} <= set(ACTS)


def test_a_trial_that_pauses_goes_on_after_its_board_agreed(tmp_path: Path) -> None:
    """People wait for randomization and infusions; nothing is refused, and all are treated."""
    assert STUDY.safety is not None
    rules = tuple(
        StoppingRule(id=f"at-{n}", label=Text("R", "R"), met_if=f"n_infused >= {n}", does="pause")
        for n in (2, 5)
    )
    safety = replace(STUDY.safety, stopping=rules)
    came, store = run(tmp_path / "v", replace(study(**ALONE), safety=safety))
    told = [e.type for e in store.read(chain="control")]
    state = state_of(store)
    first = state.met["at-2"]
    between = [
        e.type
        for e in store.read()
        if first.resumed is not None and first.stamp.at < e.at < first.resumed.at
    ]

    assert came.refused == ()
    assert came.randomized == came.completed == 8
    assert told.count("StoppingRuleMet") == told.count("TrialResumed") == 2
    assert told.count("ResumptionAgreed") == 4
    assert state.pausing == ()
    assert "FormSubmitted" in between
    assert not {"RandomizationRequested", "InfusionOrdered"} & set(between)


@pytest.mark.requirement("C30", "C32")
def test_nobody_s_training_lapses_and_everybody_s_access_is_reviewed(tmp_path: Path) -> None:
    """Who only looks on is let in on the last day, too; nobody reviews their own access."""
    usual = study(**ALONE)
    trained = tuple(role for role in Role if role != Role.ADMINISTRATOR)  # who records trainings
    course = Training(label=Text("Course"), by=trained, months=3)
    identity = replace(usual.identity, training={"course": course}, access_review_months=3)
    given = replace(usual, identity=identity)
    came, store = run(tmp_path / "v", given)
    entries, state = list(store.read()), state_of(store)
    first, last = entries[0].at, entries[-1].at

    assert came.refused == ()
    assert (last - first).days > 100
    assert {n: check_duty(given, p, at=last) for n, p in state.people.items()} == dict.fromkeys(
        state.people, ()
    )
    late = {n for n, p in state.people.items() if derive_review_day(given, p) < last.date()}
    assert late == {"administrator"}


@pytest.mark.requirement("C10")
def test_the_monitor_reviews_every_audit_trail_as_planned(tmp_path: Path) -> None:
    """Each time from where the last one ended, so that none is overdue on the last day."""
    usual = study(**ALONE)
    given = replace(usual, identity=replace(usual.identity, trail_review_months=4))
    came, store = run(tmp_path / "v", given)
    state, last = state_of(store), list(store.read())[-1].at

    assert came.refused == ()
    assert {r.stamp.by for r in list_reviews(state)} == {"monitor"}
    days = derive_trail_days(given, state)
    assert set(days) == {"control", *(f"site-{site}" for site in state.sites)}
    assert min(days.values()) >= last.date()
    for chain in days:
        own = state.trail_reviews[chain]
        assert [r.asked.since for r in own[1:]] == [r.until for r in own[:-1]]
    assert not [r for r in run(tmp_path / "w", usual)[1].read() if r.type == "AuditTrailReviewed"]


def test_of_more_than_one_looks_at_the_monitor_draws_a_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = study(**ALONE)
    given = replace(usual, identity=replace(usual.identity, trail_review_months=4))
    for module in (trail, world):
        monkeypatch.setattr(module, "MOST", 20)
    came, store = run(tmp_path / "v", given)
    assert came.refused == ()
    reviews = list_reviews(state_of(store))
    assert {len(r.sample) for r in reviews if r.n_entries > 20} == {2}
    assert {len(r.sample) for r in reviews if r.n_entries <= 20} == {0}
