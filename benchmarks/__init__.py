"""How fast it is, side by side with a peer or a limit: `make bench`, or `python -m benchmarks`."""
