"""Checks of the words: every text that people read has its English and its French."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import msgspec

from equipoise.problems import Problem, Text, problem
from equipoise.study.check.places import Path, Places, file_of
from equipoise.study.forms import Item
from equipoise.study.load import Decisions
from equipoise.study.study import Study


def check_words(places: Places) -> Iterator[Problem]:
    """Yield a warning for each text without French, an error for each without English."""
    for file, piece in pieces_of(places.study):
        for path, text in texts_in(piece, ()):
            if not text.en.strip():
                yield problem("EQ-S081", places.at(file, *path))
            elif not text.fr.strip():
                yield problem("EQ-S080", places.at(file, *path), text=text.en[:60])


def pieces_of(study: Study) -> Iterator[tuple[str, Any]]:
    """The files of a study and what each holds."""
    yield "study.yaml", study.identity
    yield "decisions.yaml", Decisions(decisions=study.decisions)
    yield "eligibility.yaml", study.eligibility
    yield "schedule.yaml", study.schedule
    yield "treatments.yaml", study.treatments
    yield "safety.yaml", study.safety
    yield "analysis.yaml", study.analysis
    yield "rehearsal.yaml", study.scenario
    for form in study.forms.values():
        yield file_of(form), form


def texts_in(value: object, path: Path) -> Iterator[tuple[Path, Text]]:
    """Every text inside a piece of a study, with its path in the file."""
    if isinstance(value, Text):
        yield path, value
    elif isinstance(value, Item) and value.area:
        return  # made from the area, whose text is told there
    elif isinstance(value, msgspec.Struct):
        for name, key in _fields(type(value)):
            yield from texts_in(getattr(value, name), (*path, key))
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from texts_in(part, (*path, str(key)))
    elif isinstance(value, tuple):
        for index, part in enumerate(value):
            yield from texts_in(part, (*path, index))


@cache
def _fields(kind: type[msgspec.Struct]) -> tuple[tuple[str, str], ...]:
    """The fields of a kind of piece: their names, and the keys of the file."""
    return tuple((f.name, f.encode_name) for f in msgspec.structs.fields(kind))
