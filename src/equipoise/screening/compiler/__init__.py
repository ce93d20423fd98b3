"""The criteria of a study as column expressions that no engine has seen yet."""

from equipoise.screening.compiler.operands import CannotCompileError, Kind, Operand
from equipoise.screening.compiler.rules import (
    CompiledCriterion,
    Judged,
    Plan,
    Sources,
    compile_study,
)
from equipoise.screening.compiler.terms import FALSE, NULL, TRUE, Plain, Term, column, constant
from equipoise.screening.compiler.thresholds import LARGEST, Grain

__all__ = [
    "FALSE",
    "LARGEST",
    "NULL",
    "TRUE",
    "CannotCompileError",
    "CompiledCriterion",
    "Grain",
    "Judged",
    "Kind",
    "Operand",
    "Plain",
    "Plan",
    "Sources",
    "Term",
    "column",
    "compile_study",
    "constant",
]
