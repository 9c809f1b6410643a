"""Alembic's home: `models.migrations.migrate` runs what is here."""
