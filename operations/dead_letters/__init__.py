"""Dead letters as operators search, read, replay and drop them."""
