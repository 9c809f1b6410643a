"""Authentication and authorization: sessions, tokens, passwords, roles, CSRF."""
