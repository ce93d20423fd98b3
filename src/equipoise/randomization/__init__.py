"""How participants are allocated to arms: pure rules over random draws that are handed in."""

from equipoise.randomization.checks import check_randomization, check_specification
from equipoise.randomization.generator import counter_draws
from equipoise.randomization.permuted_blocks import (
    UNSTRATIFIED,
    Allocation,
    DrawBelow,
    Specification,
    permuted_blocks,
)

__all__ = [
    "UNSTRATIFIED",
    "Allocation",
    "DrawBelow",
    "Specification",
    "check_randomization",
    "check_specification",
    "counter_draws",
    "permuted_blocks",
]
