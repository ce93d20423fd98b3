"""Which item belongs to which, where indentation is lost: by the sequence of their markers alone.

After "5." and two bullets, a list that starts again at 1, 2, 3 and is followed by "6." belongs to
the second bullet. Where two readings are possible the outer one is taken and a mark says so.
"""

import re
from collections.abc import Sequence

from equipoise.exchange.criteria.items import DEEPEST, FARTHEST_JUMP, Node

_OPENER = re.compile(
    r":$|\b(following|defined (as|by)|either|criteria|includes?|including)\W*$", re.IGNORECASE
)
_CONNECTIVE = re.compile(r"\b(or|and)\W*$", re.IGNORECASE)


def place(node: Node, stack: list[list[Node]], *, ahead: Sequence[int]) -> bool:
    """Hang a node where the sequence wants it; False if it must begin another list."""
    if not stack[0]:
        stack[0].append(node)
        return True
    depth = _depth_for(node, stack, ahead)
    if depth == 0:
        return False
    if depth is not None:
        del stack[depth:]
        _mend_jump(stack[-1], node)
        stack[-1].append(node)
        return True
    _nest(node, stack)
    return True


def _depth_for(node: Node, stack: list[list[Node]], ahead: Sequence[int]) -> int | None:
    """Which open list the node continues, counted from 1 (outermost); None: a list of its own.

    Zero says that the node restarts a list and belongs under nothing.
    """
    if node.style == "roman" and not any(level[-1].style == "roman" for level in stack):
        letters = [level for level in stack if level[-1].style == "letter"]
        if any(level[-1].number == 8 for level in letters) and node.number == 1:
            node.style, node.number = "letter", 9
    same = [d for d, level in enumerate(stack, 1) if level[-1].style == node.style]
    if node.style == "bullet":
        return same[-1] if same else None
    exact = [d for d in same if stack[d - 1][-1].number + 1 == node.number]
    if exact:
        is_again = node.number in ahead and 1 not in ahead[: list(ahead).index(node.number)]
        if len(exact) > 1:
            node.marks.append("scope")
        return exact[-1] if len(exact) > 1 and is_again else exact[0]
    last = stack[-1][-1]
    if not same or (node.number == 1 and _is_nested(stack[same[0] - 1][-1], last, ahead)):
        return None
    jumps = {d: node.number - stack[d - 1][-1].number for d in same}
    near = {d: jump for d, jump in jumps.items() if 1 < jump <= FARTHEST_JUMP}
    if near:
        return min(near, key=lambda d: (near[d], -d))
    return None if _OPENER.search(last.text) or last.style == "bullet" else 0


def _is_nested(outer: Node, last: Node, ahead: Sequence[int]) -> bool:
    """Whether a list restarting at 1 lies inside `last`: the outer list goes on after its run."""
    if _OPENER.search(last.text) or last.style != outer.style:
        return True
    run = 1
    for number in ahead:
        if number != run + 1:
            return 0 < number - outer.number <= FARTHEST_JUMP
        run = number
    return False


def _mend_jump(level: list[Node], node: Node) -> None:
    """Parts that follow an item which announces none belong to the lost item after it."""
    last = level[-1]
    is_jump = node.style != "bullet" and node.number > last.number + 1
    if is_jump and last.children and not _OPENER.search(last.text):
        lost = Node(last.style, last.number + 1, "", ["lost_item"], last.children)
        last.children = []
        level.append(lost)


def _nest(node: Node, stack: list[list[Node]]) -> None:
    """Begin a list under the last item, or under the lost one that its last word announces."""
    last = stack[-1][-1]
    if len(stack) == DEEPEST:
        node.marks.append("scope")
        stack[-1].append(node)
        return
    is_open = bool(_OPENER.search(last.text))
    if not is_open and len(stack) > 1 and _CONNECTIVE.search(last.text):
        last = Node(last.style, last.number + 1, "", ["lost_item"])
        stack[-1].append(last)
    elif not is_open:
        last.marks.append("scope")
    last.children.append(node)
    stack.append(last.children)
