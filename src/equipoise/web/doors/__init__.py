"""The addresses of each door."""
