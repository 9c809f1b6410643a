"""Every table of the database, for migrations: a model that is not imported here is not compared."""

from models import (
    account,
    brand,
    campaign,
    catalog_outbox,
    change,
    control_log,
    daypart_window,
    dead_letter_action,
    reconcile_run,
    replay_run,
    spend_correction,
    spend_log,
    topic_incarnation,
)
from models.base import Base

__all__ = [
    "account",
    "brand",
    "campaign",
    "catalog_outbox",
    "change",
    "control_log",
    "daypart_window",
    "dead_letter_action",
    "metadata",
    "reconcile_run",
    "replay_run",
    "spend_correction",
    "spend_log",
    "topic_incarnation",
]

metadata = Base.metadata
