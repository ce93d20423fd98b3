"""The emergency door: a physician breaks the code of one participant. It needs the vault alone."""

from django.urls import URLPattern, path

from equipoise.web.doors import signing_in
from equipoise.web.emergency import breaking
from equipoise.web.views import access

urlpatterns: list[URLPattern] = [
    path("", breaking.find, name="home"),
    path("sign-in/", access.sign_in, name="sign_in"),
    *signing_in.ways_in(),
    path("sign-out/", access.sign_out, name="sign_out"),
    path("language/", access.set_language, name="language"),
    path("participants/<str:code>/", breaking.break_code, name="break_code"),
]
handler400 = "equipoise.web.views.access.unreadable"
handler404 = "equipoise.web.views.access.missing"
handler500 = "equipoise.web.views.access.broken"
