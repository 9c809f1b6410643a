"""Simulated traffic, reproducible by a seed, whose totals are known in advance."""
