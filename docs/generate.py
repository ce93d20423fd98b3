"""Makes the reference pages from the code, so that they cannot drift: `make docs`."""

import ast
import inspect
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

sys.path.insert(0, str(Path(__file__).parents[1]))  # as a script it stands in `docs`

from tests.house.controls import CONTROLS

from docs.language import language
from equipoise.cli import main
from equipoise.conduct import ACTS, Act
from equipoise.conduct.acts.people import tasks_of
from equipoise.conduct.cells import CELL_ACTS, CELL_EVENTS
from equipoise.conduct.events import EVENTS
from equipoise.conduct.tasks import TASKS
from equipoise.problems import CATALOGUE
from equipoise.study.load import load_study
from equipoise.study.roles import Role
from equipoise.study.schema import write_schemas
from equipoise.web.settings import VARIABLES

ROOT = Path(__file__).parents[1]
MADE = "<!-- Made by docs/generate.py; do not edit. -->\n\n"


def pages() -> dict[str, str]:
    """Every generated file, by its path in the tree."""
    return {
        "docs/reference/problems.md": problems(),
        "docs/reference/events.md": events(),
        "docs/reference/acts.md": acts(),
        "docs/reference/commands.md": commands(),
        "docs/reference/settings.md": settings(),
        "docs/reference/requirements.md": requirements(),
        "docs/reference/controls.md": controls(),
        "docs/reference/language.md": language(MADE),
    }


def problems() -> str:
    """Every problem code with its words and remedy."""
    rows = [
        f"| `{code}` | {x.severity} | {_cell(x.message.en)} | {_cell(x.hint.en)} |"
        for code, x in sorted(CATALOGUE.items())
    ]
    head = "| code | severity | what it says | what to do |\n|---|---|---|---|\n"
    return f"# Problems\n\n{MADE}{head}" + "\n".join(rows) + "\n"


def events() -> str:
    """Everything that can happen."""
    parts = [f"# Events\n\n{MADE}{len(EVENTS)} kinds of things can happen in a trial.\n"]
    for event in EVENTS:
        fields = ", ".join(f"`{f.name}`" for f in msgspec.structs.fields(event))
        parts.append(
            f"## {event.__name__}\n\n*{event.title.en}.* {inspect.getdoc(event)}\n\n"
            f"Holds: {fields or 'nothing'}.\n"
        )
    parts.append(
        f"# In the cell unit's own ledger\n\n{len(CELL_EVENTS)} kinds of things, "
        "which never reach the ledger of the trial.\n"
    )
    for kind in CELL_EVENTS:
        fields = ", ".join(f"`{f.name}`" for f in msgspec.structs.fields(kind))
        parts.append(f"## {kind.__name__}\n\n{inspect.getdoc(kind)}\n\nHolds: {fields}.\n")
    return "\n".join(parts)


def acts() -> str:
    """Who may do what."""
    roles = list(Role)
    head = "| act | of the site | " + " | ".join(r.replace("_", " ") for r in roles) + " |\n"
    head += "|---" * (len(roles) + 2) + "|\n"
    rows = [
        f"| `{name}` | {'yes' if asks_site(act) else ''} | "
        + " | ".join("yes" if r in act.roles else "" for r in roles)
        + " |"
        for name, act in sorted(ACTS.items())
    ]
    notes = [
        f"- `{name}`: {(act.__doc__ or '').splitlines()[0]}" for name, act in sorted(ACTS.items())
    ]
    table = head + "\n".join(rows)
    sealed = [
        f"- `{name}`: {(act.__doc__ or '').splitlines()[0]}"
        for name, act in sorted(CELL_ACTS.items())
    ]
    own = _tasks(roles) + "\n\nOf the cell unit alone, in its own ledger:\n\n" + "\n".join(sealed)
    return f"# Acts and roles\n\n{MADE}{OF_THE_SITE}{table}\n\n" + "\n".join(notes) + own + "\n"


