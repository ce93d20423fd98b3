"""The problem itself, its place, and the exception that carries problems out of an act."""

from collections.abc import Iterable, Mapping
from typing import Protocol, runtime_checkable

from msgspec import Struct

from equipoise.problems.catalogue import CATALOGUE, Severity
from equipoise.problems.text import Language, Text, show


@runtime_checkable
class Spoken(Protocol):
    """What is said otherwise in each language, such as a text."""

    def say(self, language: Language) -> str:
        """It, in this language."""


class Where(Struct, frozen=True):
    """A place: a line of a file, or a record such as `01-003 / M0 / mrss.face`."""

    file: str = ""
    line: int | None = None
    column: int | None = None
    record: str = ""

    def __str__(self) -> str:
        numbers = [str(n) for n in (self.line, self.column) if n is not None]
        return ":".join([self.file, *numbers]) if self.file else self.record


class Problem(Struct, frozen=True):
    """Something wrong: `code` says what kind, `where` the place, `values` the facts of the case."""

    code: str
    where: Where
    values: Mapping[str, object]

    @property
    def severity(self) -> Severity:
        """`error` stops; `warning` is shown and recorded."""
        return CATALOGUE[self.code].severity

    @property
    def message(self) -> str:
        """What is wrong, in English."""
        return self.say("en")

    @property
    def hint(self) -> str:
        """What to do about it, in English."""
        return self.advise("en")

    def say(self, language: Language) -> str:
        """What is wrong, in `language`."""
        return _fill(CATALOGUE[self.code].message, self.values, language)

    def advise(self, language: Language) -> str:
        """What to do about it, in `language`."""
        return _fill(CATALOGUE[self.code].hint, self.values, language)

    def __str__(self) -> str:
        return f"{self.where} {self.code} {self.message} {self.hint}".strip()


class Refused(Exception):
    """An act was not carried out; nothing was recorded. `problems` say why."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(p) for p in self.problems))


def problem(code: str, where: Where | str = "", /, **values: object) -> Problem:
    """Make a problem; a code without explanation or a value it needs is a bug and raises here."""
    made = Problem(code, Where(record=where) if isinstance(where, str) else where, values)
    made.say("en"), made.advise("en")
    return made


def has_errors(problems: Iterable[Problem]) -> bool:
    """Whether any of the problems stops the reader from going on."""
    return any(p.severity == "error" for p in problems)


def _fill(template: Text, values: Mapping[str, object], language: Language) -> str:
    words = {k: v.say(language) if isinstance(v, Spoken) else v for k, v in values.items()}
    return show(template.say(language).format_map(words))
