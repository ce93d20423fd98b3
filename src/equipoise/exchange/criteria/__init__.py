"""Criteria in free text: lines, lists, review marks, and the rules that words state."""
