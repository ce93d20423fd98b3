"""Analysis: what a trial shows so far, counted, described, drawn and reported.

Everything takes the study and the state of the trial. Without arms it is pooled; with dummy arms it
shows the form of the tables; real arms come from the vault once the data are locked.
"""

from equipoise.analysis.adverse import (
    AdverseTable,
    Received,
    list_events,
    tabulate_adverse_events,
)
from equipoise.analysis.baseline import BaselineTable, tabulate_baseline
from equipoise.analysis.course import Course, estimate_course
from equipoise.analysis.figures import plot_accrual, plot_course, plot_events, plot_flow
from equipoise.analysis.flow import Flow, FlowGroup, count_flow
from equipoise.analysis.groups import DummyArms, draw_dummy_arms, find_shared_arms
from equipoise.analysis.populations import (
    PopulationCount,
    PopulationTable,
    tabulate_populations,
)
from equipoise.analysis.report import render_report, write_report
from equipoise.analysis.sections import Imprint
from equipoise.analysis.summary import (
    Summary,
    estimate_detectable,
    estimate_power,
    estimate_upper_bound,
    summarize,
)

__all__ = [
    "AdverseTable",
    "BaselineTable",
    "Course",
    "DummyArms",
    "Flow",
    "FlowGroup",
    "Imprint",
    "PopulationCount",
    "PopulationTable",
    "Received",
    "Summary",
    "count_flow",
    "draw_dummy_arms",
    "estimate_course",
    "estimate_detectable",
    "estimate_power",
    "estimate_upper_bound",
    "find_shared_arms",
    "list_events",
    "plot_accrual",
    "plot_course",
    "plot_events",
    "plot_flow",
    "render_report",
    "summarize",
    "tabulate_adverse_events",
    "tabulate_baseline",
    "tabulate_populations",
    "write_report",
]
