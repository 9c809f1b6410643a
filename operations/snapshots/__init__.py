"""Snapshots that come in by HTTP and from files: their campaigns found, checked, published."""
