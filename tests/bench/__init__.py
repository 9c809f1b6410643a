"""Tests of what the measurements are reckoned with."""
