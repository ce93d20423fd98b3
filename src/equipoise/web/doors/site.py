"""The site door: the blinded pages. Its process holds the vault's assign token and no other."""

from django.urls import URLPattern, path

from equipoise.web.doors import signing_in
from equipoise.web.emergency import register
from equipoise.web.pages import BLINDED
from equipoise.web.views import (
    access,
    acts,
    dashboard,
    eligibility,
    forms,
    oversight,
    packets,
    redacting,
)
from equipoise.web.views import participant as one
from equipoise.web.views import participants as all_of_them
from equipoise.web.views import people as staff
from equipoise.web.views.agreeing import amendments, overrides
from equipoise.web.views.infusing import bedside
from equipoise.web.views.signing_in import keys
from equipoise.web.views.staff import confirming, copying, delegations, review
from equipoise.web.views.trail import reading, reviewing

PERSON = "participants/<str:code>/"
FORM = PERSON + "forms/<str:encounter>/<str:form>/<int:repeat>/"
SOMEBODY = "people/<str:person>/"
ENCOUNTER = PERSON + "encounters/<str:encounter>/"

urlpatterns: list[URLPattern] = [
    path("", dashboard.dashboard, name="home"),
    path("sign-in/", access.sign_in, name="sign_in"),
    path("welcome/", access.welcome, name="welcome"),
    *signing_in.addresses(BLINDED),
    path("sign-out/", access.sign_out, name="sign_out"),
    path("language/", access.set_language, name="language"),
    path("participants/", all_of_them.participants, name="participants"),
    path("screen/", all_of_them.screen, name="screen"),
    path(PERSON, one.participant, name="participant"),
    path(PERSON + "eligibility/", eligibility.eligibility, name="eligibility"),
    path(PERSON + "judge/<str:rule>/", eligibility.judge, name="judge"),
    path(PERSON + "judge/<str:rule>/anew/", eligibility.rejudge, name="rejudge"),
    path(PERSON + "randomize/", eligibility.randomize, name="randomize"),
    path(PERSON + "randomize/call-off/", eligibility.call_off, name="call_off"),
    path(PERSON + "exception/", overrides.override, name="override"),
    path(PERSON + "exception/ask/", overrides.ask_override, name="ask_override"),
    path(PERSON + "exception/confirm/", overrides.agree_override, name="agree_override"),
    path(PERSON + "exception/drop/", overrides.drop_override, name="drop_override"),
    path(PERSON + "deviation/", overrides.deviate, name="deviate"),
    path(PERSON + "unblinding/", register.tell, name="tell_unblinding"),
    path(PERSON + "unblinding/assess/", register.assess, name="assess_unblinding"),
    path(PERSON + "end-screening/", acts.end_screening, name="end_screening"),
    path(PERSON + "withdraw/", acts.withdraw, name="withdraw"),
    path(PERSON + "stop-treatment/", acts.stop, name="stop_treatment"),
    path(PERSON + "resume-treatment/", acts.go_on, name="resume_treatment"),
    path(PERSON + "complete/", acts.complete, name="complete"),
    path(PERSON + "sign/", acts.sign, name="sign"),
    path(ENCOUNTER + "order/", acts.order, name="order"),
    path(ENCOUNTER + "start/", bedside.start, name="start"),
    path(ENCOUNTER + "end/", bedside.end, name="end"),
    path(ENCOUNTER + "give/", bedside.give, name="give"),
    path(ENCOUNTER + "miss/", acts.miss, name="miss"),
    path(PERSON + "log/<str:form>/new/", forms.new_entry, name="new_entry"),
    path(FORM, forms.form, name="form"),
    path(FORM + "live/", forms.live, name="live"),
    path(FORM + "correct/<str:item>/", forms.correct, name="correct"),
    path("adverse-events/", oversight.adverse_events, name="adverse_events"),
    path("adverse-events/<str:code>/<int:repeat>/", oversight.receive, name="receive"),
    path("deviations/", overrides.deviations, name="deviations"),
    path("unblindings/", register.unblindings, name="unblindings"),
    path("packets/", packets.packets, name="packets"),
    path("packets/enter/", packets.enter, name="enter_packet"),
    path("packets/<str:packet>/", packets.account, name="account_packet"),
    path("end-of-blind/", register.end_of_blind, name="end_of_blind"),
    path("amendment/", amendments.amendment, name="amendment"),
    path("resume/", oversight.resume, name="resume"),
    path("ledger/", oversight.ledger, name="ledger"),
    path("ledger/copy/<str:site>/", copying.site_copy, name="site_copy"),
    path("audit-trail/", reading.audit_trail, name="audit_trail"),
    path("audit-trail/review/", reviewing.trail_review, name="trail_review"),
    path("audit-trail/reviews/", reviewing.trail_reviews, name="trail_reviews"),
    path("audit-trail/<str:chain>/<int:seq>/redact/", redacting.redact, name="redact"),
    path("people/", staff.people, name="people"),
    path("delegations/", delegations.delegation_log, name="delegation_log"),
    path("access-review/", review.access_review, name="access_review"),
    path("people/add/", staff.add, name="add_person"),
    path(SOMEBODY + "delegate/", staff.delegate, name="delegate"),
    path(SOMEBODY + "train/", staff.train, name="train"),
    path(SOMEBODY + "remove/", staff.remove, name="remove_person"),
    path(SOMEBODY + "invite/", staff.invite, name="invite"),
    path(SOMEBODY + "confirm/", confirming.confirm, name="confirm_code"),
    path(SOMEBODY + "keys/", keys.withdraw, name="withdraw_means"),
]
handler400 = "equipoise.web.views.access.unreadable"
handler404 = "equipoise.web.views.access.missing"
handler500 = "equipoise.web.views.access.broken"
