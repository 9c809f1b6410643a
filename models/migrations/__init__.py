"""Alembic's scripts; `models.migrations.migrate` runs them."""
