"""Traffic for trying out and for proofs: seeded, with the totals that must come of it known beforehand."""
