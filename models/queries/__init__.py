"""Queries and edits of the tables, in the caller's transaction."""
