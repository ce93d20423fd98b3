"""Counts of people without a column for each criterion: Kleene's logic on bitmaps."""

from equipoise.screening.counting.counts import Counting

__all__ = ["Counting"]
