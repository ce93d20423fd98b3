"""A study folder becomes a `Study`: read, shaped, its assumptions listed, digested."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from equipoise.problems import Problem, Where, has_errors, problem
from equipoise.study.criteria import Eligibility
from equipoise.study.forms import Area, Form, Item
from equipoise.study.protocol import (
    AnalysisPlan,
    Assumption,
    Decision,
    Identity,
    Piece,
    SafetyPlan,
    Schedule,
    Treatments,
)
from equipoise.study.scenario import Scenario
from equipoise.study.shape import check_shape
from equipoise.study.study import Study
from equipoise.study.yaml_source import Path_, Source, load_yaml

_Notes = tuple[list[Assumption], list[Problem]]


class Decisions(Piece, frozen=True, kw_only=True):
    """`decisions.yaml`."""

    decisions: tuple[Decision, ...] = ()


FILES: Mapping[str, type[Piece]] = {
    "study.yaml": Identity,
    "decisions.yaml": Decisions,
    "eligibility.yaml": Eligibility,
    "schedule.yaml": Schedule,
    "treatments.yaml": Treatments,
    "safety.yaml": SafetyPlan,
    "analysis.yaml": AnalysisPlan,
    "rehearsal.yaml": Scenario,
}
"""The files of a study folder and the type of each; `forms/*.yaml` are `Form`."""


class Loaded(msgspec.Struct, frozen=True):
    """What reading a folder gave: the study, or None where an error stops it, and all problems.

    `sources` hold each file's value with its assumptions filled in, and where each part stands.
    """

    study: Study | None
    problems: tuple[Problem, ...]
    sources: Mapping[str, Source]
    assumptions: tuple[Assumption, ...] = ()

    def locate(self, file: str, path: tuple[str | int, ...] = ()) -> Where:
        """The place of a value of the folder."""
        source = self.sources.get(file)
        return source.locate(path) if source else Where(file, 1)


def load_study(directory: Path) -> Loaded:
    """Read a study folder. Problems carry file, line and column; nothing is guessed or skipped."""
    if not (directory / "study.yaml").is_file():
        return Loaded(None, (problem("EQ-S001", Where(str(directory)), file="study.yaml"),), {})
    names, problems = _names_in(directory)
    sources: dict[str, Source] = {}
    assumptions: list[Assumption] = []
    for name in names:
        source, found = load_yaml(directory / name, name=name)
        if source is not None:
            sources[name], unresolved = resolve(source, assumptions)
            found += unresolved
            lines = {p.where.line for p in found}  # one fault of a line is told once
            found += tuple(p for p in _check_file(sources[name]) if p.where.line not in lines)
        problems += found
    study = None
    if not has_errors(problems):
        pieces = {n: msgspec.convert(s.value, kind_of(n)) for n, s in sources.items()}
        study = assemble(pieces, assumptions=tuple(assumptions), digest=_digest(sources))
    return Loaded(study, tuple(problems), sources, tuple(assumptions))


def kind_of(name: str) -> type[Piece]:
    """The type of a file of the folder."""
    return FILES.get(name, Form)


def resolve(source: Source, assumptions: list[Assumption]) -> tuple[Source, tuple[Problem, ...]]:
    """Put in place of each `{decision, assume}` or `{decision, is}` its value, and note it."""
    problems: list[Problem] = []
    value = _resolve(source.value, source, (), notes=(assumptions, problems))
    places = {_shortened(path, source.positions): at for path, at in source.positions.items()}
    positions = places | dict(source.positions)
    return Source(source.file, value, positions, source.content), tuple(problems)


def assemble(
    pieces: Mapping[str, Any], *, assumptions: tuple[Assumption, ...], digest: str
) -> Study:
    """Put the files of a folder together; a form's map becomes items, forms are in their order."""
    forms = [_with_areas(p) for p in pieces.values() if isinstance(p, Form)]
    forms.sort(key=lambda form: (form.order, form.form))
    decisions: Decisions = pieces.get("decisions.yaml", Decisions())
    return Study(
        identity=pieces["study.yaml"],
        decisions=decisions.decisions,
        assumptions=assumptions,
        eligibility=pieces.get("eligibility.yaml", Eligibility()),
        schedule=pieces.get("schedule.yaml", Schedule()),
        treatments=pieces.get("treatments.yaml", Treatments()),
        safety=pieces.get("safety.yaml"),
        analysis=pieces.get("analysis.yaml", AnalysisPlan()),
        scenario=pieces.get("rehearsal.yaml", Scenario()),
        forms={form.form: form for form in forms},
        digest=digest,
    )


def _names_in(directory: Path) -> tuple[list[str], list[Problem]]:
    forms = sorted(f"forms/{f.name}" for f in (directory / "forms").glob("*.y*ml"))
    known = [n for n in FILES if (directory / n).exists()]
    known += [n for n in forms if n.endswith(".yaml")]
    present = sorted(f.name for f in directory.glob("*.y*ml")) + forms
    strays = [n for n in present if n not in known]
    return known, [problem("EQ-S004", Where(n, 1), known=", ".join(FILES)) for n in strays]


def _check_file(source: Source) -> list[Problem]:
    found = list(check_shape(source.value, kind_of(source.file), locate=source.locate))
    stem = Path(source.file).stem
    named = source.value.get("form", stem) if isinstance(source.value, dict) else stem
    if source.file not in FILES and named != stem:
        where = source.locate(("form",))
        found.append(problem("EQ-S014", where, form=named, expected=stem))
    return found


def _resolve(value: object, source: Source, path: Path_, *, notes: _Notes) -> object:
    if isinstance(value, list):
        return [_resolve(v, source, (*path, i), notes=notes) for i, v in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if not isinstance(value.get("decision"), str):
        return {k: _resolve(v, source, (*path, k), notes=notes) for k, v in value.items()}
    assumptions, problems = notes
    if set(value) not in ({"decision", "assume"}, {"decision", "is"}):
        problems.append(problem("EQ-S013", source.locate(path), decision=value["decision"]))
    word = "is" if "is" in value else "assume"
    inner = _resolve(value.get(word), source, (*path, word), notes=notes)
    assumptions.append(
        Assumption(
            decision=value["decision"],
            path=f"{source.file}:{'.'.join(str(p) for p in path)}",
            value=inner,
            is_decided=word == "is",
            where=source.locate((*path, "decision")),
        )
    )
    return inner


def _shortened(path: Path_, positions: Mapping[Path_, Any]) -> Path_:
    """The path of a part as the resolved value has it: without `assume` and `is`."""
    return tuple(
        part
        for i, part in enumerate(path)
        if part not in ("assume", "is") or (*path[:i], "decision") not in positions
    )


def _with_areas(form: Form) -> Form:
    """A form with a map gets one item for each area, and for each side where there are two."""
    if form.area_item is None:
        return form
    items: dict[str, Item] = dict(form.items)
    for area in form.areas:
        for name, side in area.sides:
            items.setdefault(name, _area_item(form.area_item, area, side))
    return msgspec.structs.replace(form, items=items)


def _area_item(given: Any, area: Area, side: Any) -> Item:
    return Item(
        label=area.label,
        type=given.type,
        range=given.range,
        may_be_not_done=given.may_be_not_done,
        area=area.area,
        side=side,
    )


def _digest(sources: Mapping[str, Source]) -> str:
    """SHA-256 over the folder: name, length and bytes of each file in order of name."""
    digest = hashlib.sha256(b"equipoise/study/1\n")
    for name in sorted(sources):
        content = sources[name].content
        digest.update(f"{name}\n{len(content)}\n".encode() + content)
    return digest.hexdigest()
