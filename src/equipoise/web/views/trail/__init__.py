"""The audit trail, and its reviews."""
