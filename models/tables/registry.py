"""Imports every table, for migrations: a model that is not imported here is not compared."""

from models.tables import (
    account,
    brand,
    campaign,
    catalog_change,
    catalog_outbox,
    channel,
    control_ack,
    control_log,
    daypart_window,
    dead_letter_action,
    ledger_hole,
    reconcile_run,
    replay_run,
    saved_view,
    spend_correction,
    spend_log,
    topic_incarnation,
)
from models.tables.base import Base

__all__ = [
    "account",
    "brand",
    "campaign",
    "catalog_change",
    "catalog_outbox",
    "channel",
    "control_ack",
    "control_log",
    "daypart_window",
    "dead_letter_action",
    "ledger_hole",
    "metadata",
    "reconcile_run",
    "replay_run",
    "saved_view",
    "spend_correction",
    "spend_log",
    "topic_incarnation",
]

metadata = Base.metadata
