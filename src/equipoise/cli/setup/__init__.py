"""Before anybody comes in: the trial is opened, and codes are made at the server."""
