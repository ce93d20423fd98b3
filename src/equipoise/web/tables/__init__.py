"""Read tables: what the entries add up to, as rows of the ledger's own database.

They are written in the transaction that records an entry, by nothing else, and hold nothing that
does not stand in the ledger: whoever drops them loses nothing. Reports may read them in SQL.
"""
