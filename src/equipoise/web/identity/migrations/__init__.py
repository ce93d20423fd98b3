"""The tables of this application, in their steps."""
