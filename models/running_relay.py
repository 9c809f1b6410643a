"""Tells edits whether a catalog relay runs beside them, and waits until it has published them.

A command that can wait for it needs no client of Kafka, whose import and connections take a fifth of the CPU of a short
one.
"""

import time
from collections.abc import Collection
from typing import Final

from sqlalchemy import String, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError

from models.session import engine_of

__all__ = ["RELAY_RUNS", "published_by_relay"]

#: The key of an advisory lock that each relay shares while it listens; below 2^32, where pg_locks has it as one number.
RELAY_RUNS: Final = 730_582_103
#: Between two questions to PostgreSQL; more for many documents, which it compares with each row of the outbox.
_POLL_SECONDS: Final = 0.01
_POLL_SECONDS_PER_DOCUMENT: Final = 0.0002

_RUNS: Final = text(
    """
    SELECT EXISTS (
        SELECT FROM pg_locks
        WHERE locktype = 'advisory' AND mode = 'ShareLock' AND granted AND (classid, objid, objsubid) = (0, :lock, 1)
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
    """
).bindparams(lock=RELAY_RUNS)
_WAITS: Final = text(
    """
    SELECT EXISTS (
        SELECT FROM catalog_outbox
        WHERE published_at IS NULL AND concat_ws('/', brand_id, campaign_id) = ANY(:record_keys))
    """
).bindparams(bindparam("record_keys", type_=ARRAY(String)))


def published_by_relay(url: str, record_keys: Collection[str], patience_seconds: float) -> bool:
    """Wait until a relay has published the documents of these keys. False where none runs, where it does not come to it
    in time, and while the database cannot be used: then the caller publishes them."""
    until = time.monotonic() + patience_seconds
    poll_seconds = max(_POLL_SECONDS, _POLL_SECONDS_PER_DOCUMENT * len(record_keys))
    try:
        with engine_of(url).connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            if not connection.scalar(_RUNS):
                return False
            while connection.scalar(_WAITS, {"record_keys": list(record_keys)}):
                if time.monotonic() >= until:
                    return False
                time.sleep(poll_seconds)
    except DBAPIError:
        return False
    return True
