"""What an act that is refused says, in every test alike."""

from collections.abc import Callable

import pytest

from equipoise.problems import Refused


def refusal(act: Callable[..., object], *given: object, **named: object) -> list[str]:
    """The codes of the problems with which an act is refused; one that is not is a failure."""
    with pytest.raises(Refused) as refused:
        act(*given, **named)
    return [p.code for p in refused.value.problems]
