"""Entering data on a page: what was typed, what it means, and how it is shown again."""
