"""The comparison as one HTML file that needs nothing else, to read, print and sign."""

from collections.abc import Iterator
from html import escape
from importlib.resources import files

from equipoise.analysis.allocation.comparing import Comparison, Row
from equipoise.analysis.allocation.figure import plot_tradeoff
from equipoise.analysis.allocation.measuring import ALPHA, POWER, Estimate
from equipoise.analysis.allocation.page_of_watchers import name_of, show_disclosed, show_supply
from equipoise.analysis.figures.svg import tag
from equipoise.analysis.tables import say, table
from equipoise.analysis.texts import say_number, say_percent, word
from equipoise.problems import Language, Text

_STYLE = files("equipoise.analysis").joinpath("report.css").read_text(encoding="utf-8")
SHARES = ("guessed", "best_guess", "certain", "unbalanced")
COLUMNS = (*SHARES, "apart", "power", "power_low")


def render_comparison(compared: Comparison, *, title: Text, language: Language) -> str:
    """The page in one language."""
    parts = [
        tag("h1", escape(title.say(language))),
        tag("h2", say("allocation_title", language)),
        tag("p", say("allocation_intro", language, **_facts(compared))),
    ]
    if not any(row.is_own for row in compared.rows):
        parts.append(tag("p", say("allocation_imported", language), class_="warning"))
    head = [say(f"allocation_{key}", language) for key in ("design", *COLUMNS)]
    notes = [*_notes(compared, language)]
    rows = [[*_cells(row, k, language)] for k, row in enumerate(compared.rows, start=1)]
    parts.append(table(say("allocation_caption", language), head, rows, notes=notes))
    parts.append(plot_tradeoff(compared, language=language))
    parts.append(show_disclosed(compared, language=language))
    parts.append(show_supply(compared, language=language))
    parts.append(tag("p", say("allocation_signature", language), ": ", "_" * 40))
    footer = escape(f"{compared.study} · {compared.digest}")
    return (
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title.say(language))}</title><style>{_STYLE}</style></head><body>"
        f'<div class="sheet"><main>{"".join(parts)}</main><div class="foot">{footer}</div></div>'
        "</body></html>\n"
    )


def show_value(row: Row, column: str, language: Language) -> str:
    """One number of a row in words."""
    value = getattr(row.does, column)
    number = value.estimate if isinstance(value, Estimate) else value
    if column == "apart":
        return say_number(number, language, decimals=2)
    return say_percent(number, language)


def _cells(row: Row, number: int, language: Language) -> Iterator[str]:
    yield name_of(row, number, language)
    yield from (show_value(row, column, language) for column in COLUMNS)


def _facts(compared: Comparison) -> dict[str, object]:
    setting = compared.setting
    strata = word("allocation_unstratified")
    if setting.n_strata > 1:
        strata = word("allocation_strata", n=setting.n_strata)
    return {
        "n": setting.n,
        "ratio": ":".join(str(share) for share in setting.ratio),
        "strata": strata,
        "sequences": compared.n_sequences,
    }


def _notes(compared: Comparison, language: Language) -> Iterator[str]:
    ratio = compared.setting.ratio
    chance = say_percent(max(ratio) / sum(ratio), language)
    yield say("allocation_note_guess", language, chance=chance)
    level = say_number(ALPHA, language, decimals=2)
    power = say_percent(POWER, language)
    yield say("allocation_note_balance", language, power=power, alpha=level)
    errors = [getattr(row.does, key).mc_error for row in compared.rows for key in SHARES]
    error = say_number(100 * max(errors), language, decimals=2)
    yield say("allocation_note_error", language, error=error, seed=compared.seed)
