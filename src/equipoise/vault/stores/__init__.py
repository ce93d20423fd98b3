"""Where a vault keeps its list and its log: a file of its own, or a database of its own."""
