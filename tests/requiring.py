"""What a test needs of its machine; absent, it is skipped with the reason, and fails in CI."""

import os
from typing import NoReturn

import pytest


def do_without(message: str) -> NoReturn:
    """Skip the test that asks; where everything must be there, fail it."""
    if os.environ.get("EQUIPOISE_REQUIRE_ALL"):
        pytest.fail(message)
    pytest.skip(message)
