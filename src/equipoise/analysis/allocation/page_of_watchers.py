"""What code-breaks and shipments tell, as two sections of the page that is signed."""

from collections.abc import Iterator
from html import escape

from equipoise.analysis.allocation.breaking import MOST
from equipoise.analysis.allocation.breaking import SEQUENCES as N_BROKEN_DRAWN
from equipoise.analysis.allocation.comparing import Comparison, Row, check_bound
from equipoise.analysis.allocation.pairing import Pairing
from equipoise.analysis.allocation.supplying import FAILS, LOST, Watched
from equipoise.analysis.figures.svg import tag
from equipoise.analysis.tables import say, table
from equipoise.analysis.texts import say_number, say_percent, word
from equipoise.problems import Language

SUPPLY_COLUMNS = ("policy", "known", "told", "chance", "gained", "verdict")


def show_disclosed(compared: Comparison, *, language: Language) -> str:
    """Designs down, so many code-breaks across; none where nothing could be computed."""
    computed = [row for row in compared.rows if row.disclosed]
    if not computed:
        return ""
    numbers = [d.n_broken for d in computed[0].disclosed]
    head = [
        say("allocation_design", language),
        *(say("broken_after", language, n=n) for n in numbers),
    ]
    rows = [
        [name_of(row, k, language), *disclosed_cells(row, len(numbers), language)]
        for k, row in enumerate(compared.rows, start=1)
    ]
    errors = [x.mc_error for r in computed for d in r.disclosed for x in (d.guessed, d.certain)]
    error = say_number(100 * max(errors), language, decimals=2)
    note = say("broken_note", language, sequences=N_BROKEN_DRAWN, error=error, most=MOST)
    return "".join(
        [
            tag("h2", say("broken_title", language)),
            tag("p", say("broken_intro", language)),
            tag("p", escape(say_bound(compared, language))),
            table(say("broken_caption", language), head, rows, notes=[note]),
        ]
    )


def say_bound(compared: Comparison, language: Language) -> str:
    """The bound of the study folder, and whether its scheme keeps to it."""
    bound = compared.bound
    if bound is None:
        return word("broken_no_bound").say(language)
    codes = {p.code for p in check_bound(compared)}
    verdict = "untold" if "EQ-R011" in codes else "exceeded" if codes else "kept"
    return word(
        "broken_bound",
        n=bound.breaks,
        guessed=say_percent(bound.guessed, language),
        certain=say_percent(bound.certain, language),
        verdict=word(f"broken_{verdict}"),
    ).say(language)


def disclosed_cells(row: Row, n_columns: int, language: Language) -> list[str]:
    """Best guess and certain share after each number of code-breaks; dashes without a list."""
    if not row.disclosed:
        return ["–"] * n_columns
    return [
        f"{_percent(d.guessed.estimate, language)} / {_percent(d.certain.estimate, language)}"
        for d in row.disclosed
    ]


def show_supply(compared: Comparison, *, language: Language) -> str:
    """Policies of resupply down; nothing where every infusion holds the same."""
    if not compared.supply:
        return ""
    head = [say(f"supply_{key}", language) for key in SUPPLY_COLUMNS]
    rows = [
        [escape(cell) for cell in cells]
        for watched in compared.supply
        for cells in supply_rows(watched, language)
    ]
    shares = {"fails": say_percent(FAILS, language), "lost": say_percent(LOST, language)}
    note = say("supply_note", language, trials=compared.n_trials, **shares)
    return "".join(
        [
            tag("h2", say("supply_title", language)),
            tag("p", say("supply_intro", language)),
            table(say("supply_caption", language), head, rows, notes=[note]),
        ]
    )


def supply_rows(watched: Watched, language: Language) -> Iterator[list[str]]:
    """A line before any code-break and one after, in words."""
    own = f" ({word('allocation_own').say(language)})" if watched.is_own else ""
    for n_broken, pairing in enumerate((watched.unbroken, watched.broken)):
        verdict = "at_chance" if pairing.is_at_chance else "separated"
        yield [
            f"{watched.name.say(language)}{own}",
            str(n_broken),
            _percent(pairing.told.estimate, language),
            _percent(pairing.chance.estimate, language),
            _say_gain(pairing, language),
            word(f"supply_{verdict}").say(language),
        ]


def _say_gain(pairing: Pairing, language: Language) -> str:
    points = (100 * x for x in (pairing.gained.estimate, *pairing.interval))
    gained, low, high = (say_number(x, language, decimals=2) for x in points)
    return f"{gained} ({low}; {high})"


def _percent(share: float, language: Language) -> str:
    return f"{say_number(100 * share, language)}{say_percent(0, language)[1:]}"


def name_of(row: Row, number: int, language: Language) -> str:
    """A design by its number in the plot, the study's own in bold."""
    name = f"{number} {escape(row.name.say(language))}"
    own = f" ({say('allocation_own', language)})"
    return tag("strong", name, own) if row.is_own else name
