"""Real Apache Kafka and PostgreSQL on this machine, from Python packages alone."""
