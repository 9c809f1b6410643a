"""Searches, shows, replays and drops dead letters."""
