"""The report of a trial: one HTML file that needs nothing else, to read or to print."""

import datetime as dt
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

from equipoise.analysis.adverse import Received
from equipoise.analysis.exposure import Treatment
from equipoise.analysis.figures.svg import tag
from equipoise.analysis.groups import DummyArms
from equipoise.analysis.sections import SECTIONS, Imprint, Matter
from equipoise.analysis.tables import badge, say
from equipoise.analysis.texts import word
from equipoise.analysis.values import Histories
from equipoise.conduct.events import program
from equipoise.conduct.state import TrialState
from equipoise.ledger import Finish, do_nothing, placing
from equipoise.problems import Language, Problem, Refused, problem
from equipoise.study.study import Study

_STYLE = files("equipoise.analysis").joinpath("report.css").read_text(encoding="utf-8")


def write_report(  # noqa: PLR0913 - a report has many parts, all by keyword
    study: Study,
    state: TrialState,
    *,
    path: Path,
    language: Language,
    seal: str,
    realm: str,
    generated_at: dt.datetime,
    arms: Mapping[str, str] | None = None,
    received: Received | None = None,
    treatments: Sequence[Treatment] | None = None,
    dummy: DummyArms | None = None,
    mark: str = "",
    finish: Finish = do_nothing,
) -> Path:
    """Write the report to a new file and give its path back.

    `mark` is a random number for its head. `finish` gets the whole file before it has its name.

    Raises:
        Refused: the file exists or cannot be written; by arm before the data are locked, or with
            arms that do not fit the study.
    """
    imprint = Imprint(seal, realm, generated_at, language, mark)
    page = render_report(
        study,
        state,
        imprint=imprint,
        arms=arms,
        received=received,
        treatments=treatments,
        dummy=dummy,
    )
    with placing(path) as beside:
        beside.write_text(page, encoding="utf-8")
        finish(beside, seal)
    return path


def render_report(
    study: Study,
    state: TrialState,
    *,
    imprint: Imprint,
    arms: Mapping[str, str] | None = None,
    received: Received | None = None,
    treatments: Sequence[Treatment] | None = None,
    dummy: DummyArms | None = None,
) -> str:
    """The report as HTML text: pooled, with dummy arms, or by real arms once the data are locked.

    `treatments` are what `received` was read from, if it was not from the arms.

    Raises:
        Refused: by arm before the data are locked, or with arms that do not fit the study.
    """
    problems = check_unblinding(state, arms=arms, received=received, dummy=dummy)
    if problems:
        raise Refused(problems)
    is_unblinded = arms is not None or received is not None
    matter = Matter(
        study=study,
        state=state,
        imprint=imprint,
        basis="unblinded" if is_unblinded else "dummy" if dummy else "pooled",
        arms=arms if arms is not None else dummy,
        received=received,
        treatments=treatments,
        dummy=dummy,
        histories=Histories(study),
    )
    return _page(matter, "".join(section(matter) for section in SECTIONS))


def check_unblinding(
    state: TrialState,
    *,
    arms: Mapping[str, str] | None,
    received: Received | None,
    dummy: DummyArms | None,
) -> tuple[Problem, ...]:
    """Nothing by real arm or product before the data are locked, in any realm (ICH E9 2.3.1)."""
    is_unblinded = arms is not None or received is not None
    problems: tuple[Problem, ...] = ()
    if is_unblinded and state.locked is None:
        problems += (problem("EQ-A001"),)
    if is_unblinded and dummy is not None:
        problems += (problem("EQ-A005"),)
    return problems


def _page(matter: Matter, body: str) -> str:
    language, study = matter.language, matter.study
    title = escape(study.identity.title.say(language))
    is_rehearsal = matter.imprint.realm == "rehearsal"
    mark = tag("div", say("rehearsal_mark", language), class_="watermark", aria_hidden="true")
    copy = f'<meta name="copy" content="{matter.imprint.mark}">' if matter.imprint.mark else ""
    return (
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="generator" content="{program()}">{copy}'
        f"<title>{title}</title><style>{_STYLE}{_page_rule(matter)}</style></head><body>"
        f"{mark if is_rehearsal else ''}"
        f'<div class="sheet"><main>{_head(matter, title)}{body}</main>'
        f'<div class="foot">{escape(_footer(matter))}</div></div></body></html>\n'
    )


def _page_rule(matter: Matter) -> str:
    """The footer of every printed page: the seal and the page's number."""
    words = "".join(f"\\{ord(c):06x}" if c in '"\\<>&\n' else c for c in _footer(matter))
    return (
        f'@page {{ @bottom-left {{ content: "{words}"; }} '
        '@bottom-right { content: counter(page) " / " counter(pages); } }'
    )


def _footer(matter: Matter) -> str:
    imprint = matter.imprint
    return word(
        "footer",
        study=matter.study.identity.study,
        realm=word(f"realm_{imprint.realm}"),
        seal=imprint.seal,
        at=f"{imprint.generated_at:%Y-%m-%d %H:%M}",
    ).say(matter.language)


def _head(matter: Matter, title: str) -> str:
    language = matter.language
    lines = [tag("h1", title)]
    if matter.imprint.realm == "rehearsal":
        lines.append(tag("p", say("rehearsal_banner", language), class_="warning"))
    words = say(f"basis_{matter.basis}_long", language)
    lines.append(tag("p", badge(matter.basis, language), " ", words))
    return tag("header", *lines)
