"""Keeping a record for decades: archives that verify themselves, backups, and restoring."""
