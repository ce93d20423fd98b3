"""The published JSON Schema: it is that of the types, and an independent reader agrees with it."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from equipoise.study.schema import study_schemas, write_schemas
from equipoise.study.yaml_source import load_yaml

Edit = Callable[[str, str, str], int]
PUBLISHED = Path(__file__).parents[3] / "schemas"


def as_json(value: object) -> object:
    """What a reader of JSON sees: dates are text."""
    if isinstance(value, dict):
        return {k: as_json(v) for k, v in value.items()}
    if isinstance(value, list):
        return [as_json(v) for v in value]
    return value.isoformat() if isinstance(value, dt.date) else value


def errors_of(path: Path, name: str) -> list[str]:
    source, problems = load_yaml(path, name=name)
    assert source is not None and problems == ()
    schema = study_schemas()["form" if path.parent.name == "forms" else path.stem]
    validator = jsonschema.Draft202012Validator(schema)
    return [e.message for e in validator.iter_errors(as_json(source.value))]


def test_the_published_schemas_are_those_of_the_types(tmp_path: Path) -> None:
    """After a change of a type, `write_schemas` must be run again."""
    written = write_schemas(tmp_path)
    assert {p.name for p in written} == {p.name for p in PUBLISHED.glob("*.json")}
    for path in written:
        assert path.read_text() == (PUBLISHED / path.name).read_text()
        jsonschema.Draft202012Validator.check_schema(json.loads(path.read_text()))


def test_the_first_study_fits_and_names_its_schema(first_study: Path) -> None:
    """The first line of each file leads an editor to a schema that exists."""
    files = sorted(first_study.rglob("*.yaml"))
    assert len(files) == 26
    for path in files:
        assert errors_of(path, path.name) == []
        comment, _, schema = path.read_text().split("\n", 1)[0].partition("$schema=")
        assert comment == "# yaml-language-server: "
        assert (path.parent / schema).resolve().parent == PUBLISHED.resolve()
        assert (path.parent / schema).is_file()


@pytest.mark.parametrize(
    "edited",
    [
        ("study.yaml", "purpose: treatment", "purpos: treatment"),
        ("study.yaml", "planned_participants: 18", "planned_participants: many"),
        ("study.yaml", "scheme: permuted_blocks", "scheme: coin"),
        ("study.yaml", "{decision: ratio, assume: [1, 1, 1]}", "{decision: ratio}"),
        ("study.yaml", "{decision: ratio, assume: [1, 1, 1]}", "{decision: ratio, assume: [-1]}"),
        ("study.yaml", "decision: ratio, assume", "decision: ratio, is: [1, 1, 1], assume"),
        ("schedule.yaml", "assume: [-28, -1]", "assume: [-28]"),
        ("schedule.yaml", "{en: M6, fr: M6}", "{fr: M6}"),
        ("eligibility.yaml", 'number: "14"', "number: 14"),
        ("eligibility.yaml", "{decision: age-date, ", "{decisions: age-date, "),
        ("treatments.yaml", "viability, assume: 0.85", "viability, assume: 85"),
        ("forms/mrss.yaml", "range: [0, 3]", "range: 0..3"),
        ("forms/heart.yaml", "  lvef:", "  l v e f:"),
        ("rehearsal.yaml", "missed_encounter: 0.04", "missed_encounter: 4"),
    ],
    ids=str,
)  # fmt: skip
def test_planted_faults_do_not_fit(folder: Path, edit: Edit, edited: tuple[str, str, str]) -> None:
    edit(*edited)
    assert errors_of(folder / edited[0], edited[0])
