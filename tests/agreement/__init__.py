"""One study, several engines: the same answer for each person, or the engine is wrong."""
