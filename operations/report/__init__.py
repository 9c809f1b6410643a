"""The report of a brand's month."""
