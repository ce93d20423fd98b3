"""Time travel: as of any moment the trial is what it was then."""

import datetime as dt
import gc
import random

import pytest
from msgspec import structs

from equipoise import conduct
from equipoise.conduct import TrialState, casebook_as_of, evolve, fold, state_as_of
from equipoise.conduct.events import EVENTS
from equipoise.conduct.schemas import event_schemas
from equipoise.ledger import merkle_root
from equipoise.problems import Refused

from .conftest import Clock, Course

SECOND, DAY = dt.timedelta(seconds=1), dt.timedelta(days=1)


class Leaps(Clock):
    """Time that moves on by up to nine days at each look."""

    def __init__(self, draw: random.Random) -> None:
        super().__init__()
        self.draw = draw

    def __call__(self) -> dt.datetime:
        self.at += dt.timedelta(microseconds=self.draw.randrange(1, 9 * 86_400_000_000))
        return self.at


def history(course: Course, draw: random.Random, *, n: int):
    """Random acts, refused ones too; after each, the instant and the state as it was then."""
    trial, clock = course.trial, course.clock
    codes, seals = [], {}
    yield clock.at, trial.state, seals

    def correct() -> None:
        code = draw.choice(codes)
        form = trial.state.participants[code].forms.get(("screening", "skin", 0))
        conduct.correct_item(
            trial,
            by="investigator",
            at=clock(),
            reason="read again",
            participant=code,
            encounter="screening",
            form="skin",
            item="leg",
            value=draw.randrange(30),
            seen=form.version if form else 1,
        )

    def seal() -> None:
        before = trial.state
        seals[conduct.seal_trial(trial, by="auditor", at=clock())] = before

    def leave() -> None:
        conduct.withdraw_participant(
            trial,
            by="investigator",
            at=clock(),
            reason="moved away",
            participant=draw.choice(codes),
            on=clock.today,
        )

    def dismiss() -> None:
        person = draw.choice(("monitor", "dsmb", "coordinator-02"))
        conduct.remove_person(trial, by="administrator", at=clock(), person=person)

    acts = [
        lambda: codes.append(course.screen(draw.choice(("01", "02")))),
        lambda: course.consent(draw.choice(codes)),
        lambda: course.submit(draw.choice(codes), "skin", arm=10, leg=draw.randrange(30)),
        lambda: course.submit(draw.choice(codes), "vitals", weight=70.0, pregnant=False),
        lambda: course.judge(draw.choice(codes)),
        lambda: course.randomize(draw.choice(codes)),
        correct,
        correct,
        seal,
        leave,
        dismiss,
    ]
    for k in range(n):
        try:
            (acts[0] if k < 4 else draw.choice(acts))()
        except Refused:
            continue
        yield clock.at, trial.state, seals


@pytest.mark.requirement("C03", "D19")
@pytest.mark.parametrize("seed", range(5))
def test_as_of_any_instant_it_is_the_snapshot_taken_then(trial, seed) -> None:
    """Twenty instants of each of five random histories: the trial, and each casebook alone."""
    draw = random.Random(seed)
    taken = [(at, state) for at, state, _ in history(Course(trial, Leaps(draw)), draw, n=150)]
    first, last = taken[0][0], taken[-1][0]
    assert len(taken) > 40
    for _ in range(20):
        at = first + (last - first) * draw.random()
        expected = [state for then, state in taken if then <= at][-1]
        assert state_as_of(trial, at) == expected
        for code in trial.state.participants:
            if code in expected.participants:
                found = casebook_as_of(trial, participant=code, moment=at)
                assert found.participant == expected.participants[code]
                assert found.n_after_jump == 0
            else:
                with pytest.raises(Refused) as refused:
                    casebook_as_of(trial, participant=code, moment=at)
                assert [p.code for p in refused.value.problems] == ["EQ-C003"]


def test_entry_by_entry_or_all_at_once(trial) -> None:
    """`evolve` and `fold` are one rule, and neither changes the state that it was given."""
    draw = random.Random(8)
    list(history(Course(trial, Leaps(draw)), draw, n=60))
    state = TrialState()
    for entry in trial.store.read():
        state, before = evolve(state, entry), state
        assert before != state
    assert state == fold(TrialState(), trial.store.read()) == trial.state
    assert TrialState() == TrialState(participants={}, versions={}, heads={})


def test_the_collector_is_left_as_it_was(trial) -> None:
    """On after a fold if it was on before, also after one that fails; off if it was off."""
    last = list(trial.store.read())[-1]
    unknown = structs.replace(last, type="Unknown")
    for switch, is_on in ((gc.enable, True), (gc.disable, False), (gc.enable, True)):
        switch()
        fold(TrialState(), trial.store.read())
        with pytest.raises(Refused):
            fold(TrialState(), [unknown])
        assert gc.isenabled() is is_on


