"""Pages at the bedside."""
