"""Why people are undecided, and which answers would settle them."""

from equipoise.screening.settling.asking import Asking, asking, settle, split_for
from equipoise.screening.settling.leaves import Split, split_study
from equipoise.screening.settling.reasons import Because, because, with_reasons
from equipoise.screening.settling.ways import Missing, list_missing

__all__ = [
    "Asking",
    "Because",
    "Missing",
    "Split",
    "asking",
    "because",
    "list_missing",
    "settle",
    "split_for",
    "split_study",
    "with_reasons",
]
