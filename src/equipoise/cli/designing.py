"""Commands on a written trial: draft, check, screen."""

import datetime as dt
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from equipoise.cli.answering import (
    DONE,
    PROBLEMS,
    as_json,
    json_option,
    preferred_language,
    problem_rows,
    say_uncounted,
    show_problems,
    telling_time,
)
from equipoise.cli.keeping import FOLDER, OLD_FILE
from equipoise.problems import LANGUAGES, Language

if TYPE_CHECKING:
    from equipoise.screening import CriterionCount, Difference, Funnel
    from equipoise.study.study import Study


@click.command()
@click.argument("record", type=OLD_FILE)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder to write.")
@json_option
def draft(record: Path, output: Path | None, is_json: bool) -> int:
    """Turn a record of a trial into a study folder and its list of open decisions.

    RECORD is a saved registry page (text), a ClinicalTrials.gov study (API version 2, JSON) or a
    USDM study (JSON); JSON may be packed with gzip.
    """
    from equipoise.exchange import draft_study, to_answer, write_draft

    drafted = draft_study(record)
    if output is not None:
        write_draft(drafted, output)
    if is_json:
        as_json(to_answer(drafted))
        return DONE
    n_rules = sum(criterion.expression is not None for criterion in drafted.criteria)
    counts = f"{len(drafted.arms)} arms, {len(drafted.criteria)} criteria"
    click.echo(f"{drafted.study}: {counts}, {n_rules} of them with a proposed rule to review.")
    click.echo(f"{len(drafted.gaps)} things the record does not say, or that could not be placed:")
    for gap in drafted.gaps:
        click.echo(f"  {gap.where}: {gap.what}")
    if output is not None:
        click.echo(f"Written to {output}. Next: equipoise check {output}")
    else:
        click.echo("Nothing was written; give -o DIR to write the study folder.")
    return DONE


@click.command()
@click.argument("directory", type=FOLDER)
@json_option
def check(directory: Path, is_json: bool) -> int:
    """Say everything that is wrong or undecided in a study folder."""
    from equipoise.conduct import check_folder

    checked = check_folder(directory)
    decisions = checked.study.decisions if checked.study else ()
    if is_json:
        rows = [{"id": d.id, "question": d.question.en, "status": d.status} for d in decisions]
        as_json(
            {"ok": checked.is_ok, "problems": problem_rows(checked.problems), "decisions": rows}
        )
        return DONE if checked.is_ok else PROBLEMS
    show_problems(checked.problems)
    errors = sum(p.severity == "error" for p in checked.problems)
    warnings = len(checked.problems) - errors
    still_open = [d for d in decisions if d.status == "open"]
    click.echo(f"{errors} errors, {warnings} warnings, {len(still_open)} open decisions.")
    for decision in still_open:
        click.echo(f"  {decision.id}: {decision.question.en}")
    if checked.is_ok and still_open:
        click.echo("It can be rehearsed, on its stated assumptions. It cannot go live.")
    return DONE if checked.is_ok else PROBLEMS


FILE = click.Path(path_type=Path)
_DAY = click.DateTime(["%Y-%m-%d"])
_MOST_LINES = 20


class Asked(msgspec.Struct, frozen=True):
    """What is asked beside the funnel."""

    mapping: Path | None
    facts: Path | None
    out: Path | None
    readings: Path | None
    explains: bool
    settles: bool
    compares: bool
    day: dt.date | None


