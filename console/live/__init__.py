"""What open pages are told while they are looked at: one follower of each topic for all of them."""
