"""What templates can call; everything else reaches them as plain values."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from django.contrib.messages import get_messages
from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.urls import reverse
from django_htmx.jinja import htmx_script
from jinja2 import Environment, StrictUndefined

from equipoise.analysis.deviations import KIND_NAMES
from equipoise.conduct.events import TITLES
from equipoise.web import saying, texts


def environment(**options: Any) -> Environment:
    """The templates' environment: a name that does not exist is an error, never an empty text."""
    made = Environment(**options | {"undefined": StrictUndefined})  # noqa: S701 - set by settings
    made.globals |= {
        "t": texts.t,
        "word": texts.word,
        "say": texts.say,
        "language": texts.language,
        "url": address,
        "asset": asset,
        "htmx_script": htmx_script,
        "get_messages": get_messages,
        "value_of": saying.value_of,
        "deviation_kind": lambda kind: texts.say(KIND_NAMES[kind]),
        "event": lambda kind: texts.say(TITLES.get(kind, kind)),
        "because": saying.because,
    }
    made.filters |= {
        "day": saying.day,
        "instant": saying.instant,
        "number": saying.number,
        "power": saying.power,
        "unit": saying.unit,
        "message": saying.message,
        "hint": saying.hint,
    }
    return made


def address(name: str, **parts: object) -> str:
    """The address of a page of this door."""
    return reverse(name, kwargs=parts)


@cache
def asset(name: str) -> str:
    """The address of a static file, with the digest of its content."""
    found = finders.find(name)
    content = Path(str(found)).read_bytes() if found else b""
    return f"{static(name)}?{hashlib.sha256(content).hexdigest()[:12]}"
