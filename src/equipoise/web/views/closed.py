"""The sealed door's way in, and the closed report for the unblinded statistician."""

from django.http import HttpResponse

from equipoise.problems import problem
from equipoise.study.roles import UNBLINDED_ROLES, Role
from equipoise.web.pages import Visit, page


@page(roles=UNBLINDED_ROLES)
def home(visit: Visit) -> HttpResponse:
    """Each of the two roles has one page here."""
    return visit.go("work_list" if visit.may(Role.CELL_UNIT) else "closed_report")


@page(roles=(Role.UNBLINDED_STATISTICIAN,))
def closed_report(visit: Visit) -> HttpResponse:
    """Whether the report by arm can be made, and how.

    This process has no token to open the list: the report is written by the command line, by two
    people, and never served to a browser.
    """
    found = () if visit.state.locked else (problem("EQ-A001"),)
    return visit.show("closed_report.html", problems=found)
