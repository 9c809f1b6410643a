"""The pages on which people edit the catalog and look into ledger, journal and dead letters."""
