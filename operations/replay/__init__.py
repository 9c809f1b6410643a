"""Disaster recovery: fills a new broker from the ledger."""
