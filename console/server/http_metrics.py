"""Metrics of the HTTP server. Routes are labelled by their pattern, which has no ids."""

from typing import Final

from prometheus_client import Counter, Histogram

__all__ = ["REQUESTS", "REQUEST_SECONDS", "UNKNOWN_ROUTE"]

UNKNOWN_ROUTE: Final = "none"

REQUESTS: Final = Counter("spendgate_http_requests", "Requests answered", ["method", "route", "status"])
REQUEST_SECONDS: Final = Histogram("spendgate_http_request_seconds", "Time until an answer begins", ["route"])
