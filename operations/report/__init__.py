"""What a brand's client is shown of a month."""
