"""Paper as PDF: pages that are the same bytes for the same words, in the built-in fonts."""

from collections.abc import Iterable
from io import BytesIO

from reportlab.pdfgen.canvas import Canvas

LINE = 14.0
"""From one line of text to the next, in points."""


def blank_paper(
    size: tuple[float, float], title: str, *, is_compressed: bool = True
) -> tuple[BytesIO, Canvas]:
    """Paper without a clock or a random id in it. Compressed, its length tells of its words."""
    paper = BytesIO()
    canvas = Canvas(paper, pagesize=size, invariant=1, pageCompression=int(is_compressed))
    canvas.setTitle(title)
    return paper, canvas


def write_words(
    canvas: Canvas, words: str, *, at: tuple[float, float], size: int, is_bold: bool = False
) -> None:
    """Words on one line, at a point."""
    canvas.setFont("Helvetica-Bold" if is_bold else "Helvetica", size)
    canvas.drawString(*at, to_latin(words))


def write_lines(
    canvas: Canvas, lines: Iterable[str], *, at: tuple[float, float], size: int = 10
) -> float:
    """Lines below each other; the height of the next one."""
    left, height = at
    for words in lines:
        write_words(canvas, words, at=(left, height), size=size)
        height -= LINE
    return height


def to_latin(words: str) -> str:
    """What the built-in fonts can print."""
    plain = words.replace("\u202f", " ").replace("\u00a0", " ").replace("\u2019", "'")
    return plain.encode("cp1252", "replace").decode("cp1252")
