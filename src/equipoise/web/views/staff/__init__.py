"""Who may do what, over time: delegation logs, the review of all access, a site's own copy."""
