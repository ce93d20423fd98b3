"""The open eligibility page: what would decide each criterion, and news that come by themselves."""

import pytest
from django.test import Client

from equipoise.conduct import RunningTrial, submit_form
from equipoise.study.roles import Role

from . import course
from .conftest import SignIn, said
from .reading import Element, Reading, read


def page_of(client: Client, code: str) -> Reading:
    return read(client.get(f"/participants/{code}/eligibility/"))


def plain(words: str) -> str:
    return words.replace("\u00a0", " ").replace("\u202f", " ")


def section(page: Reading, name: str) -> str:
    return plain(page.one("section", id=f"c-{name}").text)


def list_of(page: Reading) -> Element:
    return page.one("div", id="criteria")


def enter(trial: RunningTrial, code: str, form: str, **values: object) -> None:
    submit_form(
        trial,
        by=course.COORDINATOR,
        at=course.now(),
        participant=code,
        encounter="screening",
        form=form,
        on=course.TODAY,
        values={**course.answers(trial.study.forms[form]), **values},
    )


@pytest.mark.requirement("F05")
def test_each_unknown_says_what_would_decide_it(trial: RunningTrial, sign_in: SignIn) -> None:
    """In the reader's language: as soon as which value is how, and where it is entered."""
    code = course.consented(trial)
    page = page_of(sign_in(Role.COORDINATOR), code)

    bone_marrow = section(page, "E11")
    assert said("eligibility.bars_if") in bone_marrow
    assert "Hemoglobin: below 8 g/dL" in bone_marrow
    link = next(e for e in page.all("a") if e.get("href").endswith("laboratory/0/#f-neutrophils"))
    assert link.is_in("section")
    french = page_of(sign_in(Role.COORDINATOR, language="fr"), code)
    assert said("eligibility.satisfied_if", language="fr") in section(french, "I5")
    assert "Score de Rodnan modifié : au moins 20" in section(french, "I5")
    assert "et 13 autres" in section(french, "I5")


def test_a_question_with_its_buttons_needs_no_more_words(
    trial: RunningTrial, sign_in: SignIn
) -> None:
    """Yes and no stand there."""
    page = page_of(sign_in(Role.INVESTIGATOR), course.consented(trial))

    assert said("eligibility.bars_if") not in section(page, "E6")
    assert page.one("button", id="y-E6").text.startswith(said("eligibility.judge_yes"))


@pytest.mark.requirement("F05")
def test_what_bars_says_what_would_have_to_be_different(
    trial: RunningTrial, sign_in: SignIn
) -> None:
    """The limit, the value now, how far, and the day on which the person is old enough."""
    code = course.consented(trial)
    month, word = (7, "Jul") if course.TODAY.month == 1 else (1, "Jan")
    born = course.TODAY.year - 17 - (month == 7)  # seventeen today, whatever the day of birth
    enter(trial, code, "demography", birth_month=f"{born}-{month:02}")
    age = section(page_of(sign_in(Role.COORDINATOR), code), "I3")

    assert said("eligibility.different") in age
    assert f"(now 17 years, difference 1 year, will be so from 31 {word} {born + 18})" in age


def test_who_was_randomized_is_past_deciding(trial: RunningTrial, sign_in: SignIn) -> None:
    """The proof stands as it was; nothing is asked for, and the page asks for no news."""
    page = page_of(sign_in(Role.COORDINATOR), course.randomized(trial))

    assert said("eligibility.different") not in page.text
    assert not list_of(page).get("hx-get")


@pytest.mark.requirement("F05")
def test_the_open_page_hears_of_a_new_value(trial: RunningTrial, sign_in: SignIn) -> None:
    """It asks with the mark of what it shows: no answer without news, then the list alone."""
    code = course.consented(trial)
    client = sign_in(Role.COORDINATOR)
    page = page_of(client, code)
    again = list_of(page).get("hx-get")
    assert list_of(page).get("hx-trigger") == "every 4s"
    quiet = client.get(again)
    assert (quiet.status_code, quiet.content) == (204, b"")

    enter(trial, code, "laboratory", hemoglobin=7.5, hiv="negative")
    news = read(client.get(again))

    assert not news.all("h1") and not news.all("header")
    assert "bars" in news.one("section", id="c-E11").get("class").split()
    assert said("eligibility.not_eligible") in news.one("p", id="summary").text
    assert news.one("p", id="summary").get("hx-swap-oob") == "innerHTML"
    assert client.get(list_of(news).get("hx-get")).status_code == 204


def test_the_summary_alone_is_read_out(trial: RunningTrial, sign_in: SignIn) -> None:
    """A screen reader hears one sentence, not the whole list again."""
    page = page_of(sign_in(Role.COORDINATOR), course.consented(trial))

    assert page.one("p", id="summary").get("role") == "status"
    live = [e for e in page.elements if e.get("aria-live") or e.get("role") == "status"]
    assert [e.get("id") for e in live] == ["summary"]


def test_a_page_that_asks_by_itself_keeps_no_session_open(
    trial: RunningTrial, sign_in: SignIn
) -> None:
    """Who left the room is signed out in time; the page then goes to the sign-in page whole."""
    code = course.consented(trial)
    client = sign_in(Role.COORDINATOR)
    page = page_of(client, code)
    again = list_of(page).get("hx-get")

    assert "equipoise_site" in client.get(f"/participants/{code}/eligibility/").cookies
    assert "equipoise_site" not in client.get(again).cookies

    client.session.flush()
    gone = client.get(again, headers={"HX-Request": "true"})
    assert (gone.status_code, gone.headers["HX-Redirect"]) == (204, "/sign-in/")
    assert client.get(again).headers["Location"].startswith("/sign-in/")


def test_nobody_else_hears_of_it(trial: RunningTrial, sign_in: SignIn) -> None:
    """The news of another site's participant stay there."""
    code = course.consented(trial)
    again = f"/participants/{code}/eligibility/?seen=0"

    assert sign_in("only-at-02").get(again).status_code == 404
