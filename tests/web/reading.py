"""Pages as a reader's program sees them: elements with their attributes, text and ancestors."""

from html.parser import HTMLParser
from typing import Any

EMPTY = frozenset({"br", "col", "hr", "img", "input", "link", "meta", "wbr"})


class Element:
    """A tag; `text` is all text within, `within` its ancestors, the nearest first."""

    def __init__(self, tag: str, attrs: dict[str, str], within: tuple["Element", ...]) -> None:
        self.tag = tag
        self.attrs = attrs
        self.within = within
        self.parts: list[str] = []

    @property
    def text(self) -> str:
        return " ".join("".join(self.parts).split())

    def get(self, name: str) -> str:
        return self.attrs.get(name, "")

    def is_in(self, tag: str) -> bool:
        return any(e.tag == tag for e in self.within)

    def __repr__(self) -> str:
        return f"<{self.tag} {self.attrs}>{self.text[:60]}"


class Reading(HTMLParser):
    """A parsed page. A tag that closes nothing, or is never closed, is a fault of the page."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.html = html
        self.elements: list[Element] = []
        self.faults: list[str] = []
        self._open: list[Element] = []
        self.feed(html)
        self.close()
        self.faults += [f"never closed: {e!r}" for e in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            self.faults.append(f"attribute twice: {tag} {names}")
        found = Element(tag, {n: v or "" for n, v in attrs}, tuple(reversed(self._open)))
        self.elements.append(found)
        if tag not in EMPTY:
            self._open.append(found)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in EMPTY:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in EMPTY:
            return
        if not self._open or self._open[-1].tag != tag:
            self.faults.append(f"closes nothing: </{tag}> in {self._open[-1:]}")
            return
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.parts.append(data)

    def all(self, *tags: str, **attrs: str) -> list[Element]:
        """Elements of these tags with these attributes (`class_` holds one class)."""
        wanted = attrs.pop("class_", "")
        return [
            e
            for e in self.elements
            if (not tags or e.tag in tags)
            and (not wanted or wanted in e.get("class").split())
            and all(e.attrs.get(n.rstrip("_").replace("_", "-")) == v for n, v in attrs.items())
        ]

    def one(self, *tags: str, **attrs: str) -> Element:
        found = self.all(*tags, **attrs)
        assert len(found) == 1, (tags, attrs, found)
        return found[0]

    @property
    def text(self) -> str:
        """Everything that is read out, scripts and styles apart."""
        body = self.all("body")
        return body[0].text if body else " ".join(self.html.split())

    @property
    def codes(self) -> set[str]:
        """The codes of the problems that the page shows."""
        return {e.text for e in self.all(class_="code") if e.text.startswith("EQ-")}

    def value(self, name: str) -> str:
        """What a field holds: the checked button, or the text."""
        fields = [e for e in self.all("input", "select") if e.get("name") == name]
        assert fields, f"no field {name}"
        if fields[0].get("type") == "radio":
            return next((e.get("value") for e in fields if "checked" in e.attrs), "")
        return fields[0].get("value")


def read(response: Any) -> Reading:
    """The page of a response; of a file that is sent, none."""
    if response.streaming:
        response.close()
        return Reading("")
    return Reading(response.content.decode())
