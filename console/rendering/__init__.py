"""Pages from templates: Jinja, static files, flash messages."""
