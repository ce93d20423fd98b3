"""The vault on another machine: the same questions and answers over TLS, each side certified."""
