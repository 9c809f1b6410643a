"""What open pages receive while they are shown: one follower of each topic for all of them."""