@click.command()
@click.argument("directory", type=FOLDER)
@click.option(
    "--people",
    required=True,
    help="A CSV, Parquet or Arrow file, a DuckDB file (.duckdb), or a postgresql:// address.",
)
@click.option("--table", default="people", show_default=True, help="The table of a database.")
@click.option("--mapping", type=FILE, help="Which column feeds which value, as YAML.")
@click.option("--facts", type=FILE, help="With --mapping: a file of one row a measurement.")
@click.option("--reference-date", type=_DAY, help="The day that ages count to, as 2026-03-27.")
@click.option("--out", type=FILE, help="Verdict and criteria of each: .parquet, .csv or .arrow.")
@click.option(
    "--reasons",
    "explains",
    is_flag=True,
    help="Count why each criterion is unknown.",
)
@click.option("--settle", "settles", is_flag=True, help="List what would settle the undecided.")
@click.option("--what-if", "compares", is_flag=True, help="Compare readings of open decisions.")
@click.option("--readings", type=FILE, help="Options of decisions as rules, for --what-if.")
@click.option("--plot", type=FILE, help="The funnel as a page to point at: an .html file.")
@click.option("--language", type=click.Choice(LANGUAGES), help="Of the plot.")
@click.option("--suppress", type=click.IntRange(0), default=0, help="Hide counts below N.")
@json_option
def screen(
    directory: Path,
    people: str,
    table: str,
    plot: Path | None,
    language: Language | None,
    suppress: int,
    is_json: bool,
    **asked: Any,
) -> int:
    """Screen a table of people against the criteria, and show the funnel."""
    from equipoise.cli.folders import load_checked

    study = load_checked(directory)
    stated = asked.pop("reference_date")
    wishes = Asked(**asked, day=stated.date() if stated else None)
    more: dict[str, list[dict[str, Any]]] = {}
    with telling_time("screening"):
        if _is_database(people):
            funnel, more = _screen_database(study, people, table, wishes)
        else:
            funnel, more = _screen_file(study, Path(people), wishes)
    shown = funnel.suppressed(suppress)
    more = {k: _suppressed(k, rows, suppress) for k, rows in more.items()}
    if plot is not None:
        from equipoise.screening.plot import write_plot

        write_plot(study, shown, plot, language=language or preferred_language())
    if is_json:
        as_json(shown.to_answer() | more)
    else:
        _show(shown, more)
    return DONE


def _is_database(people: str) -> bool:
    return people.startswith(("postgresql://", "postgres://")) or people.endswith(".duckdb")


def _screen_file(
    study: "Study", people: Path, asked: Asked
) -> "tuple[Funnel, dict[str, list[dict[str, Any]]]]":
    from equipoise.problems import Where
    from equipoise.screening import (
        apply_mapping,
        compare_readings,
        load_mapping,
        load_readings,
        open_table,
        prepare,
        run,
        settle,
        with_reasons,
        write_people,
    )

    rows, where, units = open_table(people), Where(people.name), {}
    if asked.mapping is not None:
        facts = open_table(asked.facts) if asked.facts else None
        mapped = load_mapping(asked.mapping)
        table = apply_mapping(study, mapped, rows, facts, reference_on=asked.day)
        rows, units = table.rows, dict(table.units)
    engine = prepare(study, rows, {}, reference_on=asked.day, where=where, units=units)
    # A join with measurements, which may come alone, gives rows that lie in no file.
    funnel = run(engine, rows, where=where, file=None if asked.facts else people)
    if asked.explains:
        funnel = with_reasons(engine, rows, funnel)
    if asked.out is not None:
        write_people(engine, rows, asked.out)
    more: dict[str, Any] = {}
    if asked.settles:
        more["settle"] = msgspec.to_builtins(settle(engine, rows))
    if asked.compares:
        if asked.mapping is not None:  # people are compared in order, and a join may order anew
            rows = rows.collect(engine="streaming").lazy()
        readings = load_readings(asked.readings) if asked.readings else {}
        found = compare_readings(study, rows, readings, reference_on=asked.day, units=units)
        more |= _compared(study, found)
    return funnel, {k: list(v) for k, v in more.items()}


def _screen_database(
    study: "Study", people: str, table: str, asked: Asked
) -> "tuple[Funnel, dict[str, list[dict[str, Any]]]]":
    from equipoise.screening import load_mapping, load_readings
    from equipoise.screening.warehouse import (
        compare_held,
        connect,
        count_people,
        hold_people,
        reasons_held,
        settle_held,
        write_held,
    )

    if asked.facts:
        raise click.UsageError("--facts: a mapping names the tables of a database.")
    mapped = load_mapping(asked.mapping) if asked.mapping else None
    connection, dialect = connect(people)
    more: dict[str, list[dict[str, Any]]] = {}
    with closing(connection):
        held = hold_people(
            study, connection, table, mapped, dialect=dialect, reference_on=asked.day
        )
        funnel = count_people(held)
        if asked.explains:
            funnel = reasons_held(held, funnel)
        if asked.out is not None:
            write_held(held, asked.out)
        if asked.settles:
            more["settle"] = msgspec.to_builtins(settle_held(held))
        if asked.compares:
            readings = load_readings(asked.readings) if asked.readings else {}
            more |= _compared(study, compare_held(held, readings))
    return funnel, more


