"""Published facts and what makes them."""
