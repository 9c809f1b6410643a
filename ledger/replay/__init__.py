"""The ledger's spend, read for a new broker and sent to it."""
