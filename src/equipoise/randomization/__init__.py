"""How participants are allocated to arms: pure rules over random draws that are handed in."""

from equipoise.randomization.amending import carry_over, check_amended, find_anew
from equipoise.randomization.checks import check_randomization, check_specification
from equipoise.randomization.generator import counter_draws
from equipoise.randomization.importing import digest_list, read_list, write_list
from equipoise.randomization.lists import draw_further, draw_list
from equipoise.randomization.minimization import Draw, arm_of, draw_next, mark_left_out
from equipoise.randomization.planning import specify, stand_in_for
from equipoise.randomization.schemes import DrawBelow, Walk, walk_of
from equipoise.randomization.specification import UNSTRATIFIED, Allocation, Specification
from equipoise.randomization.strata import SITE, join_levels, levels_of, split_levels, strata_of

__all__ = [
    "SITE",
    "UNSTRATIFIED",
    "Allocation",
    "Draw",
    "DrawBelow",
    "Specification",
    "Walk",
    "arm_of",
    "carry_over",
    "check_amended",
    "check_randomization",
    "check_specification",
    "counter_draws",
    "digest_list",
    "draw_further",
    "draw_list",
    "draw_next",
    "find_anew",
    "join_levels",
    "levels_of",
    "mark_left_out",
    "read_list",
    "specify",
    "split_levels",
    "stand_in_for",
    "strata_of",
    "walk_of",
    "write_list",
]
