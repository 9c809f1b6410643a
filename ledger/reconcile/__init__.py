"""The controller's totals against the ledger's sums, and their repair."""
