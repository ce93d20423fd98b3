"""Random people before the first study: the verdict alone and the explained one are the same."""

import datetime as dt
from functools import cache
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.eligibility import Answer, Case, Observation, Reading, assess_case
from equipoise.study.forms import Item
from equipoise.study.load import load_study
from equipoise.study.study import Study

ON = dt.date(2026, 3, 27)


@cache
def first_study() -> Study:
    loaded = load_study(Path(__file__).parents[3] / "studies" / "nct06722105")
    assert loaded.study is not None
    return loaded.study


def value_of(item: Item | None) -> st.SearchStrategy[object]:
    if item is None:
        return st.integers(0, 30)
    if item.range is not None:
        low, high = item.range
        return st.sampled_from([low, high, (low + high) / 2, 5, 8, 11, 30, 35, 40, 50, 80])
    return {
        "boolean": st.booleans(),
        "choice": st.sampled_from(sorted(item.choices) or ["x"]),
        "month": st.sampled_from(
            ["1955-03", "1956-04", "1990-01", "2008-03", "2024-03", "2024-04"]
        ),
    }.get(item.type, st.sampled_from([dt.date(2022, 1, 1).isoformat(), "soon"]))


@st.composite
def people(draw: st.DrawFn) -> dict[str, list[Observation]]:
    study, found = first_study(), {}
    for definition in study.eligibility.values.values():
        form, _, name = definition.from_.partition(".")
        if not name or draw(st.integers(0, 9)) == 0:
            continue
        item = study.forms[form].items.get(name)
        unit = item.unit if item else study.forms[form].derive[name].unit
        found[definition.from_] = [
            Observation(
                form=form,
                item=name,
                encounter="screening",
                value=draw(value_of(item)),  # type: ignore[arg-type]
                unit=draw(st.sampled_from([unit] * 9 + ["kg"])),
                on=ON - dt.timedelta(days=draw(st.sampled_from([0, 28, 29, 91, -1]))),
                entry="01:7",
            )
            for _ in range(draw(st.sampled_from([1, 1, 1, 2])))
        ]
    return found


ANSWERS = st.dictionaries(
    st.sampled_from(
        ["2-willing", "2-available", "I3", "5b-attribution", "I6", "I7", "E6", "E7", "E10", "E12"]
    ),
    st.tuples(st.booleans(), st.sampled_from([0, 28, 29, 91])),
)


@given(people(), ANSWERS)
@settings(max_examples=150)
def test_the_verdict_alone_is_that_of_the_explanation(
    person: dict[str, list[Observation]], said: dict[str, tuple[bool, int]]
) -> None:
    """Criterion by criterion, reason by reason."""
    study = first_study()
    answers = {
        rule: Answer(
            criterion=rule,
            is_true=is_true,
            by="ann",
            role="investigator",
            on=ON - dt.timedelta(days=days),
            entry="01:9",
        )
        for rule, (is_true, days) in said.items()
    }
    whole, brief = (
        assess_case(
            study, Case(Reading(study, person, reference_on=ON), answers, is_brief=is_brief)
        )
        for is_brief in (False, True)
    )

    assert whole.status == brief.status
    assert [(c.id, c.kind, c.status, c.bars, c.reasons) for c in whole.criteria] == [
        (c.id, c.kind, c.status, c.bars, c.reasons) for c in brief.criteria
    ]
