"""The protocol as immutable data, read from a study folder."""
