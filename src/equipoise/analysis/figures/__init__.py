"""Figures as accessible SVG text: flow, accrual, course, events."""

from equipoise.analysis.figures.accrual import plot_accrual
from equipoise.analysis.figures.course import plot_course
from equipoise.analysis.figures.events import plot_events
from equipoise.analysis.figures.flow import plot_flow

__all__ = ["plot_accrual", "plot_course", "plot_events", "plot_flow"]