OF_THE_SITE = """Who has a role at some sites alone may do there, and nowhere else, what is
**of the site**; all else is about people or the whole trial. An archive of a site is of the site;
one of all of them is refused to such a person.

"""


def asks_site(act: Act[...]) -> bool:
    """Whether the act asks if a participant, a packet or a site is one of the person's own."""
    asked = {"participant", "may_see"} & set(act.decide.__code__.co_names)
    return bool(asked) or "site" in inspect.signature(act.decide).parameters


def _tasks(roles: list[Role]) -> str:
    """The tasks of a role that can be delegated one by one, in the first study."""
    loaded = load_study(ROOT / "studies" / "nct06722105")
    assert loaded.study is not None
    able = [r for r in roles if tasks_of(loaded.study, r)]
    rows = [
        f"| {task.label.en} | {task.label.fr} | {', '.join(f'`{a}`' for a in sorted(task.acts))} | "
        + " | ".join("yes" if name in tasks_of(loaded.study, r) else "" for r in able)
        + " |"
        for name, task in TASKS.items()
    ]
    head = "| task | in French | acts | " + " | ".join(r.replace("_", " ") for r in able) + " |\n"
    return (
        "\n\nTasks of a role that can be delegated one by one, in the first study. Entering and\n"
        "correcting a form is of its task: the consent, adverse events, or forms. What is\n"
        "of no task everybody of the role may do.\n\n"
        + head
        + "|---" * (len(able) + 3)
        + "|\n"
        + "\n".join(rows)
    )


def commands() -> str:
    """The help text of every command."""
    parts = [f"# Commands\n\n{MADE}"]
    for name, command in _walk(main, "equipoise"):
        with click.Context(command, info_name=name, **main.context_settings) as context:
            parts.append(f"## {name}\n\n```text\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


def settings() -> str:
    """The environment variables that a server reads."""
    rows = [f"| `{name}` | {_cell(text)} |" for name, text in VARIABLES.items()]
    return f"# Settings\n\n{MADE}| variable | meaning |\n|---|---|\n" + "\n".join(rows) + "\n"


def requirements() -> str:
    """Which tests show which requirement."""
    shown: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                for requirement in _required(node):
                    shown[requirement].append(f"`{path.relative_to(ROOT)}::{node.name}`")
    rows = [f"| {r} | {'<br>'.join(shown[r])} |" for r in sorted(shown, key=_natural)]
    intro = (
        "C: regulation as testable rules. F: failure modes of randomization. D: reliability.\n"
        "A requirement is listed once a test shows it or a part of it; nothing else is claimed.\n"
    )
    return (
        f"# Requirements and tests\n\n{MADE}{intro}\n| id | shown by |\n|---|---|\n"
        + "\n".join(rows)
        + "\n"
    )


def controls() -> str:
    """Each control, and the test that fails without it."""
    rows = [f"| {c.name} | `{c.test}` |" for c in CONTROLS]
    intro = (
        "Each of these controls is switched off in a copy of the program, and the test beside it\n"
        "must then fail: a few in each run of the tests, all of them by night.\n"
    )
    table = "| control | the test that fails without it |\n|---|---|\n" + "\n".join(rows)
    return f"# Controls\n\n{MADE}{intro}\n{table}\n"


def _required(node: ast.FunctionDef | ast.ClassDef) -> Iterator[str]:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith(
            "mark.requirement"
        ):
            for argument in decorator.args:
                if isinstance(argument, ast.Constant):
                    yield str(argument.value)


def _natural(name: str) -> tuple[str, int]:
    letters, digits = re.match(r"(\D*)(\d*)", name).groups()  # type: ignore[union-attr]
    return letters, int(digits or 0)


def _walk(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        for part in sorted(command.commands):
            yield from _walk(command.commands[part], f"{name} {part}")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    for name, text in pages().items():
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(text)
        print(name)
    for path in write_schemas(ROOT / "schemas"):
        print(path.relative_to(ROOT))
