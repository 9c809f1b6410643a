"""Reads, checks and publishes files of spend events."""
