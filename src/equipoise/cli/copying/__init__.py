"""Copies that leave a trial by a command: on record, listed, and recognised when they come back."""