def _compared(study: "Study", found: "Sequence[Difference]") -> dict[str, list[dict[str, Any]]]:
    """The rows of `--what-if`."""
    from equipoise.eligibility import find_uncounted

    uncounted = find_uncounted(study, [(d.decision, d.option) for d in found])
    return {
        "whatif": list(msgspec.to_builtins(found)),
        "not_executable": list(msgspec.to_builtins(uncounted)),
    }


def _suppressed(key: str, rows: list[dict[str, Any]], least: int) -> list[dict[str, Any]]:
    """Rows without small counts, and without the next smallest of those that sum up to a count
    which is shown: the undecided, or all whom another reading moves."""

    if key == "settle":
        return _shown_lists(rows, least)
    if key != "whatif":
        return rows
    kept = [row for row in rows if not 0 < row["changed"] < least]
    return [{**row, "moves": _shown_moves(row["moves"], least)} for row in kept]


def _shown_lists(rows: list[dict[str, Any]], least: int) -> list[dict[str, Any]]:
    """What settles parts the undecided; what may settle overlaps, and a part could be had from it:
    with one hidden, none of these is shown."""
    from equipoise.screening import hide

    sure = [row for row in rows if row["kind"] == "settles"]
    counts = hide([row["people"] for row in sure], least)
    shown = [row for row, n in zip(sure, counts, strict=True) if n is not None]
    may = [row for row in rows if row["kind"] != "settles"]
    is_small = len(shown) < len(sure) or any(row["people"] < least for row in may)
    return shown if is_small else [*shown, *may]


def _shown_moves(moves: dict[str, int], least: int) -> dict[str, int]:
    from equipoise.screening import hide

    counts = hide(list(moves.values()), least)
    return {m: n for m, n in zip(moves, counts, strict=True) if n is not None}


def _show(funnel: "Funnel", more: Mapping[str, list[dict[str, Any]]]) -> None:
    from equipoise.eligibility import Uncounted

    click.echo(
        f"{funnel.people} people: {_text(funnel.eligible)} eligible, "
        f"{_text(funnel.not_eligible)} not eligible, {_text(funnel.undecided)} undecided, "
        f"{_text(funnel.potential)} waiting for a judgement."
    )
    heads = ("met", "not met", "unknown", "failed here", "still open", "passed")
    steps = {s.id: (s.failed, s.unknown, s.passed) for s in funnel.steps}
    click.echo(f"{'criterion':<12}" + "".join(f"{h:>13}" for h in heads[: 6 if steps else 3]))
    for c in funnel.criteria:
        numbers = (c.met, c.not_met, c.unknown, *steps.get(c.id, ()))
        click.echo(f"{c.id:<12}" + "".join(f"{_text(n):>13}" for n in numbers))
        _show_reasons(c)
    for name, n in funnel.implausible.items():
        click.echo(f"{_text(n)} values of {name} were not plausible and count as unknown.")
    for kind, words in (("settles", "settled by"), ("may settle", "may be settled by")):
        lists = [row for row in more.get("settle", []) if row["kind"] == kind]
        for row in lists[:_MOST_LINES]:
            click.echo(f"{row['people']} {words}: {', '.join(row['names'])}")
    for row in more.get("whatif", []):
        moves = ", ".join(f"{n} {move}" for move, n in row["moves"].items())
        moves = moves or (f"{row['changed']} people" if row["changed"] else "nobody")
        click.echo(f"{row['decision']} read as {row['option']}: {moves}")
    say_uncounted(msgspec.convert(more.get("not_executable", []), list[Uncounted]))
    if funnel.least_shown:
        click.echo(f"Counts below {funnel.least_shown} are not shown.")


def _show_reasons(criterion: "CriterionCount") -> None:
    """Only kinds that somebody has; a person may have several."""
    told = [f"{n} {kind.replace('_', ' ')}" for kind, n in criterion.reasons.items() if n]
    if None in criterion.reasons.values():
        told = ["hidden"]
    if told:
        click.echo(f"{'':<4}unknown because: {', '.join(told)}")


def _text(count: int | None) -> str:
    return "hidden" if count is None else str(count)
