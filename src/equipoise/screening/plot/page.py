"""One HTML file with the plot, its programs and the same figures as a table; it asks no network."""

from collections.abc import Iterator, Sequence
from html import escape
from importlib import import_module
from pathlib import Path

import msgspec

from equipoise.problems import Language, Refused, Where, problem
from equipoise.screening.funnel import Funnel
from equipoise.screening.plot.bars import GROUPS, Bar, alone, in_order, to_text, to_vega, words_for
from equipoise.screening.plot.texts import Words
from equipoise.study.study import Study

_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data:"
)
"""A browser refuses every other address; Vega writes its own functions, hence `unsafe-eval`."""

_STYLE = """
body { font: 16px/1.45 sans-serif; color: #1c2a33; margin: 1.5rem auto; max-width: 68rem;
  padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
#plot { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid #d5dde2; text-align: left; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
"""


def write_plot(study: Study, funnel: Funnel, path: Path, *, language: Language = "en") -> None:
    """Write the funnel as it may be shown: what it hides stays hidden here.

    Raises:
        Refused: if Vega-Altair is not installed, or the file cannot be written.
    """
    words = words_for(language)
    views = [
        (words["in order"], in_order(study, funnel, language)),
        (words["alone"], alone(study, funnel, language)),
    ]
    vega = to_vega(views, funnel.people, words)
    try:
        programs = import_module("vl_convert").javascript_bundle()
    except ImportError as error:
        raise Refused([problem("EQ-E040")]) from error
    body = "\n".join(_body(funnel, views, words))
    options = {
        "actions": False,
        "formatLocale": {
            "decimal": words["decimal"],
            "thousands": words["thousands"],
            "grouping": [3],
            "currency": ["", ""],
        },
    }
    page = _PAGE.format(
        language=language,
        policy=_POLICY,
        title=escape(f"{study.identity.study} – {words['title']}"),
        style=_STYLE,
        body=body,
        programs=programs.replace("</script", "<\\/script"),
        vega=_script(vega),
        options=_script(options),
    )
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        where = Where(path.name)
        raise Refused([problem("EQ-E030", where, detail=error.strerror or "")]) from error


_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
{body}
<script>{programs}</script>
<script>vegaEmbed("#plot", {vega}, {options});</script>
</body>
</html>
"""


def _script(value: object) -> str:
    """JSON that no text of a study can leave."""
    return msgspec.json.encode(value).decode().replace("<", "\\u003c")


def _body(
    funnel: Funnel, views: Sequence[tuple[str, Sequence[Bar]]], words: Words
) -> Iterator[str]:
    kinds = ("people", "eligible", "not_eligible", "undecided", "potential")
    counts = {k: to_text(getattr(funnel, k), words) for k in kinds}
    yield f"<p>{escape(words['summary'].format(**counts))}</p>"
    if funnel.least_shown:
        yield f"<p>{escape(words['suppressed'].format(most=funnel.least_shown - 1))}</p>"
    if not funnel.steps:
        yield f"<p>{escape(words['hidden order'].format(least=funnel.least_shown))}</p>"
    label = escape("; ".join(title for title, bars in views if bars))
    yield f"<p>{escape(words['hint'])}</p>"
    yield f'<div id="plot" role="img" aria-label="{label}"></div>'
    for title, bars in views:
        if bars:
            yield f"<h2>{escape(title)}</h2>"
            yield from _table(bars, words)


def _table(bars: Sequence[Bar], words: Words) -> Iterator[str]:
    heads = "".join(f'<th class="n" scope="col">{escape(words[g])}</th>' for g in GROUPS)
    yield (
        f'<table><thead><tr><th scope="col">{escape(words["criterion"])}</th>'
        f'<th scope="col">{escape(words["text"])}</th>{heads}</tr></thead><tbody>'
    )
    for bar in bars:
        cells = "".join(f'<td class="n">{to_text(n, words)}</td>' for n in bar.counts)
        yield (
            f'<tr><th scope="row">{escape(bar.criterion)}</th>'
            f"<td>{escape(bar.text)}</td>{cells}</tr>"
        )
    yield "</tbody></table>"
