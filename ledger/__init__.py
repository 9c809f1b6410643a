"""Spend and commands into PostgreSQL, the system of record."""
