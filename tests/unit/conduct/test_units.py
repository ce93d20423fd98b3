"""Results entered in the unit of the laboratory's sheet: kept as entered, read in the item's."""

import pytest
from msgspec.structs import replace

from equipoise import conduct
from equipoise.capture import to_own_units
from equipoise.conduct import RunningTrial
from equipoise.conduct import events as e
from equipoise.conduct.state import FormRecord
from equipoise.problems import Text
from equipoise.study.forms import EditCheck, Item

from .conftest import Course
from .test_stopping import refused


@pytest.fixture
def trial(trial: RunningTrial) -> RunningTrial:
    """The vital signs ask for a hemoglobin in g/dL, also in mmol/L and g/L."""
    item = Item(
        label=Text("Hemoglobin"),
        type="number",
        unit="g/dL",
        units=("mmol/L", "g/L"),
        analyte="hemoglobin",
        range=(2, 25),
        required=False,
    )
    vitals = trial.study.forms["vitals"]
    low = EditCheck(id="low", warn_if="hemoglobin < 11 g/dL", say=Text("Low"))
    same = EditCheck(id="molar", warn_if="hemoglobin < 6.9 mmol/L", say=Text("Low"))
    form = replace(vitals, items={**vitals.items, "hemoglobin": item}, checks=(low, same))
    trial.study = replace(trial.study, forms={**trial.study.forms, "vitals": form})
    return trial


def submit(course: Course, code: str, hemoglobin: object, unit: str) -> FormRecord:
    conduct.submit_form(
        course.trial,
        by="investigator",
        at=course.clock(),
        participant=code,
        encounter="screening",
        form="vitals",
        on=course.clock.today,
        values={"weight": 70.0, "pregnant": False, "hemoglobin": hemoglobin},  # type: ignore[dict-item]
        units={"hemoglobin": unit},
    )
    return course.trial.state.participants[code].forms["screening", "vitals", 0]


@pytest.fixture
def code(course: Course, trial: RunningTrial) -> str:
    code = course.screen()
    course.consent(code)
    return code


@pytest.mark.parametrize(
    ("entered", "kept", "warned"),
    [
        ((6.8, "mmol/L"), 10.957, ("low", "molar")),
        ((7.1, "mmol/L"), 11.441, ()),
        ((109, "g/L"), 10.9, ("low", "molar")),
        ((10.9, "g/dL"), 10.9, ("low", "molar")),
    ],
)
def test_rules_read_the_value_in_the_unit_of_the_item(
    course: Course, code: str, entered: tuple[float, str], kept: float, *, warned: tuple[str, ...]
) -> None:
    """1 mmol/L of the monomer is 1.6113 g/dL; 6.9 mmol/L and 11 g/dL are as good as one limit."""
    record = submit(course, code, *entered)

    assert record.values["hemoglobin"] == pytest.approx(kept, abs=0.001)
    assert record.warnings == warned
    assert record.as_entered == ({} if entered[1] == "g/dL" else {"hemoglobin": entered})


def test_the_ledger_keeps_what_was_entered(course: Course, trial: RunningTrial, code: str) -> None:
    """Beside the value in the item's unit, so that it can be read against the sheet."""
    submit(course, code, 7.1, "mmol/L")
    *_, entry = trial.store.read(chain="site-01")
    event = e.from_entry(entry.type, entry.body or b"")

    assert isinstance(event, e.FormSubmitted)
    assert event.as_entered == {"hemoglobin": (7.1, "mmol/L")}
    assert event.values["hemoglobin"] == pytest.approx(11.4405, abs=0.001)


def test_the_range_is_that_of_the_item(course: Course, code: str) -> None:
    """20 mmol/L are 32 g/dL, outside the range; 20 in g/dL are inside of it."""
    assert refused(lambda: submit(course, code, 20.0, "mmol/L")) == ["EQ-F003"]
    submit(course, code, 20.0, "g/dL")


def test_a_unit_that_is_not_offered_is_refused(course: Course, code: str) -> None:
    """Even one that would convert: the page did not show it."""
    assert refused(lambda: submit(course, code, 10.9, "mg/dL")) == ["EQ-F010"]


@pytest.mark.parametrize("value", ["seven", True, None])
def test_what_is_no_number_has_no_unit(course: Course, code: str, value: object) -> None:
    """It is refused as what it is, or stays empty."""
    if value is None:
        assert submit(course, code, value, "mmol/L").as_entered == {}
    else:
        assert refused(lambda: submit(course, code, value, "mmol/L")) == ["EQ-F002"]


def test_an_item_that_is_unknown_has_no_unit_to_convert(trial: RunningTrial) -> None:
    """The act says that there is no such item; nothing fails on the way there."""
    form = trial.study.forms["vitals"]
    odd = replace(form.items["hemoglobin"], units=("kg",))
    strange = replace(form, items={**form.items, "hemoglobin": odd})

    assert to_own_units(form, values={"pulse": 60}, units={"pulse": "bpm"}) == {"pulse": 60}
    given = {"hemoglobin": 9.0}
    assert to_own_units(strange, values=given, units={"hemoglobin": "kg"}) == given


def test_a_correction_may_change_the_unit(course: Course, trial: RunningTrial, code: str) -> None:
    """7.1 was mmol/L, not g/dL; a later value in the item's own unit leaves no other behind."""
    submit(course, code, 7.1, "g/dL")

    def correct(value: float, unit: str, seen: int) -> FormRecord:
        conduct.correct_item(
            trial,
            by="investigator",
            at=course.clock(),
            reason="Unit misread",
            participant=code,
            encounter="screening",
            form="vitals",
            item="hemoglobin",
            value=value,
            unit=unit,
            seen=seen,
        )
        return trial.state.participants[code].forms["screening", "vitals", 0]

    first = correct(7.1, "mmol/L", 1)
    assert first.as_entered == {"hemoglobin": (7.1, "mmol/L")}
    assert first.values["hemoglobin"] == pytest.approx(11.4405, abs=0.001)
    assert refused(lambda: correct(7.1, "mg/dL", 2)) == ["EQ-F010"]
    second = correct(11.5, "", 2)
    assert (second.values["hemoglobin"], second.as_entered) == (11.5, {})
