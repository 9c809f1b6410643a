"""Kafka as all processes use it: topics, clients, readers, producers."""
