"""What leaves the trial: copies on record, and what was changed once the blind had ended."""
