"""The HTTP API below /api/v1, health checks and metrics."""
