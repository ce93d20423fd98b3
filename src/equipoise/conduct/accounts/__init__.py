"""What opens an account, on record: log-ins, their means, and the codes for a password."""
