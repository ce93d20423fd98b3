"""Pages on which a second person agrees, or does not."""
