"""Guesses as they were entered, against what was given; only by arm, so after the lock."""

from collections import Counter
from collections.abc import Mapping
from html import escape

from msgspec import Struct

from equipoise.analysis.blinding.indices import Guesses, Index, estimate_bang, estimate_james
from equipoise.analysis.tables import say, table
from equipoise.analysis.texts import say_number
from equipoise.conduct.state import Participant, TrialState
from equipoise.problems import Language, Text
from equipoise.study.protocol import GuessItem
from equipoise.study.study import Study


class GuessTable(Struct, frozen=True):
    """Whose guesses, those of each side, and the indices."""

    label: Text
    active: Guesses
    placebo: Guesses
    james: Index
    bang_active: Index
    bang_placebo: Index


def tabulate_guesses(
    study: Study, state: TrialState, arms: Mapping[str, str]
) -> tuple[GuessTable, ...]:
    """One table for each guess that the study asks; `arms` are by randomization number.

    An arm counts as active if it gives an active product at all.
    """
    return tuple(_tabulate(study, state, arms, asked=asked) for asked in study.analysis.guesses)


def is_active(study: Study, arm: str) -> bool:
    """Whether an arm gets the studied product at any encounter."""
    products = study.treatments.products
    given = study.identity.arms[arm].gives.values()
    return any(name in products and products[name].active for name in given)


def show_guesses(found: tuple[GuessTable, ...], language: Language) -> str:
    """The tables as HTML."""
    head = [say(f"guess_{n}", language) for n in ("who", "side", "active", "placebo", "unknown")]
    head += [say(f"guess_{n}", language) for n in ("bang", "james")]
    rows = []
    for one in found:
        james = _say_index(one.james, language)
        sides = (
            ("treated", one.active, one.bang_active),
            ("control", one.placebo, one.bang_placebo),
        )
        for side, guesses, bang in sides:
            counts = [str(n) for n in (guesses.active, guesses.placebo, guesses.unknown)]
            name = say(f"guess_{side}", language)
            rows.append(
                [escape(one.label.say(language)), name, *counts, _say_index(bang, language), james]
            )
    return table(say("guess_caption", language), head, rows, notes=[say("guess_note", language)])


def _tabulate(
    study: Study, state: TrialState, arms: Mapping[str, str], *, asked: GuessItem
) -> GuessTable:
    said = {True: Counter[str](), False: Counter[str]()}
    for subject in state.randomized:
        answer = _answer_of(subject, asked.item)
        if answer is not None:
            said[is_active(study, arms[subject.number])][answer] += 1
    active, placebo = (
        Guesses(
            active=sum(said[side][a] for a in asked.active),
            placebo=sum(said[side][a] for a in asked.placebo),
            unknown=sum(
                n for a, n in said[side].items() if a not in (*asked.active, *asked.placebo)
            ),
        )
        for side in (True, False)
    )
    return GuessTable(
        label=asked.label,
        active=active,
        placebo=placebo,
        james=estimate_james(active, placebo),
        bang_active=estimate_bang(active.active, active.placebo, active.unknown),
        bang_placebo=estimate_bang(placebo.placebo, placebo.active, placebo.unknown),
    )


def _answer_of(subject: Participant, item: str) -> str | None:
    """The last answer of a participant, if one was given."""
    form, _, name = item.partition(".")
    record = subject.latest(form)
    value = None if record is None else record.values.get(name)
    return None if value is None else str(value)


def _say_index(index: Index, language: Language) -> str:
    if index.value is None or index.interval is None:
        return "–"
    low, high = (say_number(x, language, decimals=2) for x in index.interval)
    return f"{say_number(index.value, language, decimals=2)} ({low}; {high})"
