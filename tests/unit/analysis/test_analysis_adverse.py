"""Adverse events by what was received, period by period."""

import datetime as dt
from xml.etree import ElementTree

import pytest
from little_trial import START, corrected, event, person, study, trial
from msgspec.structs import replace

from equipoise.analysis import (
    draw_dummy_arms,
    list_events,
    plot_accrual,
    plot_events,
    tabulate_adverse_events,
)
from equipoise.analysis.adverse import AdverseTable
from equipoise.problems import Refused
from equipoise.study.scenario import Scenario

STUDY = study()
RECEIVED = {
    ("R001", "V0"): "cells",
    ("R001", "V2"): "cells",
    ("R002", "V0"): "cells",
    ("R002", "V2"): "dummy",
    ("R003", "V0"): "dummy",
}
PEOPLE = (
    person(
        1,
        event(1, 1, 5),
        event(1, 2, 6, grade=3, hospital=True, related=True),
        event(1, 3, 91, term="Cough"),
    ),
    person(2, event(2, 1, -3), event(2, 2, 90, hospital=None), event(2, 3, 300, grade=2)),
    person(3, event(3, 1, 90), event(3, 2, 91), event(3, 3, None), infused=(0,)),
)


def column(table: AdverseTable, period: str, product: str = "") -> int:
    """The place of a column."""
    return next(
        i for i, c in enumerate(table.columns) if c.period == period and product in c.label.en
    )


def count(table: AdverseTable, label: str, place: int) -> tuple[int, int]:
    found = next(r for r in (*table.totals, *table.terms) if r.label.en == label).counts[place]
    return found.n_participants, found.n_events


def test_events_are_counted_by_the_product_of_the_last_infusion() -> None:
    """Who had cells and then placebo counts with the cells first and with the placebo later."""
    table = tabulate_adverse_events(STUDY, trial(*PEOPLE), received=RECEIVED)
    cells, placebo = column(table, "V0", "Cells"), column(table, "V0", "Placebo")

    assert table.basis == "unblinded"
    assert [table.columns[i].n_exposed for i in (cells, placebo)] == [2, 1]
    assert count(table, "Any adverse event", cells) == (2, 3)
    assert count(table, "Any adverse event", placebo) == (1, 1)
    assert count(table, "Any adverse event", column(table, "V2", "Cells")) == (1, 1)
    assert count(table, "Any adverse event", column(table, "V2", "Placebo")) == (1, 1)
    assert count(table, "Cough", column(table, "V2", "Cells")) == (1, 1)


def test_every_event_stands_in_exactly_one_column() -> None:
    """Before the first infusion, too late for a period, undated: nothing falls out."""
    table = tabulate_adverse_events(STUDY, trial(*PEOPLE), received=RECEIVED)
    total = next(r for r in table.totals if r.label.en == "Any adverse event")

    assert {"before", "later", "undated"} <= {c.period for c in table.columns}
    assert sum(c.n_events for c in total.counts) == table.n_events == 9
    assert sum(c.n_events for r in table.terms for c in r.counts) == 9


def test_without_the_next_infusion_a_period_ends_on_its_planned_day() -> None:
    """Day 90 still counts to the first infusion; day 91 counts to none."""
    table = tabulate_adverse_events(STUDY, trial(PEOPLE[2]))

    assert count(table, "Any adverse event", column(table, "V0")) == (1, 1)
    assert count(table, "Any adverse event", column(table, "later")) == (1, 1)
    assert table.columns[column(table, "later")].n_exposed == 1


def test_a_late_next_infusion_prolongs_the_period() -> None:
    """With the second infusion on day 100, day 95 still belongs to the first."""
    late = person(1, event(1, 1, 95), infused=(0, 100))
    table = tabulate_adverse_events(STUDY, trial(late))

    assert count(table, "Any adverse event", column(table, "V0")) == (1, 1)


def test_seriousness_that_is_open_is_a_row_of_its_own() -> None:
    """An event to be clarified is neither serious nor not serious."""
    table = tabulate_adverse_events(STUDY, trial(*PEOPLE), received=RECEIVED)
    cells = column(table, "V0", "Cells")

    assert count(table, "Serious", cells) == (1, 1)
    assert count(table, "Seriousness to be clarified", cells) == (1, 1)
    assert count(table, "Related to the infusion", cells) == (1, 1)
    assert table.columns[cells].max_grades == ((1, 1), (3, 1))


def test_no_event_is_no_proof_and_an_open_one_forbids_the_bound() -> None:
    """0 of 1 leaves a risk of 95 %; while an event may be serious there is no bound at all."""
    table = tabulate_adverse_events(STUDY, trial(*PEOPLE), received=RECEIVED)
    serious = next(r for r in table.totals if r.label.en == "Serious").counts
    alone = tabulate_adverse_events(STUDY, trial(PEOPLE[1]), received=RECEIVED)
    unclear = next(r for r in alone.totals if r.label.en == "Serious").counts

    assert serious[column(table, "V0", "Placebo")].upper_bound == pytest.approx(0.95)
    assert unclear[column(alone, "V0", "Cells")].n_events == 0
    open_ones = next(r for r in table.totals if r.label.en == "Seriousness to be clarified")
    assert all(c.upper_bound is None for c in open_ones.counts)
    assert unclear[column(alone, "V0", "Cells")].upper_bound is None


