"""Row by row with the evaluator that decides at the bedside: the reference for every engine."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import cast

from msgspec import Struct

from equipoise.eligibility import Answer, Case, Reading, Verdict, assess_case, believe
from equipoise.eligibility.types import find_definition
from equipoise.language import Known, Value, unknown
from equipoise.screening.columns import REFERENCE, Column, read_cell
from equipoise.study.study import Study


class RowReader(Struct, frozen=True):
    """A study, the meaning of a table's columns, and the day that ages count to where no column
    gives one."""

    study: Study
    columns: Sequence[Column]
    reference_on: dt.date | None = None

    def assess(self, cells: Iterable[object]) -> Verdict:
        """The verdict on one row, whose cells stand in the order of the columns.

        Raises:
            WrongCellError: for a cell that is not of its column's kind.
        """
        values = [read_cell(c, cell) for c, cell in zip(self.columns, cells, strict=True)]
        read = list(zip(self.columns, values, strict=True))
        plain = {c.name: v.value for c, v in read if c.use != "value" and isinstance(v, Known)}
        stated = cast("dt.date | None", plain.pop(REFERENCE, self.reference_on))
        reference_on = stated or dt.date.max
        answers = {
            c.name: Answer(
                criterion=c.name,
                is_true=plain[c.name] is True,
                by="",
                role=c.role,
                on=reference_on,
                entry="",
            )
            for c in self.columns
            if c.name in plain
        }
        given = {c.name: self._given(c, v, stated) for c, v in read if c.use == "value"}
        if stated is None:
            given[REFERENCE] = unknown("missing", REFERENCE)
        reading = Reading(self.study, {}, reference_on=reference_on, given=given)
        return assess_case(self.study, Case(reading, answers, is_brief=True))

    def _given(self, column: Column, value: Value, stated: dt.date | None) -> Value:
        if stated is None and column.type.kind == "date":
            return unknown("missing", REFERENCE)
        definition = find_definition(self.study, column.name)
        return value if definition is None else believe(column.name, value, definition)
