"""Who somebody is, shown otherwise than by a password: passkeys, and a log-in elsewhere.

What opens an account counts while the ledger lists it; the tables here hold public keys and what
waits for an answer, and whoever writes into them gains nothing.
"""
