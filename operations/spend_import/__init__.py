"""Files of spend events: read, checked, published."""
