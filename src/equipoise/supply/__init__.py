"""What an infusion is made of: dose, bags, release, stock, labels. It computes, never records."""

from equipoise.supply.dose import (
    Mixture,
    Preparation,
    Thawed,
    WeighedOn,
    check_recomputed,
    check_weight,
    derive_dose,
    exact,
    plan_mixture,
    plan_preparation,
)
from equipoise.supply.european_code import EuropeanCode, read_european_code
from equipoise.supply.labels import draw_label, read_scans, symbol_of
from equipoise.supply.specification import (
    Judged,
    Result,
    check_results,
    judge_results,
    names_of,
    tests_after_thaw,
    tests_at,
)
from equipoise.supply.stock import Receipt, count_places

__all__ = [
    "EuropeanCode",
    "Judged",
    "Mixture",
    "Preparation",
    "Receipt",
    "Result",
    "Thawed",
    "WeighedOn",
    "check_recomputed",
    "check_results",
    "check_weight",
    "count_places",
    "derive_dose",
    "draw_label",
    "exact",
    "judge_results",
    "names_of",
    "plan_mixture",
    "plan_preparation",
    "read_european_code",
    "read_scans",
    "symbol_of",
    "tests_after_thaw",
    "tests_at",
]
