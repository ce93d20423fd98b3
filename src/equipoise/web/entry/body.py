"""The body as a map: the patient seen from the front, each area colored by its value."""

from collections.abc import Mapping

from msgspec import Struct

from equipoise.study.forms import Area, Side

_Box = tuple[float, float, float, float, float]
"""Left edge, top, width, height and corner radius, in a drawing 220 wide and 400 high."""

WIDTH, HEIGHT = 220, 392
_MIDDLE: Mapping[str, _Box] = {
    "face": (86, 8, 48, 56, 24),
    "chest": (73, 74, 74, 62, 13),
    "abdomen": (77, 140, 66, 52, 11),
}
_PATIENTS_RIGHT: Mapping[str, _Box] = {
    "upper_arm": (44, 76, 25, 60, 12),
    "forearm": (34, 140, 23, 58, 11),
    "hand": (28, 202, 25, 23, 9),
    "fingers": (26, 228, 27, 21, 8),
    "thigh": (77, 196, 31, 80, 12),
    "lower_leg": (79, 280, 27, 76, 11),
    "foot": (71, 360, 36, 20, 9),
}


class Shape(Struct, frozen=True):
    """An area of the drawing: one item of the form and its value, or None."""

    item: str
    area: Area
    side: Side
    x: float
    y: float
    width: float
    height: float
    radius: float
    value: int | None

    @property
    def middle(self) -> tuple[float, float]:
        """Where its number stands."""
        return self.x + self.width / 2, self.y + self.height / 2


class BodyMap(Struct, frozen=True):
    """The drawing and its sums; `total` counts what is known."""

    shapes: tuple[Shape, ...]
    total: int
    highest: int
    n_known: int
    n_areas: int


def draw_body(areas: tuple[Area, ...], *, values: Mapping[str, object], top: int) -> BodyMap:
    """The drawing for the values of the areas' items; `top` is the highest score of one area."""
    items = [(area, *side) for area in areas for side in area.sides]
    known = {item: v for _, item, _ in items if isinstance(v := values.get(item), int)}
    shapes = [
        Shape(item, area, side, *box, value=known.get(item))
        for area, item, side in items
        if (box := _box(area.area, side)) is not None
    ]
    return BodyMap(
        shapes=tuple(shapes),
        total=sum(known.values()),
        highest=top * len(items),
        n_known=len(known),
        n_areas=len(items),
    )


def _box(area: str, side: Side) -> _Box | None:
    if not side:
        return _MIDDLE.get(area)
    box = _PATIENTS_RIGHT.get(area)
    if box is None or side == "right":
        return box
    x, y, width, height, radius = box
    return WIDTH - x - width, y, width, height, radius
