"""The rows and the specification of the two views, by Vega-Altair."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from msgspec import Struct

from equipoise.language.words import REASONS
from equipoise.problems import Language, Refused, problem
from equipoise.screening.funnel import CriterionCount, Funnel
from equipoise.screening.plot.texts import TEXTS, Words
from equipoise.study.study import Study

GROUPS = ("failed", "unknown", "passed")
_COLORS = ("#a63d2f", "#d8b04c", "#3f7391")
_WIDTH, _STEP, _LABEL = 560, 22, 330


class Bar(Struct, frozen=True):
    """A criterion in one view, and who fails, is unknown and passes; None is hidden. `because` says
    why it is unknown, where that was counted."""

    criterion: str
    text: str
    counts: tuple[int | None, int | None, int | None]
    because: str = ""


def alone(study: Study, funnel: Funnel, language: Language) -> list[Bar]:
    """Each criterion by itself, the one that bars most people first."""
    names = texts_of(study, language)
    bars = []
    for c in funnel.criteria:
        failed, passed = (c.not_met, c.met) if c.id.startswith("I") else (c.met, c.not_met)
        told = _because(c, language)
        bars.append(Bar(c.id, names[c.id], (failed, c.unknown, passed), told))
    return sorted(bars, key=lambda bar: -(bar.counts[0] or 0))


def _because(criterion: CriterionCount, language: Language) -> str:
    """Kinds of reasons that somebody has, the most frequent first."""
    words = words_for(language)
    if None in criterion.reasons.values():
        return words["hidden"]
    found = sorted(criterion.reasons.items(), key=lambda pair: -(pair[1] or 0))
    told = (f"{to_text(n, words)} {REASONS[kind].say(language)}" for kind, n in found if n)
    return ", ".join(told)


def to_text(count: int | None, words: Words) -> str:
    """A count as people write it."""
    return words["hidden"] if count is None else f"{count:,}".replace(",", words["thousands"])


def in_order(study: Study, funnel: Funnel, language: Language) -> list[Bar]:
    """Each criterion applied to whom those before it did not exclude; none if one is hidden."""
    names = texts_of(study, language)
    return [Bar(s.id, names[s.id], (s.failed, s.unknown, s.passed)) for s in funnel.steps]


def texts_of(study: Study, language: Language) -> Mapping[str, str]:
    """What each criterion says."""
    texts = {name: c.text for name, c in study.criteria}
    return {n: "" if t is None else t.fr if language == "fr" else t.en for n, t in texts.items()}


def to_vega(views: Sequence[tuple[str, Sequence[Bar]]], people: int, words: Words) -> Any:
    """The specification of the views, one above the other.

    Raises:
        Refused: if Vega-Altair is not installed.
    """
    try:
        alt = import_module("altair")
    except ImportError as error:
        raise Refused([problem("EQ-E040")]) from error
    picked = alt.selection_point(fields=["group"], bind="legend")
    charts = [
        _view(alt, title, bars, people=people, words=words, picked=picked)
        for title, bars in views
        if bars
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one legend serves both views, which is meant
        chart = alt.vconcat(*charts, spacing=36).resolve_scale(color="shared").add_params(picked)
        return chart.configure_view(stroke=None).configure(font="sans-serif").to_dict()


def _view(
    alt: Any, title: str, bars: Sequence[Bar], *, people: int, words: Words, picked: Any
) -> Any:
    order = [_label(bar) for bar in bars]
    colors = alt.Scale(domain=[words[g] for g in GROUPS], range=list(_COLORS))
    tooltip = [
        alt.Tooltip("criterion:N", title=words["criterion"]),
        alt.Tooltip("text:N", title=words["text"]),
        alt.Tooltip("group:N", title=words["legend"]),
        alt.Tooltip("people:Q", title=words["people"], format=",d"),
        alt.Tooltip("share:Q", title=words["share"], format=".1%"),
    ]
    if any(bar.because for bar in bars):
        tooltip.append(alt.Tooltip("because:N", title=words["because"]))
    shown = alt.Chart(alt.Data(values=list(_rows(bars, people, words))), title=title).mark_bar()
    return shown.encode(
        x=alt.X("people:Q", title=words["people"], axis=alt.Axis(format=",d", tickMinStep=1)),
        y=alt.Y(
            "label:N", sort=order, title=None, axis=alt.Axis(labelLimit=_LABEL, minExtent=_LABEL)
        ),
        color=alt.Color("group:N", scale=colors, title=words["legend"]),
        order=alt.Order("at:O"),
        opacity=alt.condition(picked, alt.value(1), alt.value(0.2)),
        tooltip=tooltip,
    ).properties(width=_WIDTH, height=alt.Step(_STEP))


def _label(bar: Bar) -> str:
    return f"{bar.criterion}  {bar.text}"


def _rows(bars: Sequence[Bar], people: int, words: Words) -> Iterator[dict[str, object]]:
    for bar in bars:
        for at, (group, count) in enumerate(zip(GROUPS, bar.counts, strict=True)):
            if count is not None:
                yield {
                    "criterion": bar.criterion,
                    "text": bar.text,
                    "label": _label(bar),
                    "group": words[group],
                    "at": at,
                    "people": count,
                    "share": count / people if people else 0,
                    "because": (group == "unknown" and bar.because) or "–",
                }


def words_for(language: Language) -> Words:
    """Every word of the page."""
    return TEXTS[language]
