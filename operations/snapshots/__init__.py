"""Snapshots from HTTP and files: finds their campaigns, checks and publishes them."""
