"""Text of a record without its escapes and without what no reader could see."""

import html
import re

_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+\-.!<>^~|$&=:\"'/%≥≤])")
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u200b-\u200f\u2028-\u202e\ufeff]")
_SPACES = re.compile(r"[\t\u00a0\u2000-\u200a\u202f\u3000]")


def clean_text(text: str) -> str:
    """Undo escapes (`\\>`, `\\^`, `&gt;`) and odd spaces; nothing else is repaired."""
    return re.sub(r"[ \t\u00a0\u2009\u202f]+", " ", unescape(text)).strip()


def unescape(text: str) -> str:
    """Undo the escapes of Markdown and HTML."""
    return _ESCAPED.sub(r"\1", html.unescape(text))


def clean_lines(text: str) -> list[str]:
    """The lines of a text, each cleaned, with the spaces before it; a tab counts as four."""
    lines: list[str] = []
    for raw in re.split(r"\r\n|[\r\n\u2028\u2029\x0b\x0c\x85]", unescape(strip_unseen(text))):
        plain = _SPACES.sub(" ", raw.replace("\t", "    "))
        body = re.sub(r" +", " ", plain.strip())
        indent = len(plain) - len(plain.lstrip()) if body else 0
        lines.append(" " * indent + body)
    return lines


def one_line(text: str) -> str:
    """A text on one line, without escapes and hidden characters."""
    return " ".join(" ".join(clean_lines(text)).split())


def strip_unseen(text: str) -> str:
    """A text without control characters and halves of characters; line ends stay."""
    kept = re.sub(r"\r\n|[\x0b\x0c\x85\u2028\u2029]", "\n", text)
    return _UNSEEN.sub("", kept)
