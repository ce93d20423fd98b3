"""What a refusal is to a browser: the HTTP status of each problem that has one of its own."""

from collections.abc import Iterable

from equipoise.problems import Problem

_STATUSES = {
    "EQ-B023": 404,
    "EQ-B024": 404,
    "EQ-B040": 404,
    "EQ-B070": 404,
    "EQ-C001": 403,
    "EQ-C002": 403,
    "EQ-C003": 404,
    "EQ-C030": 409,
    "EQ-C031": 404,
    "EQ-C033": 403,
    "EQ-C035": 404,
    "EQ-C038": 404,
    "EQ-C042": 409,
    "EQ-C071": 409,
    "EQ-C081": 409,
    "EQ-C084": 409,
    "EQ-C087": 409,
    "EQ-C096": 403,
    "EQ-C097": 403,
    "EQ-C098": 403,
    "EQ-C130": 404,
    "EQ-C140": 409,
    "EQ-C145": 409,
    "EQ-C120": 404,
    "EQ-C148": 403,
    "EQ-C151": 409,
    "EQ-C152": 403,
    "EQ-C190": 403,
    "EQ-C191": 403,
    "EQ-C192": 409,
    "EQ-C196": 403,
    "EQ-C197": 403,
    "EQ-G001": 409,
    "EQ-G052": 503,
    "EQ-G055": 503,
    "EQ-G056": 503,
    "EQ-V037": 409,
    "EQ-V038": 409,
    "EQ-V039": 409,
    "EQ-W020": 403,
    "EQ-W021": 404,
    "EQ-W022": 405,
    "EQ-W023": 403,
    "EQ-W024": 500,
    "EQ-W028": 429,
    "EQ-W052": 502,
    "EQ-W071": 503,
    "EQ-W091": 409,
    "EQ-W110": 409,
    "EQ-W072": 403,
}
"""The HTTP status of a refusal; every other one is 422, unprocessable."""


def status_of(problems: Iterable[Problem]) -> int:
    """The HTTP status of a refusal: the first that is more than 'cannot be processed'."""
    return next((_STATUSES[p.code] for p in problems if p.code in _STATUSES), 422)
