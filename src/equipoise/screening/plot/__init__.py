"""The funnel as a page that one can point at: two views and a table, in one file."""

from equipoise.screening.plot.page import write_plot

__all__ = ["write_plot"]
