"""Who may do what: people and programs, passwords, sessions, tokens, rights."""
