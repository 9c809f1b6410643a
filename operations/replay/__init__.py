"""Disaster recovery: a new broker filled from the ledger."""
