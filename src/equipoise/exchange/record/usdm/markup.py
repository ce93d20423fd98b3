"""The XHTML of a USDM text as lines with indentation, its lists as marked items."""

import re
from collections.abc import Mapping
from html.parser import HTMLParser

from equipoise.exchange.record.words import strip_unseen

_BLOCKS = frozenset(
    ["p", "div", "br", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "li"]
)
_LISTS = ("ul", "ol")


def to_lines(markup: str, tags: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The lines of a text, and the tags that stand in it and have no value.

    `tags` gives each `<usdm:tag name="..."/>` its value; one without is kept as `[name]`.
    """
    reader = _Lines(tags)
    reader.feed(strip_unseen(markup).replace("\n", " "))
    reader.close()
    reader.flush()
    return reader.lines, reader.unknown


_MARKER = re.compile(r"^(\(?[a-z0-9]{1,2}[.)]|[•*·-])\s+")


def _style(tag: str, attributes: Mapping[str, str | None]) -> str:
    """`letters` for a list that counts by letters, else the tag."""
    is_alpha = "alpha" in (attributes.get("style") or "") or attributes.get("type") in ("a", "A")
    return "letters" if is_alpha else tag


class _Lines(HTMLParser):
    """Gathers text; a list item begins a line with a marker, two spaces deeper a level."""

    def __init__(self, tags: Mapping[str, str]) -> None:
        super().__init__(convert_charrefs=True)
        self.tags = tags
        self.lines: list[str] = []
        self.unknown: list[str] = []
        self._text: list[str] = []
        self._lists: list[tuple[str, int]] = []
        self._marker = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self.flush()
        if tag in _LISTS:
            self._lists.append((_style(tag, dict(attrs)), 0))
        elif tag == "li":
            self._begin_item()
        elif tag in ("td", "th") and self._text:
            self._text.append(" | ")
        elif tag == "usdm:tag":
            self._place(dict(attrs).get("name") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.flush()
        if tag in _LISTS and self._lists:
            self._lists.pop()

    def handle_data(self, data: str) -> None:
        self._text.append(data)

    def flush(self) -> None:
        """End the line, if it has any text."""
        text = " ".join("".join(self._text).split()).strip("| ")
        self._text = []
        if text:
            depth = len(self._lists)
            deeper = "  " * depth if self._marker or not depth else "  " * depth + "   "
            if self._marker:  # some writers give the marker again as text
                text = _MARKER.sub("", text) or text
            self.lines.append(f"{deeper}{self._marker}{text}")
            self._marker = ""

    def _begin_item(self) -> None:
        kind, n = self._lists.pop() if self._lists else ("ul", 0)
        self._lists.append((kind, n + 1))
        letter = f"{chr(97 + n % 26)}. "
        self._marker = {"ol": f"{n + 1}. ", "letters": letter}.get(kind, "* ")

    def _place(self, name: str) -> None:
        if name not in self.tags and name not in self.unknown:
            self.unknown.append(name)
        self._text.append(self.tags.get(name, f"[{name}]"))
