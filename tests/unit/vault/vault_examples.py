"""A vault to try: canary words for its arms and products."""

import pytest

from equipoise.randomization import Specification

SPECIFICATION = Specification(
    study="S1",
    arms=("arm-kestrel", "arm-bittern", "arm-q"),
    ratio=(1, 1, 1),
    blocks=(9,),
    n_planned=18,
)
CONTENTS = {
    "arm-kestrel": {"M0": "product-otter", "M3": "product-otter"},
    "arm-bittern": {"M0": "product-otter", "M3": "product-heron"},
    "arm-q": {"M0": "product-heron"},
}
SEED = b"a rehearsal's seed"
AGREED = {"agreed": ("statistician", "data_manager"), "populations": "0" * 64}

in_a_file = pytest.mark.parametrize("directory", ["file"], indirect=True)
"""For what is true of a vault in a file alone, such as its file."""
