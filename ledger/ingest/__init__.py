"""From Kafka to rows of PostgreSQL."""
