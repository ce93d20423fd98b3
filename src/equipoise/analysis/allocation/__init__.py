"""What a scheme of randomization does in a study, beside its alternatives, before it is signed."""

from equipoise.analysis.allocation.comparing import Comparison, check_bound, compare_designs
from equipoise.analysis.allocation.designs import Design, alternatives
from equipoise.analysis.allocation.figure import plot_tradeoff
from equipoise.analysis.allocation.measuring import Estimate, Operating
from equipoise.analysis.allocation.page import render_comparison
from equipoise.analysis.allocation.walking import Setting, estimate_operating

__all__ = [
    "Comparison",
    "Design",
    "Estimate",
    "Operating",
    "Setting",
    "alternatives",
    "check_bound",
    "compare_designs",
    "estimate_operating",
    "plot_tradeoff",
    "render_comparison",
]
