"""Form tables: every value as recorded, no formula, and a manifest that proves each file."""

import csv
import datetime as dt
import hashlib
import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.exchange.tables import FormRow, Listing, to_cell, write_form_tables
from equipoise.problems import Refused, Text
from equipoise.study.forms import Derivation, Form, Item
from equipoise.study.protocol import Identity
from equipoise.study.roles import Role
from equipoise.study.study import Study

VITALS = Form(
    form="vital_signs",
    title=Text("Vital signs"),
    by=(Role.INVESTIGATOR,),
    items={
        "weight": Item(label=Text("Weight"), type="number", may_be_not_done=True),
        "note": Item(label=Text("Note"), type="text"),
        "seen_on": Item(label=Text("Seen on"), type="date"),
    },
    derive={"bmi": Derivation(label=Text("BMI"), value="weight / 2")},
)
EMPTY = Form(form="log", title=Text("Log"), by=(Role.INVESTIGATOR,), repeats=True)
STUDY = Study(
    identity=Identity(study="demo", title=Text("Demo")),
    forms={"vital_signs": VITALS, "log": EMPTY},
    digest="d" * 64,
)
AT = dt.datetime(2026, 3, 1, 10, 30, tzinfo=dt.timezone(dt.timedelta(hours=1)))


def row(**given: object) -> FormRow:
    known = {
        "site": "01",
        "participant": "01-001",
        "encounter": "M0",
        "form": "vital_signs",
        "at": AT,
        "version": 1,
    }
    return FormRow(**{**known, **given})  # type: ignore[arg-type]


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as source:
        return list(csv.DictReader(source))


@pytest.mark.requirement("C44")
def test_one_file_a_form_with_every_column(tmp_path: Path) -> None:
    """Place, items, derived values, reasons, the UTC instant and the version; realm in each row."""
    rows = [
        row(participant="01-002", not_done={"weight": "refused"}, version=3),
        row(values={"weight": 70.1, "note": "well"}, derived={"bmi": 35.05}),
    ]

    counts = write_form_tables(STUDY, rows, tmp_path / "out", realm="rehearsal", seal="abc")

    assert counts == {"vital_signs": 2, "log": 0}
    first, second = read(tmp_path / "out" / "vital_signs.csv")
    assert first == {
        "study": "demo",
        "realm": "rehearsal",
        "site": "01",
        "participant": "01-001",
        "encounter": "M0",
        "repeat": "1",
        "weight": "70.1",
        "note": "well",
        "seen_on": "",
        "bmi": "35.05",
        "weight.not_done": "",
        "entered_at": "2026-03-01T09:30:00Z",
        "version": "1",
        "after_unblinding": "",
    }
    assert (second["weight.not_done"], second["weight"], second["version"]) == ("refused", "", "3")
    assert (tmp_path / "out" / "log.csv").read_bytes().count(b"\n") == 1


@pytest.mark.requirement("C49")
def test_the_manifest_proves_each_file(tmp_path: Path) -> None:
    """SHA-256 of each file, the seal, the realm, and the version of the study that was read."""
    write_form_tables(STUDY, [row()], tmp_path, realm="live", seal="abc")

    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["study"], manifest["realm"], manifest["seal"]) == ("demo", "live", "abc")
    assert manifest["study_digest"] == STUDY.digest
    assert set(manifest["files"]) == {"vital_signs.csv", "log.csv"}
    for name, entry in manifest["files"].items():
        content = (tmp_path / name).read_bytes()
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()
        assert entry["bytes"] == len(content)
        assert b"\r" not in content


def test_a_listing_stands_beside_the_forms(tmp_path: Path) -> None:
    """Its columns after study and realm, no cell a formula, and the manifest knows it."""
    found = Listing(
        name="listing.deviations",
        columns=("participant", "what"),
        rows=(("01-001", "=1+1"), ("01-002", None)),
    )
    counts = write_form_tables(STUDY, [row()], tmp_path, realm="live", seal="abc", listings=[found])

    written = (tmp_path / "listing.deviations.csv").read_text(encoding="utf-8").splitlines()
    assert written == [
        "study,realm,participant,what",
        "demo,live,01-001,'=1+1",
        "demo,live,01-002,",
    ]
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["files"]["listing.deviations.csv"]["rows"] == 2
    assert counts["listing.deviations"] == 2


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "'quoted"])
def test_a_text_that_a_spreadsheet_would_run_is_guarded(text: str, tmp_path: Path) -> None:
    """ASVS 1.2.10: one apostrophe before it, and whoever removes one has the text as entered."""
    write_form_tables(STUDY, [row(values={"note": text})], tmp_path, realm="live", seal="s")

    cell = read(tmp_path / "vital_signs.csv")[0]["note"]
    assert cell == "'" + text


@given(st.text())
def test_texts_come_back_as_entered(text: str) -> None:
    """Taking one leading apostrophe away gives the text; no cell begins like a formula."""
    cell = to_cell(text)

    assert cell.removeprefix("'") == text
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


@given(
    st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.decimals(allow_nan=False)
)
def test_numbers_stay_numbers_with_every_digit(number: float) -> None:
    """A negative number is no formula: it is written as it is, and read back equal."""
    assert type(number)(to_cell(number)) == number


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        (-5, "-5"),
        (Decimal("0.10"), "0.10"),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (AT, "2026-03-01T09:30:00Z"),
        (["a", 1], '["a", 1]'),
    ],
)
def test_each_kind_of_value_has_one_form(value: object, cell: str) -> None:
    """Dates in ISO, instants in UTC, lists as JSON."""
    assert to_cell(value) == cell


def test_a_value_that_no_column_would_show_is_refused(tmp_path: Path) -> None:
    """EQ-X004 for an unknown form, EQ-X005 for an unknown item; nothing is written."""
    rows = [
        row(form="other"),
        row(values={"height": 1}, derived={"bsa": 1}, not_done={"pulse": "x"}),
    ]

    with pytest.raises(Refused) as refused:
        write_form_tables(STUDY, rows, tmp_path / "out", realm="live", seal="s")

    assert [p.code for p in refused.value.problems] == ["EQ-X004", *["EQ-X005"] * 3]
    assert not (tmp_path / "out").exists()


def test_an_export_never_overwrites(tmp_path: Path) -> None:
    """EQ-X001 where something lies, EQ-X003 where nothing can be written."""
    (tmp_path / "old.csv").write_text("x")

    for directory, code in ((tmp_path, "EQ-X001"), (tmp_path / "old.csv" / "d", "EQ-X003")):
        with pytest.raises(Refused) as refused:
            write_form_tables(STUDY, [], directory, realm="live", seal="s")
        assert [p.code for p in refused.value.problems] == [code]
    assert [p.name for p in tmp_path.iterdir()] == ["old.csv"]


def test_rows_are_in_one_order_whatever_order_they_come_in(tmp_path: Path) -> None:
    """Two exports of the same state are the same bytes."""
    rows = [row(participant=f"01-00{n}", encounter=e) for n in (3, 1, 2) for e in ("M3", "M0")]
    for name, given_rows in (("a", rows), ("b", rows[::-1])):
        write_form_tables(STUDY, given_rows, tmp_path / name, realm="live", seal="s")

    files = [(tmp_path / name / "vital_signs.csv").read_bytes() for name in "ab"]
    assert files[0] == files[1]
