"""Commands on a written trial: draft, check, screen."""

from pathlib import Path

import click

from equipoise.cli.answering import (
    DONE,
    PROBLEMS,
    as_json,
    json_option,
    problem_rows,
    show_problems,
)

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("record", type=click.Path(exists=True, dir_okay=False, path_type=Path))
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
    click.echo(f"{drafted.study}: {len(drafted.arms)} arms, {len(drafted.criteria)} criteria.")
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


@click.command()
@click.argument("directory", type=FOLDER)
@click.option("--people", required=True, help="A table of people: CSV, Parquet or Arrow.")
@json_option
def screen(directory: Path, people: str, is_json: bool) -> int:
    """Screen a table of people against the criteria, and show the funnel."""
    from equipoise.cli.folders import load_checked
    from equipoise.screening import screen as screen_people

    funnel = screen_people(load_checked(directory), Path(people))
    if is_json:
        as_json(funnel.to_answer())
        return DONE
    click.echo(
        f"{funnel.people} people: {funnel.eligible} eligible, {funnel.not_eligible} not eligible, "
        f"{funnel.undecided} undecided, {funnel.potential} waiting for a judgement."
    )
    click.echo(f"{'criterion':<12}{'met':>10}{'not met':>10}{'unknown':>10}")
    for c in funnel.criteria:
        click.echo(f"{c.id:<12}{c.met:>10}{c.not_met:>10}{c.unknown:>10}")
    return DONE
