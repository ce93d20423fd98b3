"""Copies that leave a trial by a command, on record and recognised; and those that come back."""
