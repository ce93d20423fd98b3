"""Commands about the allocation: what a scheme does, a list made elsewhere, the opened list."""
