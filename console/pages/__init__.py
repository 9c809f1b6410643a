"""The routes of the HTML pages and of their event streams."""
