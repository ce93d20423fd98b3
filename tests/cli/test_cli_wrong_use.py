"""Every command explains itself; none of them breaks on wrong use; a bug is called a bug."""

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import click
import pytest

from equipoise.cli import main
from equipoise.cli.designing import check

from .conftest import STUDY, command, run


def verbs() -> Iterator[tuple[str, ...]]:
    """Every command and group, as the words that name it."""
    todo: list[tuple[tuple[str, ...], click.Command]] = [((), main)]
    while todo:
        words, found = todo.pop()
        yield words
        if isinstance(found, click.Group):
            todo += [((*words, name), child) for name, child in found.commands.items()]


@pytest.mark.parametrize("words", sorted(verbs()), ids=" ".join)
@pytest.mark.parametrize("ask", ["--help", "-h"])
def test_every_command_has_help(words: tuple[str, ...], ask: str) -> None:
    """Usage, one sentence, every option with words beside it."""
    result = run(*words, ask)

    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: main {' '.join(words)}".strip())
    assert result.stderr == ""


@pytest.mark.parametrize("words", sorted(verbs()), ids=" ".join)
@pytest.mark.parametrize("wrong", ["--no-such-option", "no/such/thing"])
def test_wrong_use_is_exit_code_2_and_no_traceback(words: tuple[str, ...], wrong: str) -> None:
    """An option, or an argument, that a command does not know."""
    result = run(*words, wrong)

    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert result.stdout == ""
    assert "Usage:" in result.stderr


def test_the_program_without_words_shows_its_commands() -> None:
    """In its own process, with the exit codes it promises."""
    alone = command()

    assert alone.returncode == 2
    for name in ("check", "draft", "rehearse", "ledger", "serve", "vault", "report"):
        assert f"\n  {name} " in alone.stdout + alone.stderr
    assert "3 a bug" in alone.stdout + alone.stderr


def test_the_version_is_that_of_the_package() -> None:
    """One number, wherever one asks."""
    result = command("--version")

    assert result.returncode == 0
    assert result.stdout.strip().endswith(version("equipoise"))


def test_a_bug_has_exit_code_3_and_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody foresaw is neither hidden nor dressed up as a problem of the user."""

    def broken(**_: object) -> int:
        raise ZeroDivisionError("nobody foresaw this")

    monkeypatch.setattr(check, "callback", broken)
    result = run("check", STUDY)

    assert result.exit_code == 3
    assert "Traceback" in result.stderr
    assert "nobody foresaw this" in result.stderr
    assert "bug in Equipoise" in result.stderr
    assert result.stdout == ""


def test_stopped_by_hand_is_not_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle: one word, exit code 2."""

    def stopped(**_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(check, "callback", stopped)
    result = run("check", STUDY)

    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert "Stopped." in result.stderr


def test_nothing_is_written_by_asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Help and wrong use leave the folder as it was."""
    monkeypatch.chdir(tmp_path)
    for words in verbs():
        run(*words, "--help")
        run(*words, "--no-such-option")

    assert list(tmp_path.iterdir()) == []
