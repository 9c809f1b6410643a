"""Alembic's home: `models.migrate` runs what is here."""
