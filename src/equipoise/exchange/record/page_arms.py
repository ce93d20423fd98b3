"""The arms of a registry page: a name, then a type word or the name again, then a description."""

from collections.abc import Sequence
from itertools import pairwise

from equipoise.exchange.criteria.items import Gap
from equipoise.exchange.record.facts import ARM_TYPES, DraftArm
from equipoise.exchange.record.page import RegistryPage

LONGEST_NAME = 100
"""Characters; the registry itself cuts arm names there."""


class _Block:
    """The lines of one arm while they are gathered."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.type: str | None = None
        self.own: list[str] = []
        self.given: list[str] = []


def read_arms(page: RegistryPage) -> tuple[tuple[DraftArm, ...], tuple[Gap, ...]]:
    """The arms in the order of the page, and the lines that belong to no arm for certain."""
    lines = [_without_label(line.text) for line in page.lines_of("study groups")]
    given = [_without_label(line.text) for line in page.lines_of("interventions")]
    gaps: list[Gap] = []
    blocks = _blocks([t for t in lines if t not in ("", "-")], given, gaps)
    repeats = [b for b in blocks if b.given[:1] == [b.name]]
    for block in blocks:
        if repeats and len(block.given) > 2:
            rest = " / ".join(block.given[2:])
            gaps.append(Gap(f"arm {block.name}", f"given here too, or an arm of its own: {rest}"))
    if not blocks:
        gaps.append(Gap("arms", "no arm found on the page"))
    gaps += [Gap("arms", f"the type of the arm is lost: {b.name}") for b in blocks if not b.type]
    arms = tuple(DraftArm(b.name, b.type, _describe(b)) for b in blocks)
    gaps += [Gap(f"arm {a.name}", "the arm has no description") for a in arms if not a.description]
    if blocks:
        known = {text for block in blocks for text in (block.name, *block.own, *block.given)}
        gaps += [Gap("Interventions", f"in no arm: {t}") for t in given if t not in known]
    return arms, tuple(gaps)


def _without_label(text: str) -> str:
    for label in ("group type", "arm type"):
        before, colon, after = text.partition(":")
        if before.strip().lower() == label:
            return after.strip()
        if text.lower().startswith(label + " ") and not colon:
            return text[len(label) :].strip()
    return "" if text.lower().startswith(("intervention type", "other intervention name")) else text


def _blocks(lines: Sequence[str], given: Sequence[str], gaps: list[Gap]) -> list[_Block]:
    """Gather the lines of each arm; where a name is lost, its lines are nobody's."""
    blocks: list[_Block] = []
    current: _Block | None = None
    for index, text in enumerate(lines):
        if _begins(index, lines, given, current=current):
            current = _Block(text)
            blocks.append(current)
        elif text in ARM_TYPES and (current is None or current.type):
            current = None
            gaps.append(Gap("Study Groups", f"the name of an arm is lost before: {text}"))
        elif current is None:
            gaps.append(Gap("Study Groups", f"not placed: {text}"))
        elif text in ARM_TYPES:
            current.type = text
        elif text in given or text == current.name or current.given[:1] == [current.name]:
            current.given.append(text)
        elif current.own and _is_name(text):
            current = None
            gaps.append(Gap("Study Groups", f"not placed: {text}"))
        else:
            current.own.append(text)
    return blocks


def _begins(
    index: int, lines: Sequence[str], given: Sequence[str], *, current: _Block | None
) -> bool:
    """Whether the line at `index` is the name of a new arm."""
    text = lines[index]
    following = lines[index + 1 : index + 2]
    if text in ARM_TYPES or not _is_name(text) or _is_described(text, given, current=current):
        return False
    is_repeat = index > 0 and lines[index - 1] == text
    if any(f in ARM_TYPES for f in following) or (text in following and not is_repeat):
        return True
    if is_repeat or any(line in ARM_TYPES for line in lines):
        return False
    if _is_named_again(index, lines) and not (current and current.name == text):
        return True
    if current is None:
        return text not in given and (index == 0 or lines[index - 1] in given)
    has_repeats = any(a == b for a, b in pairwise(lines))
    return bool(current.given) and text not in given and not has_repeats


def _is_named_again(index: int, lines: Sequence[str]) -> bool:
    """Whether a description follows, and then the same name: the arm's, and what it is given."""
    following = lines[index + 1 : index + 3]
    return len(following) == 2 and following[1] == lines[index] and not _is_name(following[0])


def _is_name(text: str) -> bool:
    return len(text) <= LONGEST_NAME and not text.endswith((".", ":", ";"))


def _is_described(text: str, given: Sequence[str], *, current: _Block | None) -> bool:
    """Whether Interventions has this line straight after the current arm's name."""
    return current is not None and (current.name, text) in pairwise(given)


def _describe(block: _Block) -> str:
    """The arm's own words; without any, those of what it is given."""
    if block.own:
        return "\n".join(block.own)
    if block.given[:1] == [block.name]:
        return "".join(block.given[1:2])
    return block.given[1] if len(block.given) == 2 else "\n".join(block.given)
