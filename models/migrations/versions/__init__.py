"""One file a revision, written by hand in the order of their numbers; a released one is never changed."""
