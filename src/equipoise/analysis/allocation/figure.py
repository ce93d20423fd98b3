"""Designs in the plane: what is guessed across, what ends unbalanced upwards."""

from equipoise.analysis.allocation.comparing import Comparison
from equipoise.analysis.figures.frame import LEFT, RIGHT, TOP, WIDTH, value_lines, x_tick
from equipoise.analysis.figures.svg import Axis, figure, look_of, marker, text, ticks
from equipoise.analysis.texts import say_number, word
from equipoise.problems import Language

_HEIGHT, _ROW = 420, 18


def plot_tradeoff(compared: Comparison, *, language: Language) -> str:
    """Every design as a numbered mark, the study's own larger; the key below names the numbers."""
    across = [100 * row.does.guessed.estimate for row in compared.rows]
    upwards = [100 * row.does.unbalanced.estimate for row in compared.rows]
    x_scale, y_scale = ticks(min(across), max(across)), ticks(0, max(*upwards, 1))
    bottom = _HEIGHT - 60
    x = Axis(x_scale[0], x_scale[-1], LEFT + 10, WIDTH - RIGHT - 10)
    y = Axis(y_scale[0], y_scale[-1], bottom, TOP + 24)
    label = word("allocation_plot_up").say(language)
    drawn = [*value_lines(y, y_scale, language=language, label=label)]
    drawn += [x_tick(x.at(v), say_number(v, language, decimals=0), bottom) for v in x_scale]
    words = word("allocation_plot_across").say(language)
    drawn.append(text(words, x=WIDTH - RIGHT, y=bottom + 40, anchor="end", font_weight="600"))
    for number, row in enumerate(compared.rows, 1):
        look = look_of(1 if row.is_own else 0)
        at = x.at(across[number - 1]), y.at(upwards[number - 1])
        drawn.append(marker(look, *at, size=6 if row.is_own else 4, hint=row.name.say(language)))
        drawn.append(text(str(number), x=at[0] + 8, y=at[1] - 6, size=11))
        name = f"{number}  {row.name.say(language)}"
        column, line = divmod(number - 1, -(-len(compared.rows) // 2))
        place = 4 + column * WIDTH / 2, _HEIGHT + line * _ROW
        weight = "600" if row.is_own else None
        drawn.append(text(name, x=place[0], y=place[1], size=12, font_weight=weight))
    own = next((row.name.say(language) for row in compared.rows if row.is_own), "–")
    return figure(
        drawn,
        width=WIDTH,
        height=_HEIGHT + _ROW * (len(compared.rows) // 2 + 1),
        title=word("allocation_plot_title").say(language),
        description=word("allocation_plot_description", own=own).say(language),
        kind="allocation",
    )
