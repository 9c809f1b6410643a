"""The ledger's spend decided again under another catalog."""
