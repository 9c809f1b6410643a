"""Reads the ledger's spend and publishes it to a new broker."""
