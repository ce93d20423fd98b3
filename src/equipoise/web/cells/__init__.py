"""The cell unit's pages: stock and release, preparation, labels and sheets, traces. Sealed."""
