"""What would settle an unknown, and what would have to be different for another answer.

Both by the value, never by the condition: two limits on one value are answered together.
"""

from equipoise.language.alternatives.changing import Change, Changes, Shift, find_changes
from equipoise.language.alternatives.settling import Alternative, Settlement, find_settlement
from equipoise.language.alternatives.telling import say_alternative, say_change, say_shift

__all__ = [
    "Alternative",
    "Change",
    "Changes",
    "Settlement",
    "Shift",
    "find_changes",
    "find_settlement",
    "say_alternative",
    "say_change",
    "say_shift",
]
