"""For whom of the people screened another reading of an open decision matters."""

import datetime as dt
from collections.abc import Iterator, Mapping

import msgspec

from equipoise.conduct import Participant, assess_participant
from equipoise.conduct.parts import Stamp
from equipoise.conduct.state import FormRecord
from equipoise.eligibility import other_readings
from equipoise.problems import Text
from equipoise.rehearsal import ReadingEffect, count_effects
from equipoise.study.criteria import Criterion, Rule
from equipoise.study.protocol import Decision, Option, OtherReading
from equipoise.study.study import Study
from tests.unit.eligibility.small_study import REFERENCE, VALUES, answered, judged, study

T = Text
STAMP = Stamp("ann", "investigator", dt.datetime(2026, 3, 27, tzinfo=dt.UTC), "", "01:1")
DECISIONS = (
    Decision(
        id="edge",
        question=T("Does 5 count?"),
        because=T("The record does not say."),
        options={
            "above": Option("No"),
            "from": Option("Yes", use=OtherReading(rules={"I1": {"is": "crp >= 5 mg/L"}})),
        },
    ),
    Decision(
        id="window",
        question=T("How old may hemoglobin be?"),
        because=T("The record does not say."),
        options={
            "28": Option("28 days"),
            "7": Option("7 days", use=OtherReading(values={"hb": {"within_days": 7}})),
        },
    ),
    Decision(
        id="settled",
        question=T("Is it so?"),
        because=T("It was decided."),
        options={"no": Option("No", use=OtherReading(rules={"E1": {"is": "1 < 2"}}))},
        status="decided",
    ),
)


def assessed() -> Study:
    small = study(
        (
            Criterion(number="1", is_="crp > 5 mg/L"),
            Criterion(number="2", any_=(Rule(id="2a", judgement=judged()),)),
        ),
        (Criterion(number="1", is_="hb < 11 g/dL"),),
        VALUES,
    )
    return msgspec.structs.replace(small, decisions=DECISIONS)


def others() -> Iterator[tuple[str, str, Study]]:
    return other_readings(assessed())


def record(encounter: str, on: dt.date, values: Mapping[str, float]) -> FormRecord:
    return FormRecord(
        form="lab",
        encounter=encounter,
        repeat=1,
        on=on,
        values=values,
        not_done={},
        warnings=(),
        stamp=STAMP,
    )


def person(code: str, *, crp: float, days_ago: int = 0, hb: float = 13.0) -> Participant:
    """Both measured on a day before the last form and the answer."""
    drawn_on = REFERENCE - dt.timedelta(days=days_ago)
    blood = record("E1", drawn_on, {"hb": hb, "crp": crp})
    weight = record("E2", REFERENCE, {"weight": 60.0})
    return Participant(
        code=code,
        site="A",
        screened_on=drawn_on,
        stamp=STAMP,
        forms={(r.encounter, r.form, 1): r for r in (blood, weight)},
        answers={"2a": answered("2a", is_true=True)},
    )


def test_each_reading_counts_exactly_those_for_whom_it_matters() -> None:
    """One stands on the edge, one has old blood; the third and the fourth are as they were."""
    people = (
        person("edge", crp=5.0),
        person("old", crp=9.0, days_ago=10),
        person("plain", crp=9.0),
        person("anemic", crp=1.0, hb=8.0, days_ago=3),
    )

    found = count_effects(assessed(), people, others())

    assert found == (
        ReadingEffect("edge", "from", 1, {"not_eligible > eligible": 1}, {"I1": 1}),
        ReadingEffect("window", "7", 1, {"eligible > undecided": 1}, {"E1": 1}),
    )


def test_the_counts_are_those_of_assessing_everybody_twice() -> None:
    """People of every blood and age of it, under each reading."""
    people = [
        person(f"{crp}-{days}-{hb}", crp=crp, days_ago=days, hb=hb)
        for crp in (4.0, 5.0, 6.0)
        for days in (0, 7, 8, 28, 29)
        for hb in (10.0, 12.0)
    ]
    before = [assess_participant(assessed(), p, on=REFERENCE) for p in people]

    found = {(e.decision, e.option): e for e in count_effects(assessed(), people, others())}

    for decision, option, other in others():
        after = [assess_participant(other, p, on=REFERENCE) for p in people]
        pairs = list(zip(before, after, strict=True))
        moved = sum(a.status != b.status for a, b in pairs)
        differing = sum(
            [c.status for c in a.criteria] != [c.status for c in b.criteria] for a, b in pairs
        )
        effect = found[decision, option]
        assert (effect.people, sum(effect.moves.values())) == (differing, moved)
        assert 0 < moved <= differing < len(people)


def test_who_gave_nothing_is_counted_too() -> None:
    """A person who left before any form is assessed on the day of the first contact."""
    empty = Participant(code="empty", site="A", screened_on=REFERENCE, stamp=STAMP)

    assert [e.people for e in count_effects(assessed(), [empty], others())] == [0, 0]
