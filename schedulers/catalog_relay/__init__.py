"""The catalog's edits on their way from PostgreSQL to Kafka."""
