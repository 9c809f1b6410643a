"""Measurements of the whole worker on a real broker. `bench/README.md` has the figures."""
