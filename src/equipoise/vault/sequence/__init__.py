"""The sequence of a vault: how it is drawn, goes on, is drawn again, opened and proven."""
