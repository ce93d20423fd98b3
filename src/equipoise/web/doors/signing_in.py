"""The addresses that doors have for passkeys and for a log-in elsewhere."""

from collections.abc import Collection

from django.urls import URLPattern, path

from equipoise.study.roles import Role
from equipoise.web.pages import ANYONE, page
from equipoise.web.views.signing_in import elsewhere, keys


def ways_in() -> list[URLPattern]:
    """The ways in besides a password, at each door."""
    seen_by_all, asked_by_all = page(roles=ANYONE), page(roles=ANYONE, methods=("POST",))
    return [
        path("sign-in/passkey/", asked_by_all(keys.sign_in), name="passkey_sign_in"),
        path("sign-in/elsewhere/", seen_by_all(elsewhere.start), name="provider"),
        path("sign-in/back/", seen_by_all(elsewhere.back), name="provider_back"),
        path("passkeys/options/", asked_by_all(keys.options), name="passkey_options"),
    ]


def addresses(roles: Collection[Role]) -> list[URLPattern]:
    """The same, and where passkeys are made and forms signed, for the roles behind a door."""
    read, act = page(roles=roles), page(roles=roles, methods=("POST",))
    both = page(roles=roles, methods=("GET", "POST"))
    return [
        *ways_in(),
        path("prove/", act(elsewhere.afresh), name="provider_afresh"),
        path("passkeys/", read(keys.own), name="passkeys"),
        path("passkeys/add/", both(keys.add), name="add_passkey"),
        path("passkeys/make/", act(keys.make), name="make_passkey"),
        path("passkeys/<int:key>/remove/", both(keys.remove), name="remove_passkey"),
    ]