@pytest.mark.requirement("C65", "C71")
def test_the_blinded_table_is_pooled_and_the_dummy_one_says_so() -> None:
    """Without the products no column tells one arm from another."""
    state = trial(*PEOPLE)
    pooled = tabulate_adverse_events(STUDY, state)
    dummy = tabulate_adverse_events(
        STUDY, state, dummy=draw_dummy_arms(state, labels=("A", "B"), seed=1)
    )

    assert pooled.basis == "pooled"
    assert [c.n_exposed for c in pooled.columns if c.period == "V0"] == [3]
    assert dummy.basis == "dummy"
    labels = [c.label.en for c in dummy.columns if c.period == "V0"]
    assert labels == ["Dummy arm A", "Dummy arm B"]


def test_a_list_of_products_must_be_whole_and_of_this_study() -> None:
    """An infusion of unknown content, or of a product that does not exist, is refused."""
    with pytest.raises(Refused) as refused:
        tabulate_adverse_events(STUDY, trial(PEOPLE[0]), received={("R001", "V0"): "water"})

    assert [p.code for p in refused.value.problems] == ["EQ-A004", "EQ-A006"]
    assert "R001 / V2" in refused.value.problems[0].message


def test_people_who_were_not_randomized_are_listed_but_not_in_the_table() -> None:
    """An event in screening is on the listing; the table is of the randomized."""
    screened = person(9, event(9, 1, -5), number="", randomized_on=None, infused=())
    state = trial(screened)

    assert len(list_events(STUDY, state)) == 1
    assert tabulate_adverse_events(STUDY, state).n_events == 0


def test_corrections_keep_the_first_knowledge() -> None:
    """Serious from the first entry and corrected twice: the clock still starts at the first."""
    first = event(1, 1, 5, hospital=None)
    later = corrected(first, "hospital", True, on=START + dt.timedelta(days=20))
    last = corrected(later, "grade", 3, on=START + dt.timedelta(days=30))
    (found,) = list_events(STUDY, trial(person(1, last)))

    assert found.is_serious is True
    assert found.known_at == first.stamp.at


def test_a_correction_to_serious_starts_the_clock() -> None:
    """Known from the day of the correction on."""
    day = START + dt.timedelta(days=20)
    changed = corrected(event(1, 1, 5), "hospital", True, on=day)
    (found,) = list_events(STUDY, trial(person(1, changed)))

    assert found.known_at.date() == day


def test_an_answer_that_the_form_lacks_is_unknown() -> None:
    """A form entered without an item leaves the verdict open, never at no."""
    made = event(1, 1, 5)
    gap = replace(made, values={k: v for k, v in made.values.items() if k != "hospital"})
    (found,) = list_events(STUDY, trial(person(1, gap)))

    assert found.is_serious is None


def test_a_study_without_safety_plan_has_no_events() -> None:
    """There is nothing to read the form by."""
    assert list_events(replace(STUDY, safety=None), trial(*PEOPLE)) == ()


def test_the_figure_of_events_marks_what_is_serious_and_what_is_open() -> None:
    """Square, diamond and circle; each mark says in words what it is."""
    root = ElementTree.fromstring(plot_events(STUDY, trial(*PEOPLE), language="en"))
    hints = [e.text or "" for e in root.iter() if e.tag.endswith("title")]

    assert "Fever, grade 3, day 6" in hints
    assert "Cough, grade 1, day 91" in hints
    assert sum("day" in h for h in hints) == 8


ACCRUAL = replace(STUDY, scenario=Scenario(accrual_per_month={"01": 1.5}))


@pytest.mark.parametrize(
    ("made", "words"), [(ACCRUAL, "the scenario's rate"), (STUDY, "evenly between")]
)
def test_accrual_is_drawn_against_the_plan(made: object, words: str) -> None:
    """The plan is the scenario's rate, or else the study's own dates; it says which."""
    svg = plot_accrual(made, trial(*PEOPLE), today=dt.date(2026, 6, 1), language="en")  # type: ignore[arg-type]
    text = "".join(ElementTree.fromstring(svg).itertext())

    assert words in text
    assert "3 of 18 planned participants" in text


@pytest.mark.parametrize(
    "changes", [{"start": ""}, {"completion": "soon"}, {"completion": "2026-02"}]
)
def test_without_a_plan_accrual_stands_alone(changes: dict[str, str]) -> None:
    """Dates that are missing, unreadable or too near to each other give no line."""
    made = replace(STUDY, identity=replace(STUDY.identity, **changes))
    state = replace(trial(), sites={})

    svg = plot_accrual(made, state, today=dt.date(2026, 6, 1), language="en")

    assert "Plan" not in svg
    assert "stroke-dasharray" not in svg
