"""Compares the controller's totals with the ledger's sums, and repairs them."""