@pytest.mark.requirement("C03", "C59")
def test_as_of_a_root_that_nobody_recorded_it_is_what_was_there_then(trial) -> None:
    """A report bears the root of its moment; entries later it still says which state that was."""
    draw, kept = random.Random(9), {}
    for _, state, _ in history(Course(trial, Leaps(draw)), draw, n=60):
        kept[merkle_root(trial.store.heads())] = state
    assert len(kept) > 20
    for root, state in kept.items():
        assert state_as_of(trial, root) == state


@pytest.mark.requirement("C03", "C59")
def test_as_of_a_seal_it_is_what_was_sealed(trial) -> None:
    """To the entry, whatever the clock said; and at the very instant of an entry it is there."""
    draw = random.Random(7)
    *_, (_, _, seals) = history(Course(trial, Leaps(draw)), draw, n=120)
    assert len(seals) > 3
    for root, before in seals.items():
        assert state_as_of(trial, root) == before
        for code, subject in before.participants.items():
            assert casebook_as_of(trial, participant=code, moment=root).participant == subject
    last = list(trial.store.read())[-1]
    assert state_as_of(trial, last.at) == trial.state
    assert state_as_of(trial, last.at - SECOND / 1_000_000) != trial.state


def test_a_seal_that_nobody_took_is_refused(trial, course) -> None:
    """EQ-C114 for the trial and for a casebook; one not yet there then is EQ-C003."""
    root = conduct.seal_trial(trial, by="auditor", at=course.clock())
    code = course.screen()
    for ask in (
        lambda: state_as_of(trial, "0" * 64),
        lambda: casebook_as_of(trial, participant=code, moment="0" * 64),
    ):
        with pytest.raises(Refused) as refused:
            ask()
        assert [p.code for p in refused.value.problems] == ["EQ-C114"]
    with pytest.raises(Refused) as refused:
        casebook_as_of(trial, participant=code, moment=root)
    assert [p.code for p in refused.value.problems] == ["EQ-C003"]


@pytest.mark.requirement("C03", "C12", "D08")
def test_where_the_clock_was_set_back_the_order_decides(trial, course) -> None:
    """What was recorded after a later instant stays later, is counted, and hides nobody else."""
    code = course.screen()
    course.consent(code)
    course.clock.at += dt.timedelta(hours=1)
    course.submit(code, "vitals", weight=70.0, pregnant=False)
    high = course.clock.at
    course.clock.at -= dt.timedelta(minutes=30)
    course.submit(code, "skin", arm=10, leg=10)
    other = course.screen()

    def forms(at: dt.datetime) -> set[str]:
        found = casebook_as_of(trial, participant=code, moment=at)
        assert state_as_of(trial, at).participants[code] == found.participant
        return {form for _, form, _ in found.participant.forms}

    between = high - dt.timedelta(minutes=1)
    assert course.clock.at < between
    assert forms(between) == {"consent"}
    assert casebook_as_of(trial, participant=code, moment=between).n_after_jump == 1
    assert forms(high) == {"consent", "vitals", "skin"}
    assert other in state_as_of(trial, between).participants
    assert state_as_of(trial, high) == trial.state


@pytest.mark.requirement("C13")
def test_what_was_entered_late_is_listed_with_both_times(trial, course) -> None:
    """The day that an entry speaks of and the instant of its entry; the latest first."""
    code = course.screen()
    course.consent(code)
    course.clock.at += dt.timedelta(days=40)

    def ago(days: int) -> dt.date:
        return course.clock.today - dt.timedelta(days=days)

    ask = {"by": "investigator", "participant": code}
    place = {"encounter": "screening", "form": "vitals"}
    for days, form in ((8, "skin"), (30, "vitals"), (7, "event")):
        values = {"skin": {"arm": 1, "leg": 1}, "vitals": {"weight": 70.0, "pregnant": False}}
        conduct.submit_form(
            trial,
            **ask,
            at=course.clock(),
            encounter="" if form == "event" else "screening",
            form=form,
            on=ago(days),
            values=values.get(form, {"term": "Rash"}),
        )
    told = {"reason": "as in the source", "item": "weight", "value": 71.0, "seen": 1}
    conduct.correct_item(trial, **ask, **place, **told, at=course.clock())
    departed = {"kind": "other", "reason": "a visit on the wrong day"}
    conduct.record_deviation(trial, **ask, **departed, on=ago(9), at=course.clock())
    conduct.withdraw_participant(trial, **ask, on=ago(20), reason="left", at=course.clock())
    found = conduct.late_entries(trial, days=7)
    assert [(x.entry.type, x.on, x.n_days) for x in found] == [
        ("FormSubmitted", ago(30), 30),
        ("ItemCorrected", ago(30), 30),
        ("ParticipantWithdrawn", ago(20), 20),
        ("DeviationRecorded", ago(9), 9),
        ("FormSubmitted", ago(8), 8),
    ]
    assert {x.entry.stream for x in found} == {code}
    assert found[0].on < found[0].entry.at.date()
    conduct.redact_entry(
        trial, by="investigator", at=course.clock(), reason="by mistake", chain="site-01",
        seq=found[-1].entry.seq,
    )  # fmt: skip
    assert found[-1].entry.seq not in [x.entry.seq for x in conduct.late_entries(trial, days=7)]


