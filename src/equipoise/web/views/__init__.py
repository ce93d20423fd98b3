"""The pages, by concern; each is declared with the roles that may open it."""
