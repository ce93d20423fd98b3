"""Pages about unblinding: the code-break itself, the register, and the end of the blind."""
