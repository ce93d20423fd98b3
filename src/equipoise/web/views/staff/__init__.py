"""Who may do what, over time: the delegation log of each site, and the review of all access."""
