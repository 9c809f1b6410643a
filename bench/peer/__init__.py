"""Programs of others that do the same, measured in the same run."""
