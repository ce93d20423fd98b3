"""The flow of participants drawn as CONSORT 2025 has it."""

from collections.abc import Iterator
from itertools import pairwise

from msgspec import Struct

from equipoise.analysis.figures.svg import figure, line, path, tag, text, wrap
from equipoise.analysis.flow import LEFT_EARLY, NO_CRITERION, Flow, FlowGroup
from equipoise.analysis.texts import word
from equipoise.problems import Language

LINE, PAD, GAP = 18, 10, 34
MAX_REASONS = 10
COLUMN_CHARACTERS, SIDE_CHARACTERS = 27, 34
COLUMN, SIDE = 244, 300


class _Box(Struct, frozen=True):
    """Lines of words in a frame; the first is printed bold."""

    x: float
    y: float
    width: float
    lines: tuple[str, ...]

    @property
    def height(self) -> float:
        return len(self.lines) * LINE + 2 * PAD - 4

    @property
    def middle(self) -> float:
        return self.x + self.width / 2

    @property
    def bottom(self) -> float:
        return self.y + self.height


def plot_flow(flow: Flow, *, language: Language) -> str:
    """The diagram as SVG text: screened, excluded with reasons, randomized, each group's way."""
    n_groups = len(flow.groups)
    width = max(n_groups * (COLUMN + 16) + 4, COLUMN + SIDE + 80)
    spine = width / 2 if n_groups > 2 else COLUMN / 2 + 2
    screened = _box("flow_screened", spine, 2, language=language, n=flow.n_screened)
    failed = _failed_box(flow, spine + 40, screened.bottom + 14, language=language)
    waiting = _Box(
        failed.x,
        failed.bottom + 12,
        SIDE,
        tuple(
            wrap(
                word("flow_in_screening", n=flow.n_in_screening).say(language),
                width=SIDE_CHARACTERS,
            )
        ),
    )
    side = [failed, waiting] if flow.n_in_screening else [failed]
    randomized = _box(
        "flow_randomized", spine, side[-1].bottom + 18, language=language, n=flow.n_randomized
    )
    drawn = [
        *map(_draw, (screened, *side, randomized)),
        _arrow(spine, screened.bottom, spine, randomized.y),
        *(_arrow(spine, b.y + b.height / 2, b.x, b.y + b.height / 2) for b in side),
    ]
    boxes = _group_boxes(flow, randomized.bottom + GAP, width=width, spine=spine, language=language)
    drawn += _draw_groups(randomized, boxes)
    return figure(
        drawn,
        width=width,
        height=max(column[-1].bottom for column in boxes) + 4,
        title=word("flow_title").say(language),
        description=_describe(flow, language),
        kind="flow",
    )


def reason_lines(flow: Flow, language: Language, *, most: int = MAX_REASONS) -> list[str]:
    """The reasons of exclusion in words, the most frequent first; rare ones together at the end."""
    ranked = sorted(flow.reasons, key=lambda r: -r[1])
    lines = [_reason(name, n, language) for name, n in ranked[:most]]
    rest = sum(n for _, n in ranked[most:])
    return [*lines, word("flow_more", n=rest).say(language)] if rest else lines


def _reason(name: str, n: int, language: Language) -> str:
    special = {LEFT_EARLY: "flow_left_early", NO_CRITERION: "flow_no_criterion"}
    key = special.get(name, "flow_criterion")
    return word(key, criterion=name, n=n).say(language)


def _failed_box(flow: Flow, x: float, y: float, *, language: Language) -> _Box:
    title = wrap(word("flow_failed", n=flow.n_failed).say(language), width=SIDE_CHARACTERS)
    reasons = reason_lines(flow, language)
    if sum(n for _, n in flow.reasons) > flow.n_failed:
        reasons += wrap(word("flow_several").say(language), width=SIDE_CHARACTERS + 6)
    return _Box(x, y, SIDE, (*title, *reasons))


def _box(key: str, x: float, y: float, *, language: Language, n: int) -> _Box:
    words = tuple(wrap(word(key, n=n).say(language), width=COLUMN_CHARACTERS))
    return _Box(x - COLUMN / 2, y, COLUMN, words)


