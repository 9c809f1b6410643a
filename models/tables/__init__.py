"""The tables of PostgreSQL as SQLAlchemy models."""
