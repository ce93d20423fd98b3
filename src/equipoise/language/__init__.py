"""The language of every rule: expressions over named values with units, days and unknowns.

`parse` reads one, `check_expression` says what is wrong with it before there are any data,
`evaluate` gives its value and `explain` the way there.
"""

from equipoise.language.calculating import to_unit
from equipoise.language.checking import check_expression, check_source, infer_type
from equipoise.language.evaluation import Lookup, evaluate
from equipoise.language.explanation import Explanation, Input, Shown, as_input, explain, show
from equipoise.language.functions import (
    STANDARD_FUNCTIONS,
    Direction,
    Function,
    Functions,
    ValueType,
    as_functions,
    years_between,
)
from equipoise.language.parsing import parse
from equipoise.language.tree import Expression, names_in, to_source
from equipoise.language.units import UNITS, convert, find_ucum, find_unit
from equipoise.language.values import (
    Interval,
    Known,
    Reason,
    Source,
    Unknown,
    Value,
    all_of,
    any_of,
    at_least,
    merge_reasons,
    negate,
    none_of,
    read_month,
    read_value,
    unknown,
)
from equipoise.language.visits import History, history_functions, visit_functions
from equipoise.language.wording import Named, Names, say_node

__all__ = [
    "STANDARD_FUNCTIONS",
    "UNITS",
    "Direction",
    "Explanation",
    "Expression",
    "Function",
    "Functions",
    "History",
    "Input",
    "Interval",
    "Known",
    "Lookup",
    "Named",
    "Names",
    "Reason",
    "Shown",
    "Source",
    "Unknown",
    "Value",
    "ValueType",
    "all_of",
    "any_of",
    "as_functions",
    "as_input",
    "at_least",
    "check_expression",
    "check_source",
    "convert",
    "evaluate",
    "explain",
    "find_ucum",
    "find_unit",
    "history_functions",
    "infer_type",
    "merge_reasons",
    "names_in",
    "negate",
    "none_of",
    "parse",
    "read_month",
    "read_value",
    "say_node",
    "show",
    "to_source",
    "to_unit",
    "unknown",
    "visit_functions",
    "years_between",
]
