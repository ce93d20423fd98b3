"""What the program computes says by which program and study folder; what people decide does not."""

import tomllib
from pathlib import Path

import msgspec
import pytest

from equipoise import conduct
from equipoise.conduct import RunningTrial
from equipoise.conduct import events as e
from equipoise.ledger import Entry
from equipoise.ledger.keeping.archive import from_line

from .conftest import Clock, Course

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "ledger" / "golden"
COMPUTED = {
    *("FormSubmitted", "ItemCorrected", "ScreeningFailed", "RandomizationRequested"),
    *("OverrideRequested", "EligibilityReassessed", "InfusionOrdered", "StoppingRuleMet"),
}


def by_what(entry: Entry) -> str | None:
    told: str | None = msgspec.json.decode(entry.body or b"{}").get("computed_by")
    return told


@pytest.mark.requirement("C15")
def test_computed_values_name_program_and_study(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """From a form to a dose: the version that is published, and the folder in force."""
    code = course.randomized()
    course.submit(code, "vitals", encounter="M0", weight=70.0, pregnant=False)
    course.order(code)
    skin = {"participant": code, "encounter": "screening", "form": "skin", "item": "arm"}
    conduct.correct_item(
        trial, by="investigator", at=clock(), reason="misread", value=0, seen=1, **skin
    )  # type: ignore[arg-type]
    barred = course.screen()
    course.consent(barred)
    course.submit(barred, "skin", arm=1, leg=1)
    conduct.fail_screening(trial, by="coordinator", at=clock(), participant=barred)

    published = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    told = {entry.type: by_what(entry) for entry in trial.store.read()}
    computed = {kind for kind, by in told.items() if by is not None}
    assert computed == COMPUTED - {"OverrideRequested", "StoppingRuleMet"}
    assert {told[kind] for kind in computed} == {f"equipoise {published} study/{'d' * 12}"}


@pytest.mark.requirement("C15", "C56")
def test_an_entry_from_before_is_read_and_says_nothing() -> None:
    """Each first example of these events has no such field, and is an event as it was."""
    assert {k.__name__ for k in e.EVENTS if "computed_by" in k.__struct_fields__} == COMPUTED
    for kind in COMPUTED:
        entry = from_line((GOLDEN / f"{kind}.1.json").read_bytes())
        assert isinstance(entry, Entry) and by_what(entry) is None
        assert getattr(e.from_entry(entry.type, entry.body or b""), "computed_by") == ""  # noqa: B009
