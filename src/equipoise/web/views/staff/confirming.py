"""A second person says that the owner of an account chose its new password."""

from django.http import HttpResponse
from django.urls import reverse

from equipoise.conduct import confirm_invitation
from equipoise.conduct.accounts.inviting import CONFIRMERS, is_part_of_it
from equipoise.conduct.acts.people import check_manages
from equipoise.conduct.parts import Person, Stamp
from equipoise.problems import Refused, problem
from equipoise.study.forms import Item
from equipoise.study.roles import Role
from equipoise.web import saying
from equipoise.web.entry.asking import Answers, Question, ask
from equipoise.web.pages import Visit, page
from equipoise.web.texts import t, text_of


@page(roles=CONFIRMERS, methods=("GET", "POST"))
def confirm(visit: Visit, person: str) -> HttpResponse:
    """Who made the code, when the password was chosen, and how it is known that its owner did."""
    known = visit.state.people.get(person)
    if known is None or known.password is None or known.password.is_confirmed:
        raise Refused([problem("EQ-C192", person, name=known.name if known else person)])
    password = known.password

    def act(answers: Answers) -> HttpResponse:
        by, chosen = visit.person.person, visit.request.POST.get("chosen", "")
        said = {"person": person, "chosen": chosen, "reason": str(answers["reason"])}
        confirm_invitation(visit.trial, by=by, at=visit.now, **said)
        return visit.go("people", done=t("people.code_confirmed", name=known.name))

    question = Question(
        title=t("people.confirm_code", name=known.name),
        button=t("people.confirm_code_button"),
        lead=t("people.confirm_code_lead"),
        back=reverse("people"),
        facts=(
            (t("sign_in.username"), person),
            (t("people.role"), visit.role_names([Role(known.role)])),
            (t("people.code_made"), _maker(visit, password.invited)),
            (t("people.password_chosen"), saying.instant(password.chosen.at)),
        ),
        items={"reason": Item(label=text_of("people.how_known"), type="text")},
        carried={"chosen": password.chosen.entry},
    )
    return ask(visit, question, act=act)


def may_confirm(visit: Visit, person: Person) -> bool:
    """Whether a password waits, and the reader may say that its owner chose it."""
    return (
        visit.may(*CONFIRMERS)
        and person.is_active
        and not person.is_confirmed
        and not check_manages(visit.person, person)
        and not is_part_of_it(person, visit.person, people=visit.state.people)
    )


def _maker(visit: Visit, made: Stamp | None) -> str:
    """Who made a code and when; nobody knows of one that was made before codes were on record."""
    return f"{visit.name_of(made.by)}, {saying.instant(made.at)}" if made else "–"
