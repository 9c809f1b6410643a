"""The HTTP server: the API, and the pages of console/web beside it."""
