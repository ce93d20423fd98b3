"""Who was shown what an infusion holds: on record in the cell unit's ledger before it is shown."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpResponse

from equipoise.conduct.cells import record_use
from equipoise.web.pages import Visit
from equipoise.web.running import cell_unit


def viewed(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page that tells contents: who opens it is on record; what is posted, its act records."""

    @wraps(view)
    def shown(visit: Visit, **parts: Any) -> HttpResponse:
        if not visit.is_posted:
            about = " / ".join(parts.values())
            unit, by = cell_unit(), visit.person
            record_use(unit, by=by, at=visit.now, page=view.__name__, about=about)
        return view(visit, **parts)

    return shown
