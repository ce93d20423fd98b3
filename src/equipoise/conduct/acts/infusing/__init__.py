"""Infusions: ordered by the site, handed out by the cell unit, begun and ended at the bedside."""

from equipoise.conduct.acts.infusing.bedside import (
    check_start,
    end_infusion,
    start_infusion,
)
from equipoise.conduct.acts.infusing.ordering import (
    check_ordered_weight,
    declare_supply,
    find_weight,
    order_infusion,
    prepare_infusion,
    recall_infusion,
    take_back_infusion,
)
from equipoise.conduct.acts.infusing.paper import give_infusion

__all__ = [
    "check_ordered_weight",
    "check_start",
    "declare_supply",
    "end_infusion",
    "find_weight",
    "give_infusion",
    "order_infusion",
    "prepare_infusion",
    "recall_infusion",
    "start_infusion",
    "take_back_infusion",
]
