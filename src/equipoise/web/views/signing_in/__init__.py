"""Pages of the other ways to show who one is: passkeys, and a log-in elsewhere."""
