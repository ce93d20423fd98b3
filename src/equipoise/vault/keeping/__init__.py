"""Keeping a vault: its key, a new key, copies without the key, and what comes after a restore."""
