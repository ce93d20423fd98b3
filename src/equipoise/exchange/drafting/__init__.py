"""The study folder that a record is drafted into, with a decision where nothing is said."""
