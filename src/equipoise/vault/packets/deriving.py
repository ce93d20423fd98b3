"""What packets hold, derived from the vault's seed: the same again after a loss of the paper.

Each batch is drawn by the study's scheme from a key of its own. So the list that is used online
keeps its order, no number is in both, and what a batch holds can be proven like the list.
"""

import base64

from msgspec import Struct
from msgspec.structs import replace

from equipoise.randomization import Specification, counter_draws, draw_list
from equipoise.randomization.generator import derive_key
from equipoise.vault.sealing import Slot, commit, source_leaf

MOST = 99
"""Packets of one batch at most: their places have two digits."""
UNSUITED = frozenset({"minimization", "imported"})
"""Schemes that draw nothing in advance here: the one leans on who came before, the other's list was
made and signed elsewhere."""
_CODE_BYTES = 10
_SUFFIXES = 10_000
_ALIKE = str.maketrans("018", "OIB")


class Batch(Struct, frozen=True, kw_only=True):
    """What a batch is drawn from beside seed and specification."""

    batch: int
    site: str
    stratum: str
    n: int

    @property
    def name(self) -> str:
        """What its key is derived under: all, so no other batch of this number is like it."""
        return f"{self.batch}/{self.site}/{self.n}/{self.stratum}"


def draw_batch(told: Specification, batch: Batch, *, seed: bytes) -> tuple[Slot, ...]:
    """The entries of a batch: number, arm and salt of each place."""
    key = derive_key(seed, "packets", batch.name)
    one = replace(told, strata=(batch.stratum,), n_planned=batch.n)
    listed = draw_list(one, draw_below=counter_draws(key))[: batch.n]
    numbers = _numbers(batch, key)
    return tuple(
        Slot(number=number, allocation=allocation, salt=derive_key(key, "salt", number))
        for number, allocation in zip(numbers, listed, strict=True)
    )


def leaf_of(batch: Batch, *, seed: bytes) -> bytes:
    """The first leaf of a batch's commitment: it binds where the batch belongs and its key."""
    key = derive_key(seed, "packets", batch.name)
    return source_leaf(f"packets/{batch.name}", seed=key, salt=derive_key(key, "salt", ""))


def root_of(told: Specification, batch: Batch, *, seed: bytes) -> str:
    """The commitment to a batch."""
    return commit(draw_batch(told, batch, seed=seed), source=leaf_of(batch, seed=seed))


def code_of(packet: str, number: str, *, batch: Batch, seed: bytes) -> str:
    """What stands inside a packet and proves that it was opened: 16 letters and digits.

    It binds batch and number. Where a restore forgot a batch and another has its name, the old
    paper proves nothing.
    """
    key = derive_key(derive_key(seed, "packets", batch.name), "code", f"{packet}/{number}")
    return base64.b32encode(key[:_CODE_BYTES]).decode()


def plain_code(typed: str) -> str:
    """A code as it was typed or scanned, without what people add and confuse."""
    kept = "".join(c for c in typed.upper() if c.isascii() and c.isalnum())
    return kept.translate(_ALIKE)


def split_scanned(text: str) -> tuple[str, str]:
    """Packet and code of an inner sheet, from its symbol or as somebody typed them."""
    packet, _, code = text.strip().partition(" ")
    return packet.upper(), code.strip()


def packet_of(batch: int, place: int, *, letter: str) -> str:
    """The name on the outside: `P1-03` for a number, `B1-03` for what breaks its code."""
    return f"{letter}{batch}-{place:02}"


def _numbers(batch: Batch, key: bytes) -> list[str]:
    """Numbers that nobody can say before the packet is open, each once: `P-` batch, four digits."""
    draw_below = counter_draws(derive_key(key, "numbers", ""))
    drawn: dict[int, None] = {}
    while len(drawn) < batch.n:
        drawn[draw_below(_SUFFIXES)] = None
    return [f"P-{batch.batch}{suffix:04}" for suffix in drawn]
