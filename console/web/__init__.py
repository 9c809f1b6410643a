"""The pages of the console: templates, static files, routes."""
