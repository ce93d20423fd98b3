"""`equipoise randomization`: what the scheme of a study does, before it is signed."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from equipoise.cli.answering import (
    DONE,
    PROBLEMS,
    as_json,
    json_option,
    preferred_language,
    problem_rows,
    show_problems,
    show_table,
    telling_time,
)
from equipoise.cli.keeping import FOLDER
from equipoise.problems import LANGUAGES, Language, has_errors

if TYPE_CHECKING:
    from equipoise.analysis.allocation import Comparison


@click.command()
@click.argument("directory", type=FOLDER)
@click.option(
    "--sequences",
    type=click.IntRange(min=100),
    default=20_000,
    show_default=True,
    help="How many trials to simulate of each design.",
)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The page, as HTML, to sign.")
@click.option("--language", type=click.Choice(LANGUAGES), help="By default the terminal's.")
@json_option
def randomization(
    directory: Path,
    sequences: int,
    seed: int,
    output: Path | None,
    language: Language | None,
    is_json: bool,
) -> int:
    """Say what a study's randomization does: how it is guessed, how evenly it ends.

    Its own scheme stands beside the alternatives, each simulated in this study's numbers; then what
    code-breaks tell of others, held to the bound of the study folder, and what shipments tell.
    """
    from time import perf_counter

    from equipoise.analysis.allocation import check_bound, compare_designs, render_comparison
    from equipoise.cli.folders import load_checked, not_writable
    from equipoise.problems import Refused, problem

    study = load_checked(directory)
    plan = study.identity.randomization
    if plan is None:
        raise Refused([problem("EQ-R002", study.identity.study)])
    spoken = language or preferred_language()
    began = perf_counter()
    with telling_time("Simulating"):
        compared = compare_designs(study, plan, seed=seed, n_sequences=sequences)
    found = check_bound(compared)
    if output is not None:
        page = render_comparison(compared, title=study.identity.title, language=spoken)
        try:
            output.write_text(page, encoding="utf-8")
        except OSError as error:
            raise not_writable(output, error) from None
    if is_json:
        answer = msgspec.to_builtins(compared)
        seconds = round(perf_counter() - began, 3)
        as_json({**answer, "problems": problem_rows(found), "seconds": seconds})
    else:
        _show(compared, spoken)
        show_problems(found)
    return PROBLEMS if has_errors(found) else DONE


def _show(compared: "Comparison", spoken: Language) -> None:
    from equipoise.analysis.allocation import page_of_watchers as watchers
    from equipoise.analysis.allocation.page import COLUMNS, show_value
    from equipoise.analysis.texts import word

    names = [word(f"allocation_{key}").say(spoken) for key in ("design", *COLUMNS)]
    rows = [
        [
            f"{'* ' if row.is_own else '  '}{row.name.say(spoken)}",
            *(show_value(row, column, spoken) for column in COLUMNS),
        ]
        for row in compared.rows
    ]
    show_table(names, rows)
    click.echo(f"* {word('allocation_own').say(spoken)}")
    numbers = [d.n_broken for d in max((r.disclosed for r in compared.rows), key=len)]
    names = [names[0], *(word("broken_after", n=n).say(spoken) for n in numbers)]
    cells = (watchers.disclosed_cells(row, len(numbers), spoken) for row in compared.rows)
    click.echo(f"\n{word('broken_caption').say(spoken)}")
    show_table(names, [[row[0], *more] for row, more in zip(rows, cells, strict=True)])
    click.echo(watchers.say_bound(compared, spoken))
    if compared.supply:
        click.echo(f"\n{word('supply_caption').say(spoken)}")
        names = [word(f"supply_{key}").say(spoken) for key in watchers.SUPPLY_COLUMNS]
        show_table(names, [c for w in compared.supply for c in watchers.supply_rows(w, spoken)])
