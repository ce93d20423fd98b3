"""The second person at an act: somebody else, who shows who they are at the screen of the first."""

from django.conf import settings
from django.contrib.auth import authenticate

from equipoise.problems import Refused, problem
from equipoise.web.identity import passkeys, tickets
from equipoise.web.pages import Visit

KIND = "second"
"""Of challenges, proofs and forms: what was made for it serves nothing else."""


def identify_second(visit: Visit) -> str:
    """Who showed that they are there: by a passkey or a log-in elsewhere, for this very form, or
    else by user name and password. Whether they may be the second person the act decides.

    Raises:
        Refused: nobody did; a wrong password counts as at the sign-in.
    """
    posted, first = visit.request.POST, visit.person.person
    digest = tickets.digest_of_form(visit.request, person=first, path=visit.request.path)
    if posted.get("passkey"):
        raw = posted["passkey"]
        key = passkeys.check_answer(visit.request, visit.trial, KIND, raw=raw, digest=digest)
        return str(key.user.get_username())
    if posted.get("fresh"):
        proof = tickets.redeem(visit.request, KIND, posted["fresh"], person=first)
        if proof is None or proof.data["digest"] != digest:
            raise Refused([problem("EQ-W059")])
        return str(proof.data[KIND])
    return _by_password(visit)


def _by_password(visit: Visit) -> str:
    if not settings.PASSWORDS:
        raise Refused([problem("EQ-W051", "password")])
    name = visit.request.POST.get("second", "").strip()[:150]
    given = visit.request.POST.get("password", "")[:4096]
    if not name or not given:
        raise Refused([problem("EQ-W102", "second")])
    if authenticate(visit.request, username=name, password=given) is None:
        raise Refused(visit.check_barred(name) or (problem("EQ-W062", "second"),))
    return name
