"""How the state of a trial follows from its events."""

from equipoise.conduct.evolve.folding import apply_to, evolve, fold

__all__ = ["apply_to", "evolve", "fold"]
