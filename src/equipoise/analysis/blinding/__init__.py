"""How well the blind held: guesses of the arm, and the indices of James and of Bang."""

from equipoise.analysis.blinding.guesses import GuessTable, show_guesses, tabulate_guesses
from equipoise.analysis.blinding.indices import Guesses, Index, estimate_bang, estimate_james

__all__ = [
    "GuessTable",
    "Guesses",
    "Index",
    "estimate_bang",
    "estimate_james",
    "show_guesses",
    "tabulate_guesses",
]