def _group_boxes(
    flow: Flow, y: float, *, width: float, spine: float, language: Language
) -> list[list[_Box]]:
    """For each group: allocation and what was received, follow-up, end."""
    n = len(flow.groups)
    step = COLUMN + 16
    first = spine if n == 1 else max(width / 2 - step * (n - 1) / 2, COLUMN / 2 + 2)
    names = {name: label.say(language) for name, label in flow.encounters}
    words = [_group_words(g, names, language) for g in flow.groups]
    tops = [y]
    for level in range(2):
        tallest = max(len(w[level]) for w in words) * LINE + 2 * PAD - 4
        tops.append(tops[-1] + tallest + GAP)
    return [
        [
            _Box(first + i * step - COLUMN / 2, top, COLUMN, lines)
            for top, lines in zip(tops, column, strict=True)
        ]
        for i, column in enumerate(words)
    ]


def _group_words(
    group: FlowGroup, names: dict[str, str], language: Language
) -> tuple[tuple[str, ...], ...]:
    head = tuple(wrap(f"{group.label.say(language)} (n = {group.n})", width=COLUMN_CHARACTERS))
    received = [
        piece
        for encounter, n in group.received
        for piece in wrap(
            word("flow_received", encounter=names[encounter], n=n).say(language),
            width=COLUMN_CHARACTERS + 4,
        )
    ]
    ongoing = word("flow_ongoing", n=group.n_ongoing).say(language)
    withdrawn = word("flow_withdrawn", n=group.n_withdrawn).say(language)
    completed = word("flow_completed", n=group.n_completed).say(language)
    stopped = word("flow_stopped", n=group.n_stopped).say(language)
    followed = (withdrawn, stopped, ongoing) if group.n_stopped else (withdrawn, ongoing)
    return (*head, *received), followed, (completed,)


def _draw_groups(randomized: _Box, boxes: list[list[_Box]]) -> Iterator[str]:
    rail = randomized.bottom + GAP / 2
    tops = [column[0] for column in boxes]
    yield line(randomized.middle, randomized.bottom, randomized.middle, rail, stroke_width=1.2)
    if len(tops) > 1:
        yield line(tops[0].middle, rail, tops[-1].middle, rail, stroke_width=1.2)
    for column in boxes:
        yield _arrow(column[0].middle, rail, column[0].middle, column[0].y)
        for upper, lower in pairwise(column):
            yield _arrow(upper.middle, upper.bottom, lower.middle, lower.y)
        yield from map(_draw, column)


def _draw(box: _Box) -> str:
    frame = tag(
        "rect",
        x=box.x,
        y=box.y,
        width=box.width,
        height=box.height,
        rx=3,
        fill="none",
        stroke="currentColor",
        stroke_width=1.2,
    )
    words = (
        text(
            words,
            x=box.x + PAD,
            y=box.y + PAD + LINE * i + 10,
            font_weight="600" if i == 0 else None,
        )
        for i, words in enumerate(box.lines)
    )
    return tag("g", frame, *words, class_="eq-box")


def _arrow(x1: float, y1: float, x2: float, y2: float) -> str:
    """A line with a head at its second end, straight down or to the right."""
    head = (
        [(x2 - 4.5, y2 - 7), (x2, y2), (x2 + 4.5, y2 - 7)]
        if x1 == x2
        else [(x2 - 7, y2 - 4.5), (x2, y2), (x2 - 7, y2 + 4.5)]
    )
    return line(x1, y1, x2, y2, stroke_width=1.2) + path(
        head, stroke="currentColor", stroke_width=1.2
    )


def _describe(flow: Flow, language: Language) -> str:
    sentences = [
        word(
            "flow_description",
            n_screened=flow.n_screened,
            n_failed=flow.n_failed,
            n_in_screening=flow.n_in_screening,
            n_randomized=flow.n_randomized,
        ).say(language)
    ]
    sentences += [
        word(
            "flow_group_description",
            group=g.label,
            n=g.n,
            completed=g.n_completed,
            withdrawn=g.n_withdrawn,
            ongoing=g.n_ongoing,
        ).say(language)
        for g in flow.groups
    ]
    sentences += [
        f"{g.label.say(language)} – {word('flow_stopped', n=g.n_stopped).say(language)}."
        for g in flow.groups
        if g.n_stopped
    ]
    return " ".join(sentences)
