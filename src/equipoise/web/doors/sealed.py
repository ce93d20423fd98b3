"""The sealed door: for those who may know what an infusion holds. No blinded role opens it."""

from django.urls import URLPattern, path

from equipoise.study.roles import UNBLINDED_ROLES
from equipoise.web.doors import signing_in
from equipoise.web.views import access, cells, closed

urlpatterns: list[URLPattern] = [
    path("", closed.home, name="home"),
    path("sign-in/", access.sign_in, name="sign_in"),
    *signing_in.addresses(UNBLINDED_ROLES),
    path("sign-out/", access.sign_out, name="sign_out"),
    path("language/", access.set_language, name="language"),
    path("work-list/", cells.work_list, name="work_list"),
    path("work-list/<str:code>/<str:encounter>/", cells.prepare, name="prepare"),
    path("closed-report/", closed.closed_report, name="closed_report"),
]
handler400 = "equipoise.web.views.access.unreadable"
handler404 = "equipoise.web.views.access.missing"
handler500 = "equipoise.web.views.access.broken"
