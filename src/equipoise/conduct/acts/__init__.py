"""Every act of a trial: what a person may do, decided purely, by what it is about."""
