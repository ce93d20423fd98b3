"""The sealed door: for those who may know what an infusion holds. No blinded role opens it."""

from django.urls import URLPattern, path

from equipoise.study.roles import UNBLINDED_ROLES
from equipoise.web.cells import preparing, printing, results, stock
from equipoise.web.doors import signing_in
from equipoise.web.views import access, closed

WORK = "work-list/<str:code>/<str:encounter>/"
BATCH = "stock/<str:batch>/"

urlpatterns: list[URLPattern] = [
    path("", closed.home, name="home"),
    path("sign-in/", access.sign_in, name="sign_in"),
    *signing_in.addresses(UNBLINDED_ROLES),
    path("sign-out/", access.sign_out, name="sign_out"),
    path("language/", access.set_language, name="language"),
    path("work-list/", preparing.work_list, name="work_list"),
    path(WORK, preparing.prepare, name="prepare"),
    path(WORK + "thaw/", preparing.thaw, name="thaw"),
    path(WORK + "count/", preparing.count, name="count"),
    path(WORK + "verify/", preparing.verify, name="verify"),
    path(WORK + "hand-out/", preparing.hand_out, name="hand_out"),
    path(WORK + "take-back/", preparing.take_back, name="take_back"),
    path(WORK + "discard/", preparing.discard, name="discard"),
    path(WORK + "label.pdf", printing.label_pdf, name="label_pdf"),
    path(WORK + "sheet.pdf", printing.sheet_pdf, name="sheet_pdf"),
    path("stock/", stock.stock, name="stock"),
    path("stock/donor/", stock.donor, name="donor"),
    path("stock/receive/", stock.receive, name="receive_batch"),
    path("stock/declare/", stock.declare, name="declare"),
    path(BATCH, stock.batch, name="batch"),
    path(BATCH + "result/<str:test>/", results.result, name="result"),
    path(BATCH + "release/", stock.release, name="release"),
    path(BATCH + "explain/", stock.explain, name="explain"),
    path(BATCH + "block/", stock.block, name="block"),
    path(BATCH + "lift/", results.lift, name="lift"),
    path(BATCH + "tell/", stock.tell, name="tell"),
    path(BATCH + "bags/<str:bag>/", stock.bag_out, name="bag_out"),
    path("trace/", stock.trace, name="trace"),
    path("closed-report/", closed.closed_report, name="closed_report"),
]
handler400 = "equipoise.web.views.access.unreadable"
handler404 = "equipoise.web.views.access.missing"
handler500 = "equipoise.web.views.access.broken"
