"""The pages that edit catalog and accounts, and show ledger, journal and dead letters."""
