"""Careful steps through a decoded JSON document: a wrong type is a gap, never a crash."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

from equipoise.exchange.criteria.items import Gap
from equipoise.exchange.record.words import one_line

Tree = Mapping[str, object]
T = TypeVar("T")
EMPTY: Tree = {}


class Steps:
    """Steps through one document; `gaps` gathers what could not be read."""

    def __init__(self) -> None:
        self.gaps: list[Gap] = []

    def complain(self, where: str, what: str) -> None:
        """Note a gap, once."""
        gap = Gap(one_line(where)[:120], what)
        if gap not in self.gaps:
            self.gaps.append(gap)

    def branch(self, node: Tree, *path: str) -> Tree:
        """The object at a path; an empty one where there is none."""
        found = self._find(node, path)
        return found if isinstance(found, dict) else self._wrong(found, path, EMPTY)

    def rows(self, node: Tree, *path: str) -> list[Tree]:
        """The objects of the list at a path."""
        found = self._find(node, path)
        listed = found if isinstance(found, list) else self._wrong(found, path, list[object]())
        return [row if isinstance(row, dict) else self._wrong(row, path, EMPTY) for row in listed]

    def words(self, node: Tree, *path: str) -> list[str]:
        """The texts of the list at a path."""
        found = self._find(node, path)
        listed = found if isinstance(found, list) else self._wrong(found, path, list[object]())
        texts = [row if isinstance(row, str) else self._wrong(row, path, "") for row in listed]
        return [one_line(text) for text in texts if text.strip()]

    def raw(self, node: Tree, *path: str) -> str:
        """The text at a path as it stands."""
        found = self._find(node, path)
        return found if isinstance(found, str) else self._wrong(found, path, "")

    def text(self, node: Tree, *path: str) -> str:
        """The text at a path on one line, without escapes."""
        return one_line(self.raw(node, *path))

    def whole(self, node: Tree, *path: str) -> int | None:
        """The whole number at a path; None where there is none."""
        found = self._find(node, path)
        is_number = isinstance(found, int | float) and not isinstance(found, bool)
        if is_number and 0 <= float(str(found)) < 1e9 and float(str(found)).is_integer():
            return int(float(str(found)))
        return self._wrong(found, path, None)

    def truth(self, node: Tree, *path: str) -> bool | None:
        """The yes or no at a path; None where there is none."""
        found = self._find(node, path)
        return found if isinstance(found, bool) else self._wrong(found, path, None)

    def _find(self, node: object, path: tuple[str, ...]) -> object:
        for at, key in enumerate(path):
            if not isinstance(node, dict):
                return self._wrong(node, path[:at], None)
            node = node.get(key)
        return node

    def _wrong(self, found: object, path: tuple[str, ...], instead: T) -> T:
        if found is not None:
            shown = one_line(str(found))[:80]
            self.complain(".".join(path), f"not what is expected there: {shown}")
        return instead


def leaves(node: object) -> Iterator[object]:
    """Every single value below a node."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            waiting += reversed(found.values())
        elif isinstance(found, list):
            waiting += reversed(found)
        elif found not in (None, ""):
            yield found