@pytest.mark.requirement("C13")
def test_an_infusion_and_an_unblinding_told_late_are_listed(trial, course) -> None:
    """The day that they speak of is the day on which they happened, whatever its field."""
    code = course.randomized()
    clock, on = course.clock, course.clock.today
    course.order(code)
    ask = {"participant": code, "encounter": "M0", "label": "12345678"}
    conduct.prepare_infusion(trial, by="cell_unit", at=clock(), **ask)
    clock.at += dt.timedelta(days=10)
    given = {"on": on, "volume_ml": 16.5, "scanned": code, "reason": "From paper"}
    conduct.give_infusion(trial, by="investigator", at=clock(), **given, **ask)
    told = {"reason": "read on the bag", "learned": "the coordinator"}
    conduct.record_unblinding(trial, by="investigator", at=clock(), participant=code, on=on, **told)
    found = conduct.late_entries(trial, days=9)
    assert [(x.entry.type, x.on) for x in found] == [("InfusionGiven", on), ("CodeBroken", on)]


@pytest.mark.requirement("C13")
def test_a_day_that_is_impossible_is_refused_with_the_first_possible_one(trial, course) -> None:
    """Before the site took part, before screening, before consent; after the site's tomorrow."""
    clock = course.clock
    opened = trial.state.sites["01"].at.date()
    clock.at += dt.timedelta(days=400)
    code = course.screen()
    ask = {"by": "investigator", "participant": code}

    def first_day(act, on: dt.date, **more: object) -> dt.date:
        """The day told, which is the first that is taken."""
        with pytest.raises(Refused) as caught:
            act(trial, at=clock(), on=on, **more)
        (found,) = caught.value.problems
        assert found.code == "EQ-C206"
        told = found.values["first"]
        with pytest.raises(Refused):
            act(trial, at=clock(), on=told - dt.timedelta(days=1), **more)
        act(trial, at=clock(), on=told, **more)
        return told

    old, screened = dt.date(1950, 1, 1), trial.state.participants[code].screened_on
    assert first_day(conduct.screen_participant, old, by="coordinator", site="01") == opened - DAY
    departed = {"kind": "other", "reason": "seen on the wrong day"}
    assert first_day(conduct.record_deviation, old, **ask, **departed) == screened
    judged = {"rule": "I2", "is_true": True}
    assert first_day(conduct.judge_criterion, old, **ask, **judged) == screened
    told = {"reason": "read on the bag", "learned": "the coordinator"}
    assert first_day(conduct.record_unblinding, old, **ask, **told) == screened
    consent = {"encounter": "screening", "form": "consent", "values": {"version": "1.0"}}
    assert first_day(conduct.submit_form, old, **ask, **consent) == opened - DAY
    assert first_day(conduct.record_deviation, old, **ask, **departed) == opened - DAY
    assert first_day(conduct.withdraw_participant, old, **ask, reason="left") == opened - DAY
    other = course.screen()
    ask = {"by": "investigator", "participant": other, "reason": "left"}
    assert first_day(conduct.withdraw_participant, old, **ask) == screened


@pytest.mark.requirement("C50")
def test_every_event_has_a_schema_that_its_bodies_fit(trial, course) -> None:
    """An independent validator agrees with what was recorded; a wrong body is found."""
    import json

    import jsonschema

    draw = random.Random(3)
    list(history(course, draw, n=80))
    schemas = event_schemas()
    assert set(schemas) == {kind.__name__ for kind in EVENTS}
    kinds = set()
    for entry in trial.store.read():
        kinds.add(entry.type)
        validator = jsonschema.Draft202012Validator(schemas[entry.type])
        validator.validate(json.loads(entry.body))
        assert not validator.is_valid({**json.loads(entry.body), "surplus": 1})
    assert len(kinds) > 9
