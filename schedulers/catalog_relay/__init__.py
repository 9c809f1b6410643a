"""Publishes the catalog's edits from PostgreSQL to Kafka."""
