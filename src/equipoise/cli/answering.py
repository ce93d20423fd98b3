"""How commands answer: words for people, one JSON object for machines, an exit code for both."""

import sys
import threading
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
import msgspec

from equipoise.problems import LANGUAGES, Language, Problem, Refused

if TYPE_CHECKING:
    from equipoise.eligibility import Uncounted

DONE, PROBLEMS, REFUSED, BUG = 0, 1, 2, 3


class Door(click.Group):
    """The one place that turns what went wrong into an exit code."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command; exit with its code, or with 2 if refused and 3 for a bug."""
        kwargs["standalone_mode"] = False
        try:
            code = super().main(*args, **kwargs)
        except Refused as refused:
            show_problems(refused.problems)
            code = REFUSED
        except click.ClickException as wrong_use:
            wrong_use.show()
            code = REFUSED
        except (click.Abort, KeyboardInterrupt):
            click.echo("Stopped.", err=True)
            code = REFUSED
        except Exception:
            traceback.print_exc()
            click.echo("This is a bug in Equipoise: please report the lines above.", err=True)
            code = BUG
        sys.exit(code if isinstance(code, int) else DONE)


def as_json(answer: Mapping[str, object]) -> None:
    """Print one JSON object."""
    text = msgspec.json.format(msgspec.json.encode(answer), indent=2).decode()
    click.echo(text)


def show_problems(problems: Iterable[Problem], *, language: Language | None = None) -> None:
    """Print problems for a person: place, code, what is wrong, what to do."""
    spoken = language or preferred_language()
    for found in problems:
        place = str(found.where)
        head = f"{place}  " if place else ""
        color = "red" if found.severity == "error" else "yellow"
        click.echo(f"{head}{click.style(found.code, fg=color)}  {found.say(spoken)}", err=True)
        click.echo(f"    {found.advise(spoken)}", err=True)


def problem_rows(problems: Sequence[Problem]) -> list[dict[str, object]]:
    """Problems as the stable rows of `--json`."""
    return [
        {
            "code": p.code,
            "severity": p.severity,
            "file": p.where.file,
            "line": p.where.line,
            "column": p.where.column,
            "message": p.message,
            "hint": p.hint,
        }
        for p in problems
    ]


def preferred_language() -> Language:
    """French where the terminal's locale is French, else English."""
    import locale

    spoken = (locale.getlocale()[0] or "en")[:2]
    return next((x for x in LANGUAGES if x == spoken), "en")


def say_uncounted(rows: Iterable["Uncounted"]) -> None:
    """Name each open decision of which an option cannot be counted, and why."""
    for row in rows:
        what = "its other options cannot" if row.counted else "no option can"
        because = f", because {row.because.en}" if row.because else ": the study does not say why"
        click.echo(f"{row.decision}: {what} be counted{because}")


json_option = click.option("--json", "is_json", is_flag=True, help="Answer with one JSON object.")

QUIET_SECONDS = 2.0


@contextmanager
def telling_time(what: str) -> Iterator[None]:
    """After two seconds, and each second from then on, say on standard error that work goes on."""
    done = threading.Event()
    teller = threading.Thread(target=_tell, args=(what, done), daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()


def _tell(what: str, done: threading.Event) -> None:
    began = time.monotonic()
    is_told = False
    wait = QUIET_SECONDS
    while not done.wait(wait):
        is_told, wait = True, 1.0
        print(
            f"\r{what}, {time.monotonic() - began:.0f} s ...", end="", file=sys.stderr, flush=True
        )
    if is_told:
        print(file=sys.stderr)
